import numpy as np
import pytest

from pad_ros.anomaly.backbone import create_backbone
from pad_ros.anomaly.comparison import create_comparison
from pad_ros.anomaly.views import Views
from pad_ros.errors import ConfigError, ProductError
from pad_ros.profiles import load_profile

L1 = {"name": "l1", "size": 64}
BACKBONE = {"name": "efficientnet_lite0"}


def views():
    rng = np.random.default_rng(0)
    image = np.kron(rng.integers(40, 220, (12, 12, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    test = image.copy()
    test[40:52, 40:52] = (250, 20, 250)
    image[10:14, 10:14] = 0  # a background rebuilt wrongly, beside the part
    mask = np.zeros((96, 96), bool)
    mask[16:80, 16:80] = True
    return Views(test, image, mask, (~mask).astype(np.float32), mask)


def test_it_is_the_geometric_mean_of_its_comparisons():
    settings = [L1, {"name": "learned"}]
    first, second = (create_comparison(own, BACKBONE).compare(views()) for own in settings)
    combined = create_comparison({"name": "combined", "of": settings}, BACKBONE)
    found, mask = combined.compare(views()), views().mask
    np.testing.assert_allclose(found[mask], np.sqrt(first * second)[mask], rtol=1e-4, atol=1e-6)
    assert 38 <= np.unravel_index(found.argmax(), found.shape)[0] < 54
    beyond = ~mask & (second > 0)  # there the features say nothing, and do not silence the network
    assert beyond.any()
    np.testing.assert_allclose(found[beyond], np.sqrt(first[mask].mean() * second[beyond]), rtol=1e-3)
    assert not found[~mask & (second == 0)].any()


def test_the_map_is_lifted_where_somebody_looks():
    settings = {"name": "combined", "of": [L1, {"name": "learned"}]}
    plain, lifted = (create_comparison({**settings, **more}, BACKBONE).compare(views()) for more in ({}, {"lift": 1.0}))
    assert (plain == 0).any() and not lifted[plain == 0].any()
    np.testing.assert_array_equal(lifted[plain > 0], plain[plain > 0] + np.float32(1.0))
    with pytest.raises(ConfigError, match="lift"):
        create_comparison({**settings, "lift": -1.0}, BACKBONE)


class Counting:
    """A backbone that keeps the images it is given."""

    def __init__(self):
        self.images, self._backbone = [], create_backbone(BACKBONE)
        self.stride, self.sha256 = self._backbone.stride, self._backbone.sha256

    def features(self, images):
        self.images += list(images)
        return self._backbone.features(images)


def test_its_comparisons_share_the_image_s_features_within_one_call_and_no_longer():
    backbone, settings = Counting(), [{"name": "l1", "size": 320}, {"name": "learned"}]
    combined = create_comparison({"name": "combined", "of": settings}, backbone)
    backbone.images.clear()  # one that was asked for its levels
    first = combined.compare(views())
    assert len(backbone.images) == 3  # T, and S_aug as each of the two has it
    np.testing.assert_array_equal(combined.compare(views()), first)
    assert len(backbone.images) == 6


def test_its_checksum_is_that_of_all_weights():
    shas = {
        create_comparison({"name": "combined", "of": of}, BACKBONE).sha256
        for of in ([L1, {"name": "learned"}], [L1, L1], [{"name": "learned"}, L1])
    }
    assert len(shas) == 3 and all(len(sha) == 64 for sha in shas)


@pytest.mark.parametrize("of", [[], [L1], "l1", {"name": "l1"}])
def test_it_needs_two(of):
    with pytest.raises(ConfigError, match="two comparisons or more"):
        create_comparison({"name": "combined", "of": of}, BACKBONE)
    with pytest.raises(ConfigError, match="squares"):
        create_comparison({"name": "combined", "of": [L1, {"name": "squares"}]}, BACKBONE)


def test_the_fast_profile_is_cpu_without_the_network():
    cpu, fast = load_profile("cpu"), load_profile("fast")
    combined = cpu["anomaly"].pop("comparison")
    l1, network = combined["of"]
    assert combined["lift"] == 1.0 < cpu["calibration"].pop("least_threshold")
    assert fast["calibration"].pop("least_threshold") == 0.0
    assert {**l1, "fade": True} == fast["anomaly"].pop("comparison") and network["name"] == "learned"
    assert {**fast, "name": "cpu"} == cpu


def test_the_network_that_ships_is_checked(monkeypatch, tmp_path):
    from pad_ros.anomaly.learned import LearnedComparison

    altered = tmp_path / "difference.onnx"
    altered.write_bytes(LearnedComparison.weights.read_bytes()[:-1] + b"x")
    monkeypatch.setattr(LearnedComparison, "weights", altered)
    with pytest.raises(ProductError, match="truncated or altered"):
        create_comparison({"name": "learned"}, BACKBONE)


def test_a_map_that_fades_would_silence_the_others():
    with pytest.raises(ConfigError, match="fades"):
        create_comparison({"name": "combined", "of": [{**L1, "fade": True}, {"name": "learned"}]}, BACKBONE)
