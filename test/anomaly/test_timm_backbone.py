import numpy as np
import pytest

from pad_ros.anomaly.backbone import create_backbone
from pad_ros.errors import BuildError, ConfigError, WeightsError


def test_without_pytorch_it_is_said(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(BuildError, match="backbone 'efficientnet_b4' needs PyTorch"):
        create_backbone({"name": "timm"})


@pytest.fixture(scope="module")
def network():
    torch = pytest.importorskip("torch")
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    return timm.create_model("efficientnet_b0", pretrained=False).eval()


@pytest.fixture
def weights(network, tmp_path):
    from safetensors.torch import save_file

    save_file(network.state_dict(), str(tmp_path / "model.safetensors"))
    return tmp_path / "model.safetensors"


def test_the_levels_are_those_of_the_network_of_normalised_pixels(network, weights):
    import torch

    backbone = create_backbone({"name": "timm", "model": "efficientnet_b0", "weights": str(weights), "device": "cpu"})
    images = np.random.default_rng(0).integers(0, 256, (2, 64, 96, 3), dtype=np.uint8)
    levels = backbone.features(images)
    assert backbone.stride == 32 and len(backbone.sha256) == 64
    assert [level.shape for level in levels] == [
        (2, channels, 64 // stride, 96 // stride)
        for channels, stride in zip((16, 24, 40, 112, 320), (2, 4, 8, 16, 32), strict=True)
    ]
    seen = {}
    for index in (0, 1, 2, 4, 6):  # the last block of each stride
        network.blocks[index].register_forward_hook(lambda module, i, output, n=index: seen.update({n: output}))
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2) / 255.0
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    with torch.inference_mode():
        network((pixels - mean[:, None, None]) / std[:, None, None])
    for level, expected in zip(levels, seen.values(), strict=True):
        np.testing.assert_allclose(level, expected.numpy(), rtol=1e-3, atol=1e-4)


def test_half_precision_gives_nearly_the_same(network, weights):
    images = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3), dtype=np.uint8)
    settings = {"name": "timm", "model": "efficientnet_b0", "weights": str(weights), "device": "cpu"}
    full = create_backbone(settings).features(images)
    half = create_backbone({**settings, "half": True}).features(images)
    for level, expected in zip(half, full, strict=True):
        assert level.dtype == np.float32
        difference = np.abs(level - expected).max() / np.abs(expected).max()
        assert 0 < difference < 0.02


def test_what_is_missing_or_wrong_is_said(network, weights, monkeypatch, tmp_path):
    with pytest.raises(ConfigError, match="are another network's weights, without blocks"):
        create_backbone({"name": "timm", "model": "efficientnet_b1", "weights": str(weights), "device": "cpu"})
    with pytest.raises(ConfigError, match="cannot be made of"):
        create_backbone({"name": "timm", "model": "no_such_network", "weights": str(weights), "device": "cpu"})
    backbone = create_backbone({"name": "timm", "model": "efficientnet_b0", "weights": str(weights), "device": "cpu"})
    with pytest.raises(ConfigError, match="multiples of 32"):
        backbone.features(np.zeros((1, 40, 64, 3), np.uint8))
    monkeypatch.setenv("PAD_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightsError, match="pad weights fetch efficientnet_b4"):
        create_backbone({"name": "timm", "device": "cpu"})
