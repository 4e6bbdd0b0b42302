"""Plans a class: every camera, pose, defect and mask, from seeds alone; nothing is rendered here."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pad_ros.errors import ConfigError, SynthesisError
from pad_ros.geometry import Camera, Matrix
from pad_ros.results import Mask
from pad_ros.synthesis import cameras
from pad_ros.synthesis.assembly import Assembly, rotation, translation
from pad_ros.synthesis.conditions import VARIATIONS, Conditions, draw_conditions
from pad_ros.synthesis.defects import ADDED, COLOUR, DEFECT_AREA, REMOVED, Defect, DefectMaker, least_shown
from pad_ros.synthesis.visibility import see

GOOD = "good"
_SHIFT = 0.012  # metres, how far a test part lies from where the training part lay
_BELT_PITCH = 0.048  # metres, how far the belt is shifted at most
_PLAN_RESOLUTION = 320  # pixels, for the search of defects: the plan is the same whatever is rendered
_ANOMALOUS = (0.35, 0.48)  # share of a class's test images
_PLACES = 12  # poses of an object that are tried for a defect


@dataclass(frozen=True)
class SynthesisSettings:
    """What is rendered per class.

    `resolution` in pixels (square), `samples` per pixel, `train` views, test `objects` with `views` each;
    `vary` names what changes from test image to test image (see `pad_ros.synthesis.conditions`). A defect takes
    `defect_area`, shares of the image, in each view that shows it. `background_free` renders each test image without
    its background too.
    """

    resolution: int = 800
    samples: int = 8
    train: int = 100
    objects: int = 13
    views: int = 9
    seed: int = 0
    vary: tuple[str, ...] = ()
    defect_area: tuple[float, float] = DEFECT_AREA
    background_free: bool = True

    def __post_init__(self) -> None:
        """Refuses settings out of range.

        Raises:
            ConfigError: says which.
        """
        limits = {"resolution": (16, 4096), "samples": (1, 4096), "train": (1, 10000), "objects": (0, 1000)}
        for name, (low, high) in {**limits, "views": (1, 1000), "seed": (0, 2**31)}.items():
            value = getattr(self, name)
            if not isinstance(value, int) or not low <= value <= high:
                raise ConfigError(f"synthesis setting {name} must be a whole number in {low}…{high}, got {value!r}")
        unknown = set(self.vary) - set(VARIATIONS)
        if unknown:
            raise ConfigError(f"nothing to vary is called {sorted(unknown)}; choose from {', '.join(VARIATIONS)}")
        least, most = self.defect_area
        if not 0 < 2 * least <= most < 1:
            raise ConfigError(f"synthesis setting defect_area: needs 0 < 2 · least <= most < 1, got {least} and {most}")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for YAML; what came later only where it differs, as older data sets do not note it."""
        content = asdict(self) | {"vary": sorted(self.vary), "defect_area": list(self.defect_area)}
        if self.defect_area == DEFECT_AREA:
            del content["defect_area"]
        if self.background_free:
            del content["background_free"]
        return content


@dataclass(frozen=True)
class TestObject:
    """One part on the belt, seen in several views."""

    __test__ = False  # not a test case for pytest

    part_id: str
    assembly: Assembly
    defect: Defect | None
    world_from_object: Matrix
    belt_shift: float  # metres along the belt
    poses: list[Matrix]  # camera-to-object, one per view
    conditions: list[Conditions]  # one per view

    @property
    def kind(self) -> str:
        """`good` or the kind of defect."""
        return self.defect.kind if self.defect else GOOD


@dataclass(frozen=True)
class TestImage:
    """One planned test image with its exact masks [H, W]."""

    __test__ = False

    file: str  # relative to the class
    label: str
    view_index: int
    pose: Matrix
    conditions: Conditions
    object_mask: Mask
    defect_mask: Mask


def object_kinds(count: int) -> list[str]:
    """What each test object is: 6 good, 2 colour, 2 removed, 3 added of 13, in like proportion for fewer."""
    ranked = [GOOD, ADDED, REMOVED, GOOD, COLOUR, GOOD, ADDED, GOOD, REMOVED, GOOD, COLOUR, ADDED, GOOD]
    return [ranked[index % len(ranked)] for index in range(count)]


def generator(settings: SynthesisSettings, class_name: str, *key: int) -> np.random.Generator:
    """The random generator of one purpose: independent of the order in which things are planned."""
    return np.random.default_rng([settings.seed, zlib.crc32(class_name.encode()), *key])


def plan_train(intact: Assembly, settings: SynthesisSettings) -> list[Matrix]:
    """Camera-to-object poses [4, 4] of the training views."""
    return cameras.train_poses(settings.train, intact.bounds, generator(settings, intact.name, 0))


def plan_objects(intact: Assembly, settings: SynthesisSettings) -> list[TestObject]:
    """The test objects: their defects, places on the belt and views.

    Raises:
        SynthesisError: no defect that shows could be found.
    """
    kinds = object_kinds(settings.objects)
    maker = DefectMaker(intact, settings.defect_area) if set(kinds) - {GOOD} else None
    objects: list[TestObject] = []
    for index, kind in enumerate(kinds):
        rng = generator(settings, intact.name, 1, index)
        x, y = rng.uniform(-_SHIFT, _SHIFT, 2)
        place = translation(x, y, 0.0) @ rotation("z", rng.uniform(0, 360))
        belt_shift = float(rng.uniform(0, _BELT_PITCH))
        if maker and kind != GOOD:
            defect, poses = _plan_defect(maker, intact, settings, index, [o.defect for o in objects if o.defect])
        else:
            defect, poses = None, cameras.test_poses(settings.views, intact.bounds, rng)
        conditions = [
            draw_conditions(
                settings.vary,
                generator(settings, intact.name, 2, index),
                generator(settings, intact.name, 3, index, view),
            )
            for view in range(settings.views)
        ]
        part_id, assembly = f"{intact.name}_{index:02d}", defect.assembly if defect else intact
        objects.append(TestObject(part_id, assembly, defect, place, belt_shift, poses, conditions))
    return objects


def _plan_defect(
    maker: DefectMaker, intact: Assembly, settings: SynthesisSettings, index: int, earlier: Sequence[Defect]
) -> tuple[Defect, list[Matrix]]:
    """The defect of one object, and poses in which it shows as it should."""
    kinds = object_kinds(settings.objects)
    shown = shown_range([sum(d.shown) for d in earlier], kinds, settings.views)
    kind = kinds[index]
    stand_out = kind in (ADDED, REMOVED) and kinds[:index].count(kind) % 2 == 0
    camera = cameras.make_camera(_PLAN_RESOLUTION)
    for attempt in range(_PLACES):
        rng = generator(settings, intact.name, 4, index, attempt)
        poses = cameras.test_poses(settings.views, intact.bounds, rng)
        try:
            return maker.make(kind, camera, poses, rng, shown, stand_out, earlier), poses
        except SynthesisError as error:
            problem = error
    raise problem


def shown_range(shown: Sequence[int], kinds: Sequence[str], views: int) -> tuple[int, int]:
    """In how many views the next defect may show, so that 35 to 48 % of the test images become anomalous.

    Later defects are left the room that they easily keep to: an added part, often on top, may show in all views or
    all but one; others, often on one side, in 4 or 5 of 9 and up to 6.

    Args:
        shown: in how many views each earlier defect shows.
        kinds: what each test object is.
        views: views per object.

    Returns:
        The least and the greatest number; where a small data set cannot keep to the shares, all that show enough.
    """
    images, least = views * len(kinds), least_shown(views)
    later = [kind for kind in kinds if kind != GOOD][len(shown) + 1 :]
    added, others = later.count(ADDED), len(later) - later.count(ADDED)
    low = math.ceil(_ANOMALOUS[0] * images) - sum(shown) - added * (views - 1) - others * (least + 1)
    high = math.floor(_ANOMALOUS[1] * images) - sum(shown) - added * views - others * round(2 * views / 3)
    low, high = max(low, least), min(high, views)
    return (low, high) if low <= high else (least, views)


def plan_images(intact: Assembly, part: TestObject, camera: Camera, counts: dict[str, int]) -> list[TestImage]:
    """The test images of one object, labelled as planned; `counts` numbers the files and is updated."""
    images = []
    for index, pose in enumerate(part.poses):
        view = see(intact, camera, pose)
        ids, mask = view.ids, np.zeros(view.ids.shape, dtype=bool)
        if part.defect:
            ids = part.defect.seen(camera, pose, view).ids
            if part.defect.shown[index]:
                mask = part.defect.mask(view.ids, ids)
        label = part.kind if mask.any() else GOOD  # where a defect shows, it is 0.05 % of any image of usual size
        number = counts.get(label, 0)
        counts[label] = number + 1
        file = f"test/{label}/{number}.png"
        images.append(TestImage(file, label, index, pose, part.conditions[index], ids >= 0, mask))
    return images
