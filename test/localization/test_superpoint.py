import sys

import cv2
import numpy as np
import pytest
import textured_box

from pad_ros.errors import BuildError, ConfigError, WeightsError
from pad_ros.localization.features import create_features


def test_without_pytorch_it_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(BuildError, match="features 'superpoint' needs PyTorch, which is not here"):
        create_features({"name": "superpoint"})


def test_without_transformers_it_is_said(monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(BuildError, match=r"features 'superpoint' needs transformers, .*: `make paper`"):
        create_features({"name": "superpoint"})


@pytest.fixture
def weights(stand_in_weights, monkeypatch):
    pytest.importorskip("transformers")
    folder = stand_in_weights("superpoint")
    monkeypatch.setenv("PAD_WEIGHTS", str(folder))
    return folder / "superpoint"


def reference(weights, pixels, **settings):
    """Keypoints (centres at 0) and descriptors of transformers' own class on a grey picture [h, w] in 0…1."""
    import torch
    from transformers import SuperPointForKeypointDetection

    network = SuperPointForKeypointDetection.from_pretrained(weights, **settings).eval()
    with torch.inference_mode():
        found = network(torch.from_numpy(pixels)[None, None].repeat(1, 3, 1, 1))
    size = torch.tensor([pixels.shape[1], pixels.shape[0]])
    return (found.keypoints[0] * size).round().numpy(), found.descriptors[0].numpy()


def test_features_are_the_networks_of_the_grey_picture(weights):
    image = textured_box.render(textured_box.view_pose(30, 20), textured_box.clutter(0))[0][:, :300]
    features = create_features({"name": "superpoint", "device": "cpu"}).extract(image)
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255.0
    keypoints, descriptors = reference(weights, grey, max_keypoints=4096, nms_radius=3)
    inner = (keypoints < [296 - 4, 320 - 4]).all(axis=1)  # 300 is not a multiple of 8
    assert len(features) == inner.sum() > 500 and not inner.all()
    np.testing.assert_array_equal(features.keypoints, keypoints[inner] + 0.5)
    assert features.descriptors.dtype == np.int8
    assert np.abs(features.descriptors / 256.0 - descriptors[inner]).max() <= 1 / 512 + 1e-6
    lengths = np.linalg.norm(features.descriptors.astype(float), axis=1)
    assert np.abs(lengths - 256).max() < 5


def test_large_images_are_shrunk_and_keypoints_are_those_of_the_whole_image(weights):
    rng = np.random.default_rng(0)
    image = cv2.resize(rng.integers(0, 256, (60, 80, 3), dtype=np.uint8), (400, 300), interpolation=cv2.INTER_CUBIC)
    features = create_features({"name": "superpoint", "size": 160, "device": "cpu"}).extract(image)
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    small = cv2.resize(grey, (160, 120), interpolation=cv2.INTER_AREA) / 255.0
    keypoints, _ = reference(weights, small, max_keypoints=4096, nms_radius=3)
    kept = keypoints[(keypoints < [160 - 4, 120 - 4]).all(axis=1)]
    np.testing.assert_allclose(features.keypoints, (kept + 0.5) * 2.5, atol=1e-4)


def test_settings_reach_the_network_and_masks_are_kept(weights):
    image, mask = textured_box.render(textured_box.view_pose(30, 20))
    few = create_features({"name": "superpoint", "max_keypoints": 50, "device": "cpu"})
    assert 0 < len(few.extract(image)) <= 50
    near = create_features({"name": "superpoint", "device": "cpu"}).extract(image)
    far_apart = create_features({"name": "superpoint", "nms_radius": 12, "device": "cpu"}).extract(image)
    assert len(far_apart) < 0.8 * len(near)
    strict = create_features({"name": "superpoint", "threshold": 0.1, "device": "cpu"}).extract(image)
    assert len(strict) < len(near)
    inside = few.extract(image, mask)
    assert all(mask[int(y), int(x)] for x, y in inside.keypoints)


def test_what_is_missing_or_wrong_is_said(weights, stand_in_weights, monkeypatch, tmp_path):
    with pytest.raises(ConfigError, match="features 'superpoint': nms_radius must be above 0"):
        create_features({"name": "superpoint", "nms_radius": 0})
    with pytest.raises(ConfigError, match="no device 'tpu'"):
        create_features({"name": "superpoint", "device": "tpu"})
    monkeypatch.setenv("PAD_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightsError, match="pad weights fetch superpoint"):
        create_features({"name": "superpoint"})
    (tmp_path / "superpoint").mkdir()
    for path in weights.iterdir():
        (tmp_path / "superpoint" / path.name).write_bytes(path.read_bytes())
    from safetensors.torch import load_file, save_file

    tensors = load_file(weights / "model.safetensors")
    tensors.pop("encoder.conv_blocks.0.conv_a.weight")
    save_file(tensors, tmp_path / "superpoint" / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ConfigError, match=r"are another network's weights, without encoder\.conv_blocks"):
        create_features({"name": "superpoint", "device": "cpu"})
    (tmp_path / "superpoint" / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ConfigError, match=r"is no SuperPoint.*pad weights verify superpoint"):
        create_features({"name": "superpoint", "device": "cpu"})
