"""The paper's Algorithm 1: one image in, one verdict out."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from pad_ros.anomaly.comparison import Comparison, create_comparison
from pad_ros.anomaly.light import Light, create_light
from pad_ros.anomaly.part import ANCHORS, PartEvidence
from pad_ros.anomaly.regions import Score, create_score, find_regions
from pad_ros.anomaly.views import Views
from pad_ros.background.inpainting import Inpainter, create_inpainter
from pad_ros.background.segmentation import Segmenter, create_segmenter
from pad_ros.background.segmentation.surroundings import shows_background
from pad_ros.common.registry import check_settings
from pad_ros.errors import ImageError, InspectionError, NotLocalizedError, ProductError
from pad_ros.geometry import Camera, Matrix
from pad_ros.images import check_image, is_grey, over, to_uint8
from pad_ros.lens import Undistorter
from pad_ros.localization.front_end import FrontEnd, create_front_end
from pad_ros.localization.localizer import create_localizer
from pad_ros.localization.refinement import Refiner, TwinView, create_refiner
from pad_ros.product import Product
from pad_ros.profiles import OPTIONAL
from pad_ros.results import Background, Image, Inspection, Map, PoseEstimate, Reference, Status
from pad_ros.splatting.rasterize import Rasterizer, create_rasterizer
from pad_ros.splatting.surface import Surface

logger = logging.getLogger(__name__)

# A pixel belongs to the twin where less than half of the light passes through it (paper, section 3.2).
TRANSMITTANCE_THRESHOLD = 0.5
# The twin must cover this share of the image, or its pose shows no part.
_SMALLEST_PART = 1e-3
# When the ideal camera shows less of the lens's picture, it is worth a word.
_MOST_OF_THE_PICTURE = 0.9
# A product with this share of coloured surface was made from colour photos.
_COLOURED_PRODUCT = 0.02


@dataclass(frozen=True)
class Stages:
    """What a profile names, made."""

    front_end: FrontEnd
    refiner: Refiner
    rasterizer: Rasterizer
    segmenter: Segmenter
    inpainter: Inpainter
    light: Light
    comparison: Comparison
    score: Score

    @property
    def weights_sha256(self) -> str:
        """Checksum of the weights that scores depend on: a threshold holds for these alone."""
        of = [stage.sha256 for stage in (self.comparison, self.segmenter) if stage.sha256]
        return of[0] if len(of) == 1 else hashlib.sha256("".join(of).encode()).hexdigest()


def create_stages(profile: dict[str, Any]) -> Stages:
    """Makes every stage that a profile names.

    Raises:
        ConfigError: an unknown implementation, or a setting that it refuses.
        BuildError: a library, compiled part or device that one needs is not here; says how to get it.
        WeightsError: the weights of one are not here; says the command that gets them.
        ProductError: weights that ship with the package are altered.
    """
    localization, background, anomaly = profile["localization"], profile["background"], profile["anomaly"]
    check_settings("regions", find_regions, anomaly["regions"])
    return Stages(
        create_front_end(localization),
        create_refiner(localization.get("refinement", {"name": OPTIONAL["localization"]["refinement"]})),
        create_rasterizer(profile["splatting"]["rasterizer"]),
        create_segmenter(background["segmentation"]),
        create_inpainter(background["inpainting"]),
        create_light(anomaly.get("light", {"name": OPTIONAL["anomaly"]["light"]})),
        create_comparison(anomaly["comparison"], anomaly.get("backbone")),
        create_score(anomaly["score"]),
    )


class Inspector:
    """Inspects images of one product.

    The stages are public because ROS nodes run them in separate processes; `inspect` runs them all. Between `prepare`
    and `report` everything is in the product's ideal camera.
    """

    gives_evidence = True  # on the part as a whole, in every result

    def __init__(self, product: Product) -> None:
        """Makes the stages that the product's profile names.

        Raises:
            ConfigError: the profile names an unknown implementation or setting.
            ProductError: the product was calibrated with other weights than are installed.
        """
        profile = product.profile
        stages = create_stages(profile)
        self.product = product
        self.threshold = product.calibration.threshold  # of images; may be changed between two of them
        self.lens, self.camera = product.lens, product.camera
        self._undistorter = _undistorter_of(product)
        self._localizer = create_localizer(
            profile["localization"]["localizer"],
            product.sfm_map,
            product.camera,
            stages.front_end,
        )
        self._coloured = product.gaussians.colour_share() > _COLOURED_PRODUCT
        self._refiner, self._rasterizer = stages.refiner, stages.rasterizer
        self._segmenter, self._inpainter = stages.segmenter, stages.inpainter
        self._light, self._comparison, self._score = stages.light, stages.comparison, stages.score
        self._region_settings = profile["anomaly"]["regions"]
        sha256 = stages.weights_sha256
        if product.provenance.get("weights_sha256", sha256) != sha256:
            raise ProductError(
                f"product {product.name!r} was calibrated with other weights than are installed (of its comparison "
                f"{profile['anomaly']['comparison']['name']!r} or segmentation "
                f"{profile['background']['segmentation']['name']!r}); train it again"
            )

    def inspect(self, image: Image, pose: PoseEstimate | None = None) -> Inspection:
        """Inspects one image (paper, Algorithm 1).

        Never raises for what an image holds: what cannot be judged gets a status with a reason, and is anomalous.

        Args:
            image: RGB uint8 [H, W, 3] of the product's camera; the result is in its pixels.
            pose: of the camera, where it is known; else it is found.
        """
        timings: dict[str, float] = {}
        try:
            with _stage(timings, "total"):
                image = self.prepare(image)
                with _stage(timings, "localization"):
                    pose = pose or self.localize(image)
                with _stage(timings, "render"):
                    reference = self.render(pose.object_from_camera)
                with _stage(timings, "background"):
                    background = self.separate(image, reference)
                with _stage(timings, "anomaly"):
                    inspection = self.report(self.judge(image, pose, reference, background))
        except InspectionError as error:
            inspection = Inspection(Status.of(error), str(error), pose=pose)
        except Exception as error:  # a defect of ours must not stop the line
            logger.exception("inspection failed")
            inspection = Inspection(Status.ERROR, f"{type(error).__name__}: {error}", pose=pose)
        timings["total"] = timings.pop("total")  # last, for tables
        inspection.timings = timings
        return inspection

    def prepare(self, image: Image) -> Image:
        """Checks an image [H, W, 3] of the product's camera and undoes what its lens does.

        Raises:
            ImageError: not an image of that camera, or a grey one of a coloured part.
        """
        image = check_image(image, self.lens.camera)
        if self._coloured and is_grey(image):
            raise ImageError("the image is grey, and the product was made from colour photos; check the camera's mode")
        return self._undistorter.undistort(image)

    def localize(self, image: Image) -> PoseEstimate:
        """Finds the camera-to-object pose of an image [H, W, 3].

        Raises:
            NotLocalizedError: too little evidence for any pose.
            ImageError: not an image of the product's camera.
        """
        try:
            found = self._localizer.localize(image)
        except NotLocalizedError as error:
            chosen = self._refiner.choose(image, self.camera, error.guesses, self._look)
            if chosen is None:
                raise
            return chosen
        return self._refiner.refine(image, self.camera, found, self._look)

    def _look(self, camera: Camera, object_from_camera: Matrix) -> TwinView:
        rendering = self._rasterizer.render(self.product.gaussians, camera, object_from_camera)
        positions = self._surface.positions(self._rasterizer, camera, object_from_camera)
        mask = rendering.transmittance < TRANSMITTANCE_THRESHOLD
        return TwinView(to_uint8(rendering.color * 255.0), mask, positions)

    def render(self, object_from_camera: Matrix) -> Reference:
        """Renders the normal view S and its mask M_s from a camera-to-object pose [4, 4] (paper, eq. 1 and 2).

        Raises:
            NotLocalizedError: the part is not in view of that pose.
        """
        rendering = self._rasterizer.render(self.product.gaussians, self.camera, object_from_camera)
        mask = rendering.transmittance < TRANSMITTANCE_THRESHOLD
        if mask.mean() < _SMALLEST_PART:
            raise NotLocalizedError("the part is out of view of the estimated pose")
        return Reference(to_uint8(rendering.color * 255.0), mask, rendering.transmittance)

    def separate(self, image: Image, reference: Reference) -> Background:
        """Finds the test mask M_t and rebuilds the background behind it.

        Raises:
            NoObjectError: no part is visible.
        """
        object_mask = self._segmenter.segment(image, reference.mask)
        return Background(object_mask, self._inpainter.inpaint(image, object_mask))

    def judge(self, image: Image, pose: PoseEstimate, reference: Reference, background: Background) -> Inspection:
        """Compares the image with the twin over the rebuilt background, inside M = M_t ∪ M_s, where the lens sees."""
        seen = self._undistorter.seen
        mask = (background.object_mask | reference.mask) & seen
        reference = self._light.relit(reference, image)
        augmented = compose(reference, background.image)
        views = Views(image, augmented, mask, reference.transmittance, background.object_mask)
        anomaly_map = self._comparison.compare(views)  # may look beyond M, where parts may have been added
        anomaly_map[~seen] = 0.0
        threshold = self.threshold
        score = self._score(anomaly_map)
        test_mask = background.object_mask
        if score > threshold:
            # Where the twin expects the part, segmentation may too: what shows the belt instead is missing.
            test_mask = test_mask & ~shows_background(image, mask)
        regions = find_regions(anomaly_map, threshold, reference.mask, test_mask, **self._region_settings)
        return Inspection(
            Status.OK,
            score=score,
            threshold=threshold,
            anomalous=score > threshold,
            regions=regions,
            evidence=self._evidence_of(anomaly_map, pose, reference),
            pose=pose,
            anomaly_map=anomaly_map,
            reference=reference,
            augmented=augmented,
            background=background,
        )

    def _evidence_of(self, anomaly_map: Map, pose: PoseEstimate, reference: Reference) -> bytes:
        """What the view says of each place on the part."""
        if not self.gives_evidence:
            return b""
        positions = self._surface.positions(self._rasterizer, self.camera, pose.object_from_camera)
        return self._evidence.of_view(anomaly_map, reference.mask, positions)

    @cached_property
    def _surface(self) -> Surface:
        return Surface(self.product.gaussians)

    @cached_property
    def _evidence(self) -> PartEvidence:
        return PartEvidence(self._surface.anchors(ANCHORS))

    def report(self, inspection: Inspection) -> Inspection:
        """Brings what was found from the ideal camera into the pixels of the image that came in."""
        back = self._undistorter.distort
        anomaly_map, augmented = inspection.anomaly_map, inspection.augmented
        reference, background = inspection.reference, inspection.background
        if anomaly_map is None or augmented is None or reference is None or background is None:
            return inspection  # nothing was found
        return replace(
            inspection,
            regions=[self._undistorter.distort_region(region) for region in inspection.regions],
            anomaly_map=back(anomaly_map),
            reference=Reference(back(reference.image, 255), back(reference.mask), back(reference.transmittance, 1)),
            augmented=back(augmented, 255),
            background=Background(back(background.object_mask), back(background.image, 255)),
        )


def _undistorter_of(product: Product) -> Undistorter:
    undistorter = Undistorter(product.lens)
    if undistorter.shown.mean() < _MOST_OF_THE_PICTURE:
        logger.warning(
            "product %r: %.0f %% of the lens's picture, at its border, lie outside its ideal camera's and are not "
            "inspected; keep parts off the border",
            product.name,
            100.0 * (1.0 - undistorter.shown.mean()),
        )
    return undistorter


def compose(reference: Reference, background: Image) -> Image:
    """Puts the twin over a background (paper, Algorithm 1, line 4), [H, W, 3].

    The residual transmittance blends the two at the silhouette, where the paper's mask cuts.
    """
    return over(background, reference.image, reference.transmittance)


@contextmanager
def _stage(timings: dict[str, float], name: str) -> Iterator[None]:
    start = time.perf_counter()
    try:
        yield
    finally:
        timings[name] = 1000.0 * (time.perf_counter() - start)
