import sys

import numpy as np
import pytest

from pad_ros.background.inpainting import create_inpainter, dilate
from pad_ros.errors import BuildError, ConfigError, NoObjectError, WeightsError


def test_without_pytorch_it_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(BuildError, match="inpainting 'lama' needs PyTorch, which is not here: `make paper`"):
        create_inpainter({"name": "lama"})


@pytest.fixture
def weights(monkeypatch, tmp_path):
    """TorchScript of LaMa's signature: what is known stays, what is not is a quarter of each channel's known mean."""
    torch = pytest.importorskip("torch")

    class StandIn(torch.nn.Module):
        def forward(self, image: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            assert image.shape[2] % 8 == 0 and image.shape[3] % 8 == 0
            known = 1.0 - mask
            mean = (image * known).sum(dim=[2, 3], keepdim=True) / known.sum()
            return image * known + 0.25 * mean * mask

    torch.jit.script(StandIn()).save(str(tmp_path / "lama.pt"))
    monkeypatch.setenv("LAMA_MODEL", str(tmp_path / "lama.pt"))
    return tmp_path / "lama.pt"


def test_the_masks_pixels_are_the_networks_and_the_others_the_images(weights):
    image = np.random.default_rng(0).integers(0, 256, (45, 61, 3), dtype=np.uint8)  # no multiples of 8
    image[..., 0] = 200
    mask = np.zeros((45, 61), bool)
    mask[20:30, 20:35] = True
    rebuilt = create_inpainter({"name": "lama", "dilation": 2, "device": "cpu"}).inpaint(image, mask)
    unknown = dilate(mask, 2)
    np.testing.assert_array_equal(rebuilt[~unknown], image[~unknown])
    assert (rebuilt[unknown][:, 0] == 50).all()
    # Mirrored beyond the border, as the reference implementation does it: that is in the mean too.
    beyond = [(0, -side % 8) for side in mask.shape]
    padded = np.pad(image, [*beyond, (0, 0)], mode="symmetric") / 255.0
    known = ~np.pad(unknown, beyond, mode="symmetric")
    assert (rebuilt[unknown][:, 1] == np.rint(0.25 * padded[known][:, 1].mean() * 255.0)).all()


def test_masks_that_hide_nothing_or_everything(weights):
    inpainter = create_inpainter({"name": "lama", "device": "cpu"})
    image = np.zeros((16, 16, 3), np.uint8)
    np.testing.assert_array_equal(inpainter.inpaint(image, np.zeros((16, 16), bool)), image)
    with pytest.raises(NoObjectError):
        inpainter.inpaint(image, np.ones((16, 16), bool))


def test_what_is_missing_or_wrong_is_said(weights, monkeypatch, tmp_path):
    with pytest.raises(ConfigError, match="dilation"):
        create_inpainter({"name": "lama", "dilation": -1})
    with pytest.raises(ConfigError, match="no device 'tpu'"):
        create_inpainter({"name": "lama", "device": "tpu"})
    weights.write_bytes(b"no TorchScript")
    with pytest.raises(ConfigError, match=r"lama\.pt: no TorchScript.*pad weights verify lama"):
        create_inpainter({"name": "lama"})
    monkeypatch.delenv("LAMA_MODEL")
    monkeypatch.setenv("PAD_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightsError, match="pad weights fetch lama"):
        create_inpainter({"name": "lama"})
