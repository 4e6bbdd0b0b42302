"""Writes weights of the paper's networks drawn at random, to try profile `paper` where the real ones cannot be had.

    python tools/stand_in_weights.py FOLDER
    PAD_WEIGHTS=FOLDER pad train data/vehicles/coupe -o product --profile FOLDER/profile.yaml

SuperPoint, LightGlue, NetVLAD and EfficientNet-b4 are the real architectures; BiRefNet's stand-in calls a disc in the
middle of each image the part, LaMa's fills with the mean colour. What comes out means nothing. As SuperPoint drawn at
random matches nothing, the profile written beside them is `paper` with ALIKED and its LightGlue. Needs `make paper`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import yaml

from pad_ros.profiles import load_profile

_DISC = 0.35  # radius, of the image's width
# VGG-16's convolutions by their place in the network: channels in and out.
_VGG = {0: (3, 64), 2: (64, 64), 5: (64, 128), 7: (128, 128), 10: (128, 256), 12: (256, 256), 14: (256, 256)}
_VGG |= {17: (256, 512), 19: (512, 512), 21: (512, 512), 24: (512, 512), 26: (512, 512), 28: (512, 512)}


def write_superpoint(folder: Path) -> None:
    """SuperPoint of transformers."""
    from transformers import SuperPointConfig, SuperPointForKeypointDetection

    SuperPointForKeypointDetection(SuperPointConfig()).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text("{}\n")


def write_lightglue(folder: Path) -> None:
    """LightGlue of transformers, for SuperPoint."""
    from transformers import LightGlueConfig, LightGlueForKeypointMatching

    LightGlueForKeypointMatching(LightGlueConfig()).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text("{}\n")


def write_netvlad(folder: Path) -> None:
    """NetVLAD's MATLAB file, as hloc reads it: VGG-16, 64 clusters, whitening that takes every eighth component."""
    from scipy.io import savemat

    rng = np.random.default_rng(0)
    layers = np.empty(34, dtype=object)
    for index in range(len(layers)):
        layers[index] = {"weights": np.zeros(0)}
    for index, (channels, filters) in _VGG.items():
        scale = np.sqrt(2 / (9 * channels))
        kernel = rng.normal(0, scale, (3, 3, channels, filters)).astype(np.float32)
        layers[index] = {"weights": _cells(kernel, np.zeros(filters, np.float32))}
    clusters = rng.normal(0, 0.05, (2, 512, 64)).astype(np.float32)
    layers[30] = {"weights": _cells(*clusters)}
    whitening = np.zeros((1, 1, 512 * 64, 4096), np.int8)
    whitening[0, 0, 8 * np.arange(4096), np.arange(4096)] = 1
    layers[33] = {"weights": _cells(whitening, np.zeros(4096, np.float32))}
    mean = np.broadcast_to(np.float32([123.7, 116.8, 103.9]), (2, 2, 3))
    network = {"layers": layers, "meta": {"normalization": {"averageImage": mean}}}
    savemat(folder / "VGG16-NetVLAD-Pitts30K.mat", {"net": network}, do_compression=True)


def write_birefnet(folder: Path) -> None:
    """An ONNX of BiRefNet's signature whose answer is a disc in the middle."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rows, columns = np.mgrid[:1024, :1024] / 1023.0 - 0.5
    logits = np.where(rows**2 + columns**2 < _DISC**2, 10, -10).astype(np.float32)[None, None]
    weight = np.zeros((1, 3, 1, 1), np.float32)  # of the image, so that it is an input as it should be
    nodes = [
        helper.make_node("Conv", ["input_image", "weight"], ["nothing"]),
        helper.make_node("Add", ["nothing", "disc"], ["output_image"]),
    ]
    graph = helper.make_graph(
        nodes,
        "stand-in",
        [helper.make_tensor_value_info("input_image", TensorProto.FLOAT, [1, 3, 1024, 1024])],
        [helper.make_tensor_value_info("output_image", TensorProto.FLOAT, [1, 1, 1024, 1024])],
        [numpy_helper.from_array(weight, "weight"), numpy_helper.from_array(logits, "disc")],
    )
    (folder / "onnx").mkdir(exist_ok=True)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(folder / "onnx" / "model.onnx"))


def write_lama(folder: Path) -> None:
    """TorchScript of LaMa's signature that fills with the mean colour of what is known."""
    import torch

    class MeanColour(torch.nn.Module):
        def forward(self, image: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            known = 1.0 - mask
            mean = (image * known).sum(dim=[2, 3], keepdim=True) / known.sum()
            return image * known + mean * mask

    torch.jit.script(MeanColour()).save(str(folder / "big-lama.pt"))


def write_efficientnet_b4(folder: Path) -> None:
    """EfficientNet-b4 of timm."""
    import timm
    from safetensors.torch import save_file

    save_file(timm.create_model("efficientnet_b4").state_dict(), str(folder / "model.safetensors"))
    (folder / "config.json").write_text("{}\n")


WRITERS: dict[str, Callable[[Path], None]] = {
    "netvlad": write_netvlad,
    "superpoint": write_superpoint,
    "lightglue_superpoint": write_lightglue,
    "birefnet": write_birefnet,
    "lama": write_lama,
    "efficientnet_b4": write_efficientnet_b4,
}


def write_stand_ins(folder: Path, *names: str) -> None:
    """Writes these, or all, into a folder as `pad weights` keeps them."""
    import torch

    for name in names or WRITERS:
        torch.manual_seed(0)
        (folder / name).mkdir(parents=True, exist_ok=True)
        WRITERS[name](folder / name)


def write_profile(path: Path) -> None:
    """Profile `paper` with features whose real weights are in their package."""
    profile = load_profile("paper")
    aliked = {"name": "aliked", "model": "aliked-n16", "max_keypoints": 4096, "threshold": 0.2, "nms_radius": 2}
    profile["localization"]["features"] = {**aliked, "size": 1024, "device": "auto"}
    path.write_text(yaml.safe_dump({**profile, "name": "paper-stand-in"}, sort_keys=False))


def _cells(*arrays: np.ndarray) -> np.ndarray:
    """A MATLAB cell array."""
    cells = np.empty(len(arrays), dtype=object)
    cells[:] = arrays
    return cells


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    write_stand_ins(folder)
    write_profile(folder / "profile.yaml")
