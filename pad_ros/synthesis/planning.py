"""Plans a class: every camera, pose, defect and mask, from seeds alone; nothing is rendered here."""

from __future__ import annotations

import zlib
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pad_ros.errors import ConfigError
from pad_ros.geometry import Camera, Matrix
from pad_ros.results import Mask
from pad_ros.synthesis import cameras
from pad_ros.synthesis.assembly import Assembly, rotation, translation
from pad_ros.synthesis.conditions import VARIATIONS, Conditions, draw_conditions
from pad_ros.synthesis.defects import ADDED, COLOUR, HIDDEN_AREA, REMOVED, Defect, DefectMaker
from pad_ros.synthesis.visibility import see

GOOD = "good"
_SHIFT = 0.012  # metres, how far a test part lies from where the training part lay
_BELT_PITCH = 0.048  # metres, how far the belt is shifted at most
_PLAN_RESOLUTION = 200  # pixels, for the search of defects


@dataclass(frozen=True)
class SynthesisSettings:
    """What is rendered per class.

    `resolution` in pixels (square), `samples` per pixel, `train` views, test `objects` with `views` each;
    `vary` names what changes from test image to test image (see `pad_ros.synthesis.conditions`).
    """

    resolution: int = 800
    samples: int = 8
    train: int = 100
    objects: int = 13
    views: int = 9
    seed: int = 0
    vary: tuple[str, ...] = ()

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

    def to_dict(self) -> dict[str, Any]:
        """Plain values for YAML."""
        return asdict(self) | {"vary": sorted(self.vary)}


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
    maker = DefectMaker(intact)
    camera = cameras.make_camera(min(_PLAN_RESOLUTION, settings.resolution))
    objects: list[TestObject] = []
    drawn: list[str] = []
    for index, kind in enumerate(object_kinds(settings.objects)):
        rng = generator(settings, intact.name, 1, index)
        x, y = rng.uniform(-_SHIFT, _SHIFT, 2)
        place = translation(x, y, 0.0) @ rotation("z", rng.uniform(0, 360))
        belt_shift = float(rng.uniform(0, _BELT_PITCH))
        poses = cameras.test_poses(settings.views, intact.bounds, rng)
        defect = None
        if kind != GOOD:
            stand_out = kind == ADDED and sum(other.kind == ADDED for other in objects) % 2 == 0
            defect = maker.make(kind, camera, poses, rng, stand_out=stand_out, avoid=drawn)
            drawn.append(defect.target)
        assembly = defect.assembly if defect else intact
        conditions = [
            draw_conditions(
                settings.vary,
                generator(settings, intact.name, 2, index),
                generator(settings, intact.name, 3, index, view),
            )
            for view in range(settings.views)
        ]
        part_id = f"{intact.name}_{index:02d}"
        objects.append(TestObject(part_id, assembly, defect, place, belt_shift, poses, conditions))
    return objects


def plan_images(intact: Assembly, part: TestObject, camera: Camera, counts: dict[str, int]) -> list[TestImage]:
    """The test images of one object, labelled by what shows; `counts` numbers the files and is updated."""
    images = []
    for index, pose in enumerate(part.poses):
        view = see(intact, camera, pose)
        ids, mask = view.ids, np.zeros(view.ids.shape, dtype=bool)
        if part.defect:
            ids = part.defect.seen(camera, pose, view).ids
            mask = part.defect.mask(view.ids, ids)
        label = part.kind if mask.mean() >= HIDDEN_AREA else GOOD
        number = counts.get(label, 0)
        counts[label] = number + 1
        file = f"test/{label}/{number}.png"
        images.append(TestImage(file, label, index, pose, part.conditions[index], ids >= 0, mask))
    return images
