"""All weights that do not ship with the package: one line a file, with what is known of it."""

from __future__ import annotations

from dataclasses import dataclass

# The hub's address; HF_ENDPOINT names a mirror.
HUB = "https://huggingface.co"


@dataclass(frozen=True)
class WeightsFile:
    """One file of weights.

    `url` begins with `hub:` for a file of the hub (`hub:OWNER/REPOSITORY/FILE`, at `revision`). `bytes` 0 and `sha256`
    "" mean that they were not known when this table was made: the first download records them.
    """

    file: str  # its name in the folder of the weights
    url: str
    revision: str = ""
    bytes: int = 0
    sha256: str = ""


@dataclass(frozen=True)
class Weights:
    """The weights of one network."""

    name: str
    purpose: str
    licence: str
    files: tuple[WeightsFile, ...]
    variable: str = ""  # environment variable that names another file instead


def _of_hub(repository: str, *files: str, revision: str = "main") -> tuple[WeightsFile, ...]:
    return tuple(WeightsFile(file, f"hub:{repository}/{file}", revision) for file in files)


_MODEL = ("config.json", "model.safetensors")

TABLE: dict[str, Weights] = {
    weights.name: weights
    for weights in (
        Weights(
            "netvlad",
            "retrieval: VGG-16 NetVLAD, trained on Pittsburgh 30k",
            "MIT",
            (
                WeightsFile(
                    "VGG16-NetVLAD-Pitts30K.mat", "https://cvg-data.inf.ethz.ch/hloc/netvlad/Pitts30K_struct.mat"
                ),
            ),
        ),
        Weights(
            "superpoint",
            "local features",
            "Magic Leap: research only, not commercial",
            _of_hub("magic-leap-community/superpoint", *_MODEL, "preprocessor_config.json"),
        ),
        Weights(
            "lightglue_superpoint",
            "matching of SuperPoint's features",
            "Apache-2.0; made with SuperPoint, see there",
            _of_hub("ETH-CVG/lightglue_superpoint", *_MODEL, "preprocessor_config.json"),
        ),
        Weights(
            "birefnet",
            "segmentation: BiRefNet as ONNX, which needs no remote code",
            "MIT",
            _of_hub(
                "onnx-community/BiRefNet-ONNX", "onnx/model.onnx", revision="534d3c82d3bb8b2f0867db6dfbc3a525b8e42f67"
            ),
        ),
        Weights(
            "lama",
            "inpainting: big-lama as TorchScript",
            "Apache-2.0",
            (
                WeightsFile(
                    "big-lama.pt",
                    "https://github.com/Sanster/models/releases/download/add_big_lama/big-lama.pt",
                    bytes=205_669_692,
                    sha256="344c77bbcb158f17dd143070d1e789f38a66c04202311ae3a258ef66667a9ea9",
                ),
            ),
            variable="LAMA_MODEL",
        ),
        Weights(
            "efficientnet_b4",
            "features: EfficientNet-b4 of timm, trained on ImageNet",
            "Apache-2.0",
            _of_hub("timm/efficientnet_b4.ra2_in1k", *_MODEL),
        ),
    )
}
# Which of them a profile needs.
PROFILES = {"cpu": (), "paper": tuple(TABLE)}
