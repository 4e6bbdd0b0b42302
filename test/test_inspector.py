import logging
from dataclasses import replace

import cv2
import numpy as np
import pytest

from pad_ros.anomaly.part import ANCHORS, Level, fuse
from pad_ros.errors import ConfigError, ImageError, NotLocalizedError, ProductError
from pad_ros.geometry import look_at, pose_error
from pad_ros.inspector import Inspector, compose
from pad_ros.lens import Lens, Undistorter
from pad_ros.localization.pnp import project
from pad_ros.results import Background, PoseEstimate, Reference, RegionKind, Status


def first_of_each_part(sample_images):
    return {part: image for part, view, image in reversed(sample_images) if view == 0}


def test_good_and_defective_parts_are_told_apart(inspector, sample_images):
    verdicts = {}
    for part, image in first_of_each_part(sample_images).items():
        inspection = inspector.inspect(image)
        assert inspection.status == Status.OK, inspection.reason
        verdicts[part] = inspection.anomalous
        assert inspection.anomalous == (inspection.score > inspection.threshold)
        assert bool(inspection.regions) == inspection.anomalous
        assert inspection.anomaly_map.shape == image.shape[:2]
        union = (inspection.reference.mask | inspection.background.object_mask).astype(np.uint8)
        outwards = cv2.distanceTransform(1 - union, cv2.DIST_L2, 5)
        assert not inspection.anomaly_map[outwards > 0.5 * np.sqrt(union.sum())].any()  # far from the part
    assert verdicts == {"off_road_car_08": True, "off_road_car_09": False, "off_road_car_11": True}


def test_the_kinds_of_regions(inspector, sample_images):
    """A plate that stands out over the belt was added; a piece of a good part that shows the belt is missing."""
    added = next(image for part, view, image in sample_images if (part, view) == ("off_road_car_11", 7))
    assert inspector.inspect(added).regions[0].kind == RegionKind.ADDED

    good = next(image for part, view, image in sample_images if (part, view) == ("off_road_car_09", 0))
    inspection = inspector.inspect(good)
    rows = np.flatnonzero(inspection.reference.mask.any(axis=1))
    top = slice(0, rows[0] + len(rows) // 3)  # what stands out above the body
    broken = good.copy()
    broken[top] = inspection.background.image[top]
    kinds = {region.kind for region in inspector.inspect(broken).regions}
    assert RegionKind.MISSING in kinds and RegionKind.ADDED not in kinds


def test_weights_of_another_calibration_are_refused(product):
    with pytest.raises(ProductError, match="other weights"):
        Inspector(replace(product, provenance={**product.provenance, "weights_sha256": "0" * 64}))


def test_a_misspelt_region_setting_is_refused_at_once(product):
    profile = {**product.profile, "anomaly": {**product.profile["anomaly"], "regions": {"min_aera": 3}}}
    with pytest.raises(ConfigError, match=r"regions.*min_aera"):
        Inspector(replace(product, profile=profile))


def test_stages_one_by_one_give_what_inspect_gives(inspector, sample_images):
    """The nodes run the stages in separate processes: same score, to the last bit."""
    image = sample_images[9][2]
    whole = inspector.inspect(image)
    pose = inspector.localize(image)
    reference = inspector.render(pose.object_from_camera)
    judged = inspector.judge(image, pose, reference, inspector.separate(image, reference))
    assert judged.score == whole.score
    np.testing.assert_array_equal(judged.anomaly_map, whole.anomaly_map)


BARREL = "plumb_bob", (-0.25, 0.0, 0.0, 0.0, 0.0)


@pytest.fixture(scope="module")
def through_a_lens(product):
    """The sample's product as if its camera had a strong lens, and what brings images there."""
    lens = Lens(product.camera, *BARREL)
    return Inspector(replace(product, lens=lens)), Undistorter(lens)


def test_a_lens_changes_no_verdict(inspector, through_a_lens, sample_images):
    """Images that a lens of k1 = -0.25 distorts give the scores, and the boxes, of the undistorted camera."""
    distorted, undistorter = through_a_lens
    differences = []
    for part, view, image in sample_images[::3]:
        straight, bent = inspector.inspect(image), distorted.inspect(undistorter.distort(image, 130))
        assert (bent.status, bent.anomalous) == (straight.status, straight.anomalous), (part, view)
        differences.append((bent.score - straight.score) / straight.threshold)
        degrees, distance = pose_error(bent.pose.object_from_camera, straight.pose.object_from_camera)
        assert degrees < 0.5 and distance < 0.005
        assert [region.kind for region in bent.regions] == [region.kind for region in straight.regions]
        for ours, theirs in zip(bent.regions, straight.regions, strict=True):
            np.testing.assert_allclose(ours.box, undistorter.distort_region(theirs).box, atol=2)
    # Grain of one grey level moves the score of single images as much.
    assert np.abs(differences).max() < 0.2 and np.median(np.abs(differences)) < 0.01, differences


def test_what_is_reported_is_in_the_pixels_that_came_in(through_a_lens, sample_images):
    distorted, undistorter = through_a_lens
    image = next(image for part, view, image in sample_images if (part, view) == ("off_road_car_08", 0))
    raw = undistorter.distort(image, 130)
    inspection = distorted.inspect(raw)
    assert inspection.anomalous and inspection.regions
    # Where there is neither part nor twin, what is reported of the picture is the picture that came in.
    belt = ~(inspection.reference.mask | inspection.background.object_mask) & undistorter.shown
    belt = cv2.erode(belt.astype(np.uint8), np.ones((15, 15))) > 0
    for picture in (inspection.background.image, inspection.augmented):
        difference = np.abs(picture.astype(int) - raw)[belt].mean()
        assert difference < 1.5 < np.abs(picture.astype(int) - image)[belt].mean()
    far = cv2.erode(belt.astype(np.uint8), np.ones((91, 91))) > 0  # beyond the ring where parts may have been added
    assert far.any() and not inspection.anomaly_map[far].any()
    # The boxes hold the map's peaks.
    for region in inspection.regions:
        x, y, width, height = region.box
        peak = inspection.anomaly_map[y : y + height, x : x + width].max()
        assert peak == pytest.approx(region.peak, rel=0.1)
    rest = inspection.anomaly_map.copy()
    for x, y, width, height in (region.box for region in inspection.regions):
        rest[y : y + height, x : x + width] = 0
    assert np.count_nonzero(rest > inspection.threshold) < 40  # regions too small to tell


def test_stages_through_a_lens_one_by_one_give_what_inspect_gives(through_a_lens, sample_images):
    distorted, undistorter = through_a_lens
    raw = undistorter.distort(sample_images[9][2], 130)
    whole = distorted.inspect(raw)
    image = distorted.prepare(raw)
    pose = distorted.localize(image)
    reference = distorted.render(pose.object_from_camera)
    judged = distorted.report(distorted.judge(image, pose, reference, distorted.separate(image, reference)))
    assert (judged.score, judged.regions) == (whole.score, whole.regions)
    np.testing.assert_array_equal(judged.anomaly_map, whole.anomaly_map)


def test_without_a_lens_images_and_results_are_not_touched(inspector, sample_images):
    image = sample_images[0][2]
    assert inspector.prepare(image) is image
    inspection = inspector.inspect(image)
    again = inspector.report(inspection)
    assert again.anomaly_map is inspection.anomaly_map and again.reference.mask is inspection.reference.mask


def test_nothing_is_judged_where_the_lens_sees_nothing(product, inspector, sample_images):
    """Beyond a pincushion's picture only its edge is repeated: whatever is there is not the part's."""
    distorted = Inspector(replace(product, lens=Lens(product.camera, "plumb_bob", (0.9, 0.0, 0.0, 0.0, 0.0))))
    seen = Undistorter(distorted.lens).seen
    everything = Reference(np.zeros((*seen.shape, 3), np.uint8), np.ones_like(seen), np.zeros(seen.shape, np.float32))
    image = sample_images[0][2]
    nowhere = PoseEstimate(np.eye(4), 0, 0, 0.0)
    judged = distorted.judge(image, nowhere, everything, Background(np.ones_like(seen), image))
    assert not seen.all() and not judged.anomaly_map[~seen].any() and judged.anomaly_map[seen].any()


def test_a_lens_of_which_much_is_not_inspected_is_worth_a_word(product, caplog):
    wide = replace(product.camera, fx=300.0, fy=300.0)
    with caplog.at_level(logging.WARNING):
        Inspector(replace(product, lens=Lens(product.camera, *BARREL)))
        assert not caplog.text
        Inspector(replace(product, lens=Lens(wide, *BARREL)))
    assert "% of the lens's picture, at its border, lie outside" in caplog.text


def test_timings_cover_every_stage(inspector, sample_images):
    timings = inspector.inspect(sample_images[0][2]).timings
    assert list(timings) == ["localization", "render", "background", "anomaly", "total"]
    stages = sum(timings[name] for name in list(timings)[:-1])
    assert stages <= timings["total"] < 1.5 * stages


def grey(inspector):
    return np.full((inspector.camera.height, inspector.camera.width, 3), 128, np.uint8)


@pytest.mark.parametrize(
    ("make", "status"),
    [
        (grey, Status.BAD_IMAGE),
        (lambda i: np.zeros_like(grey(i)), Status.NOT_LOCALIZED),
        (lambda i: np.random.default_rng(0).integers(0, 256, grey(i).shape, dtype=np.uint8), Status.NOT_LOCALIZED),
        (lambda i: grey(i)[:-1], Status.BAD_IMAGE),
        (lambda i: grey(i)[..., 0], Status.BAD_IMAGE),
        (lambda i: grey(i).astype(np.float32) * np.nan, Status.BAD_IMAGE),
        (lambda i: None, Status.BAD_IMAGE),
    ],
    ids=["grey", "black", "noise", "size", "channels", "nan", "none"],
)
def test_what_cannot_be_judged_is_anomalous_with_a_reason(inspector, make, status):
    inspection = inspector.inspect(make(inspector))
    assert inspection.status == status
    assert inspection.anomalous and inspection.reason and np.isnan(inspection.score)


def test_the_belt_without_a_part_is_not_localized(inspector, sample_images):
    """Taken from an image of a part, with the part rebuilt away."""
    image = sample_images[0][2]
    inspection = inspector.inspect(inspector.inspect(image).background.image)
    assert inspection.status in (Status.NOT_LOCALIZED, Status.NO_OBJECT)


def test_another_part_never_passes(inspector, sample_images):
    """The mirror image is a part of the same colours and textures that nobody trained: no pose, or all wrong."""
    for _, view, image in sample_images[:9:3]:
        inspection = inspector.inspect(np.ascontiguousarray(image[:, ::-1]))
        assert inspection.anomalous, view
        if inspection.status == Status.OK:
            assert inspection.score > 1.5 * inspection.threshold
        else:
            assert inspection.status == Status.NOT_LOCALIZED and inspection.reason


def test_a_defect_of_ours_becomes_a_result(inspector, sample_images, monkeypatch):
    def fail(image, reference):
        raise RuntimeError("boom")

    monkeypatch.setattr(inspector, "separate", fail)
    inspection = inspector.inspect(sample_images[0][2])
    assert inspection.status == Status.ERROR and "boom" in inspection.reason and inspection.anomalous


def test_a_pose_that_does_not_see_the_part(inspector):
    away = look_at(np.array([0.0, -1.0, 0.2]), np.array([0.0, -2.0, 0.2]), np.array([0.0, 0.0, 1.0]))
    with pytest.raises(NotLocalizedError, match="out of view"):
        inspector.render(away)


def test_compose_blends_by_transmittance():
    # Half-covered black over white is grey; over a background of 100 it is 50.
    reference = Reference(
        np.full((1, 1, 3), 128, np.uint8), np.ones((1, 1), bool), np.full((1, 1), 0.5, dtype=np.float32)
    )
    assert abs(int(compose(reference, np.full((1, 1, 3), 100, np.uint8))[0, 0, 0]) - 50) <= 1
    opaque = Reference(reference.image, reference.mask, np.zeros((1, 1), np.float32))
    assert compose(opaque, np.zeros((1, 1, 3), np.uint8))[0, 0, 0] == 128


def test_a_grey_image_of_a_coloured_part_is_refused(inspector, sample_images):
    grey = np.repeat(sample_images[0][2].mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    inspection = inspector.inspect(grey)
    assert inspection.status == Status.BAD_IMAGE and inspection.anomalous
    assert "the image is grey, and the product was made from colour photos" in inspection.reason


def test_the_localizer_warms_up_on_a_grey_image(inspector):
    """It is refused on its way in, not by the stage, which nodes try on it before they say that they are ready."""
    with pytest.raises(ImageError, match="grey"):
        inspector.prepare(grey(inspector))
    with pytest.raises(NotLocalizedError):
        inspector.localize(grey(inspector))


def test_a_grey_part_is_inspected_in_grey(product, sample_images):
    sh = product.gaussians.sh.mean(axis=2, keepdims=True).repeat(3, axis=2)
    grey = Inspector(replace(product, gaussians=replace(product.gaussians, sh=sh)))
    image = np.repeat(sample_images[0][2].mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    assert grey.inspect(image).status == Status.OK


def test_evidence_finds_the_defect_from_every_view_and_comes_with_each_result(inspector, sample_images):
    """On the sample, whose product knows nothing of parts yet, the general prior tells the parts apart."""
    parts = {}
    for part, _, image in sample_images:
        parts.setdefault(part, []).append(inspector.inspect(image).evidence)
    assert {len(evidence) for views in parts.values() for evidence in views} == {ANCHORS}
    level = Level.of(parts["off_road_car_09"])
    good = fuse(parts["off_road_car_09"], level)
    assert all(fuse(views, level) > 1.5 * good for part, views in parts.items() if part != "off_road_car_09")


def test_a_known_pose_is_not_looked_for(inspector, sample_images):
    image = sample_images[0][2]
    found = inspector.inspect(image)
    given = inspector.inspect(image, found.pose)
    assert given.score == found.score and given.evidence == found.evidence
    assert given.pose is found.pose


def test_a_profile_that_refines_finds_the_pose_that_the_twin_was_seen_from(product, inspector, sample_images):
    truth = inspector.localize(sample_images[0][2]).object_from_camera
    reference = inspector.render(truth)
    image = compose(reference, np.full_like(reference.image, 90))
    local = {**product.profile["localization"], "refinement": {"name": "as_found"}}
    plain = Inspector(replace(product, profile={**product.profile, "localization": local}))

    def off(pose):
        there, should = (project(product.camera, p, product.sfm_map.points)[0] for p in (pose, truth))
        return np.linalg.norm(there - should, axis=1).mean()

    before, after = (off(one.localize(image).object_from_camera) for one in (plain, inspector))
    assert after < 0.05 < before

    # So that all it finds are guesses.
    local = {**product.profile["localization"]}
    local["localizer"] = {**local["localizer"], "min_inliers": 5000}
    guessing = Inspector(replace(product, profile={**product.profile, "localization": local}))
    assert off(guessing.localize(image).object_from_camera) < 0.05
