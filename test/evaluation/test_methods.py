from dataclasses import replace

import numpy as np
import pytest

from pad_ros.errors import ConfigError
from pad_ros.evaluation import methods
from pad_ros.evaluation.methods import METHODS, find_method
from pad_ros.profiles import load_profile
from pad_ros.results import Status


@pytest.fixture(scope="module")
def inspected(product, sample_images):
    """An image of the part that has a part too many, by each method with an image like it."""
    image = sample_images[9][2]
    return image, {name: METHODS[name].create(product).inspect(image) for name in METHODS}


def test_every_method_judges_with_the_same_pose(inspected):
    _, found = inspected
    assert all(inspection.status == Status.OK and inspection.score > 0 for inspection in found.values())
    poses = [inspection.pose.object_from_camera for inspection in found.values()]
    assert all((pose == poses[0]).all() for pose in poses)
    assert all(0 < i.pose.pnp_ms < i.timings["localization"] for i in found.values())


def test_ours_is_the_inspector_itself(inspected, inspector):
    image, found = inspected
    assert found["pad"].score == inspector.inspect(image).score
    assert METHODS["pad"].calibrated and found["pad"].threshold == inspector.product.calibration.threshold
    assert all(np.isnan(found[name].threshold) for name, method in METHODS.items() if not method.calibrated)


def test_only_ours_shows_the_twin_in_the_light_of_the_image(inspected, inspector):
    _, found = inspected
    for name, inspection in found.items():
        as_trained, shown = inspector.render(inspection.pose.object_from_camera), inspection.reference
        same = (shown.image == as_trained.image)[as_trained.mask].all()
        assert same == (not name.startswith("pad")), name


def test_the_papers_twin_is_cut_out_at_its_mask(inspected):
    _, found = inspected
    inspection = found["paper"]
    reference, background = inspection.reference, inspection.background
    mask = reference.mask
    np.testing.assert_array_equal(reference.mask, found["pad"].reference.mask)
    np.testing.assert_array_equal(inspection.augmented[mask], reference.image[mask])
    np.testing.assert_array_equal(inspection.augmented[~mask], background.image[~mask])
    union = mask | background.object_mask
    assert (union & ~mask).any() and not inspection.anomaly_map[~union].any() and inspection.anomaly_map[union].all()
    assert inspection.score == inspection.anomaly_map.max()


def test_without_background_only_the_twins_mask_counts(inspected):
    image, found = inspected
    inspection = found["paper-no-background"]
    mask = inspection.reference.mask
    np.testing.assert_array_equal(inspection.augmented[~mask], image[~mask])
    assert not inspection.anomaly_map[~mask].any() and inspection.anomaly_map[mask].all()


def test_the_baseline_compares_whole_images_over_white(inspected):
    _, found = inspected
    inspection = found["splatpose-plus"]
    np.testing.assert_array_equal(inspection.augmented, inspection.reference.image)
    assert inspection.anomaly_map.all()


def test_the_papers_comparison_is_that_of_profile_paper():
    profile = load_profile("paper")["anomaly"]
    assert profile["comparison"] == methods._L1 and profile["score"] == {"name": "max"}


def test_a_product_that_compares_otherwise_still_has_the_papers_features(product, sample_images):
    anomaly = {key: value for key, value in product.profile["anomaly"].items() if key != "backbone"}
    other = replace(
        product, profile={**product.profile, "anomaly": anomaly}, provenance={"weights_sha256": "another's"}
    )
    assert METHODS["paper"].create(other).inspect(sample_images[9][2]).status == Status.OK


def test_an_unknown_method_is_refused():
    with pytest.raises(ConfigError, match="no method 'best'; choose from splatpose-plus, paper, "):
        find_method("best")
