"""Inspects the test set of a class and scores what was found (paper, section 4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Protocol

import numpy as np

from pad_ros.common.files import shown
from pad_ros.common.progress import Progress, silent
from pad_ros.conveyor.policy import RejectPolicy
from pad_ros.dataset.classes import ClassData, TestView
from pad_ros.errors import EvaluationError, ImageError
from pad_ros.evaluation.metrics import (
    auroc,
    best_f1_threshold,
    count_localization,
    pixel_scores,
    pose_scores,
    total_counts,
)
from pad_ros.evaluation.results_writer import ResultWriter
from pad_ros.evaluation.summary import summarize
from pad_ros.images import read_image
from pad_ros.results import Image, Inspection, Mask, Status


class ImageInspector(Protocol):
    """What evaluation asks of an inspector."""

    def inspect(self, image: Image) -> Inspection:
        """Inspects one image [H, W, 3]; says in the status when it cannot be judged."""
        ...


@dataclass(frozen=True)
class PartScores:
    """The scores of a class's parts by the verdicts on all of their views; a part is defective when a view shows it.

    A metric is None where there are no parts of one kind.
    """

    parts: int
    defective: int
    auroc: float | None  # of the policy's suspicion
    f1: float | None  # of its verdicts
    false_reject_rate: float | None
    miss_rate: float | None


@dataclass(frozen=True)
class ClassScores:
    """The scores of one class; rates and metrics in 0…1.

    An image that cannot be judged is rejected whole, and scored so: its image score and all of its pixels are
    +inf, above every judged one, but it localises nothing: for the localisation F1 it is a missed anomaly, or a
    spurious one in a good image.
    """

    name: str
    background_free: bool
    images: int
    unjudged: int
    pixel_auroc: float
    aupro: float
    image_auroc: float
    image_f1: float  # at `f1_threshold`, which maximises it
    f1_threshold: float
    localization_f1: float  # paper, section 4.1
    false_reject_rate: float  # good images rejected at the product's own threshold
    miss_rate: float  # anomalous images passed at the product's own threshold
    localized: float | None  # images within 1° and 1 %; None without true poses
    median_degrees: float | None
    median_distance: float | None
    timings: Mapping[str, float]  # stage -> median milliseconds over the judged images
    baseline_ms: float = float("nan")  # median per image as SplatPose+ counts: of localisation, PnP alone
    method: str = "pad"  # see `pad_ros.evaluation.methods`
    run: int = 0  # which product, trained with which seed
    parts: PartScores | None = None  # by the reject policy in use

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types; what is not finite becomes None."""

        def plain(value: Any) -> Any:
            if isinstance(value, dict):
                return {key: plain(item) for key, item in value.items()}
            return None if isinstance(value, float) and not np.isfinite(value) else value

        return {key: plain(value) for key, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> ClassScores:
        """Reads what `to_dict` gave; what was not finite becomes NaN, an infinite threshold inf.

        Raises:
            EvaluationError: it holds something else.
        """
        known = {field.name: field for field in fields(cls)}
        values = dict(content)
        for name, field in known.items():
            if values.get(name, 0) is None and field.type == "float":
                values[name] = float("inf" if name == "f1_threshold" else "nan")
        try:
            if values.get("parts") is not None:
                values["parts"] = PartScores(**values["parts"])
            return cls(**values)
        except TypeError as error:
            raise EvaluationError(f"these are no scores of a class: {error}") from None


def evaluate_class(
    class_data: ClassData,
    inspector: ImageInspector,
    *,
    background_free: bool = False,
    min_area: int = 1,
    policy: RejectPolicy | None = None,
    writer: ResultWriter | None = None,
    progress: Progress | None = None,
) -> ClassScores:
    """Inspects every test image of a class and computes all metrics at the images' resolution.

    Args:
        class_data: the class; its ground truth and poses are seen by the metrics alone.
        inspector: judges the images.
        background_free: judge the part alone over white: the data set's own background-free images or, where it has
            none, its images cut with its object masks.
        min_area: for the localisation F1, smaller regions in pixels are not reported; 1 is the paper's.
        policy: when a part is rejected; by default when any view is anomalous.
        writer: takes every result, if given.
        progress: called after each image.

    Raises:
        DatasetError: a ground-truth mask is missing, or what the background-free variant is made of.
        EvaluationError: the test set lacks good or anomalous images, or a result does not fit its image.
    """
    check_class(class_data, background_free)
    progress = progress or silent
    shape = (class_data.camera.height, class_data.camera.width)
    inspections, truths = [], []
    for index, view in enumerate(class_data.test):
        image, inspection = inspect_view(view, inspector, background_free, shape)
        truths.append(view.read_ground_truth(shape))
        if writer:
            name = shown(view.path.relative_to(class_data.root).as_posix())
            writer.add(name, image, inspection, view.part_id, view.view_index, view.view_count, label=view.defect)
        # Only what the metrics need is kept: 117 inspections with all of their images would be gigabytes.
        inspection.reference = inspection.background = inspection.augmented = None
        inspections.append(inspection)
        progress(index + 1, len(class_data.test), f"{view.defect}: {inspection.status.name}")
    scores = _score(class_data, inspections, truths, background_free, min_area)
    return replace(scores, parts=score_parts(class_data.test, inspections, policy))


def score_parts(
    views: Sequence[TestView], inspections: Sequence[Inspection], policy: RejectPolicy | None = None
) -> PartScores:
    """Judges the parts that test views show as the conveyor does, and compares the verdicts with the labels."""
    rows = [
        {"part_id": v.part_id, "view_index": v.view_index, "view_count": v.view_count, "label": v.anomalous}
        | {"image": v.path.name, **i.to_dict()}
        for v, i in zip(views, inspections, strict=True)
    ]
    parts = summarize(rows, policy).parts
    labels = np.array([any(row["label"] for row in part.rows) for part in parts])
    rejected = np.array([part.verdict.reject for part in parts])
    suspicions = [part.verdict.suspicion for part in parts]
    found, both = int((rejected & labels).sum()), bool(labels.any() and not labels.all())
    return PartScores(
        parts=len(parts),
        defective=int(labels.sum()),
        auroc=auroc(suspicions, labels) if both else None,
        f1=2.0 * found / float(rejected.sum() + labels.sum()) if labels.any() else None,
        false_reject_rate=float(rejected[~labels].mean()) if not labels.all() else None,
        miss_rate=float((~rejected[labels]).mean()) if labels.any() else None,
    )


def check_class(class_data: ClassData, background_free: bool) -> None:
    """Finds what evaluation would fail on before any image is inspected.

    Raises:
        DatasetError: a ground-truth mask is missing, or what the background-free variant is made of.
        EvaluationError: the test set lacks good or anomalous images.
    """
    labels = [view.anomalous for view in class_data.test]
    if all(labels) or not any(labels):
        raise EvaluationError(
            f"{class_data.root}: {sum(labels)} of {len(labels)} test images are anomalous; "
            "evaluation needs good ones (test/good) and anomalous ones (test/DEFECT)"
        )
    shape = (class_data.camera.height, class_data.camera.width)
    for view in class_data.test:
        view.read_ground_truth(shape)
        if background_free and view.background_free_path is None:
            view.read_object_mask(shape)


def inspect_view(
    view: TestView, inspector: ImageInspector, background_free: bool, shape: tuple[int, int]
) -> tuple[Image | None, Inspection]:
    """Reads a test image [H, W, 3], or its background-free variant, and inspects it; None when it is unreadable."""
    rendered = view.background_free_path if background_free else None
    try:
        image = read_image(rendered or view.path)
    except ImageError as error:
        return None, Inspection(Status.BAD_IMAGE, str(error))
    if background_free and rendered is None and image.shape[:2] == shape:  # else it is refused anyway
        image[~view.read_object_mask(shape)] = 255
    return image, inspector.inspect(image)


def _score(
    class_data: ClassData, inspections: list[Inspection], truths: list[Mask], background_free: bool, min_area: int
) -> ClassScores:
    judged = np.array([i.status == Status.OK and i.anomaly_map is not None for i in inspections])
    labels = np.array([view.anomalous for view in class_data.test])
    flagged = np.array([i.anomalous for i in inspections])
    scores = np.array([i.score if ok else np.inf for i, ok in zip(inspections, judged, strict=True)])
    maps = [
        i.anomaly_map if ok and i.anomaly_map is not None else np.full(t.shape, np.inf, np.float32)
        for i, t, ok in zip(inspections, truths, judged, strict=True)
    ]
    pixels = pixel_scores(maps, truths)
    threshold, image_f1 = best_f1_threshold(scores, labels)
    counts = total_counts(
        count_localization(m >= threshold, t, min_area) if ok else count_localization(_nowhere(t), t)
        for m, t, ok in zip(maps, truths, judged, strict=True)
    )
    posed = [(i, v.object_from_camera) for i, v in zip(inspections, class_data.test, strict=True)]
    known = [(i.pose.object_from_camera if i.pose else None, t) for i, t in posed if t is not None]
    poses = pose_scores([e for e, _ in known], [t for _, t in known]) if known else None
    return ClassScores(
        name=class_data.name,
        background_free=background_free,
        images=len(inspections),
        unjudged=int((~judged).sum()),
        pixel_auroc=pixels.auroc,
        aupro=pixels.aupro,
        image_auroc=auroc(scores, labels),
        image_f1=image_f1,
        f1_threshold=threshold,
        localization_f1=counts.f1,
        false_reject_rate=float(flagged[~labels].mean()),
        miss_rate=float((~flagged[labels]).mean()),
        localized=poses.within if poses else None,
        median_degrees=poses.median_degrees if poses else None,
        median_distance=poses.median_distance if poses else None,
        timings=_median_timings([i for i, ok in zip(inspections, judged, strict=True) if ok]),
        baseline_ms=_baseline_ms([i for i, ok in zip(inspections, judged, strict=True) if ok]),
    )


def _nowhere(truth: Mask) -> Mask:
    """The prediction that counts as one spurious region in a good image, and as a miss in an anomalous one."""
    prediction = np.zeros_like(truth)
    prediction[0, 0] = not truth.any()
    return prediction


def _median_timings(inspections: list[Inspection]) -> dict[str, float]:
    stages = dict.fromkeys(stage for i in inspections for stage in i.timings)  # in the order they ran
    return {s: float(np.median([i.timings[s] for i in inspections if s in i.timings])) for s in stages}


def _baseline_ms(inspections: list[Inspection]) -> float:
    """The median per image without what SplatPose+ leaves to its SfM: features, retrieval and matching."""
    times = [
        i.timings["total"] - i.timings["localization"] + i.pose.pnp_ms
        for i in inspections
        if i.pose and {"total", "localization"} <= i.timings.keys()
    ]
    return float(np.median(times)) if times else float("nan")
