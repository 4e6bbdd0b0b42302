"""Exercises: crops drawn from lessons with everything varied that a factory varies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from pad_ros.anomaly.backbone import Backbone
from pad_ros.anomaly.learned import features_input, network_input
from pad_ros.anomaly.light import Light
from pad_ros.anomaly.views import Views
from pad_ros.geometry import Matrix
from pad_ros.images import decode_image, to_uint8
from pad_ros.inspector import TRANSMITTANCE_THRESHOLD
from pad_ros.learning.faults import altered, difference, pasted
from pad_ros.learning.lessons import Lesson
from pad_ros.localization.pnp import project
from pad_ros.results import Map, Mask, Reference
from pad_ros.splatting.gaussians import Gaussians
from pad_ros.splatting.rasterize import Rasterizer, Rendering
from pad_ros.synthesis.photo import expose

Floats = NDArray[np.float32]

_REBUILT = 11  # pixels: the inpainter's dilation, on both sides
_VISIBLE = 0.04  # of 1: a smaller difference of colour cannot be asked for


@dataclass(frozen=True)
class Exercise:
    """One crop: the network's input [C, h, w], the truth [h, w] in 0…1 and its weight [h, w], 0 where one may argue."""

    network_input: Floats
    truth: Floats
    weight: Floats


@dataclass(frozen=True)
class _Scene:
    """An image on its way to exercises; colours in 0…1."""

    image: Map  # T, [H, W, 3]
    twin: Map  # over black, [H, W, 3]
    background: Map  # rebuilt behind the part, [H, W, 3]
    transmittance: Map  # [H, W]
    object_mask: Mask  # [H, W]
    defect: Mask  # [H, W]
    doubtful: Mask  # [H, W]


@dataclass(frozen=True)
class Tools:
    """The stages between a lesson and what the comparison sees of it; not to be shared by threads."""

    rasterizer: Rasterizer
    light: Light
    backbone: Backbone


def draw(lesson: Lesson, tools: Tools, crop: int, count: int, rng: np.random.Generator) -> list[Exercise]:
    """Draws an image of a lesson, a pose near its own and a twin near its own, and crops of `crop` pixels of it."""
    scene = _scene(lesson, tools.rasterizer, rng)
    scene = _recoloured(scene, rng)
    if rng.random() < 0.6:
        for _ in range(int(rng.integers(1, 4))):
            scene = _spoiled(scene, rng)
    scene = _photographed(scene, rng)
    scene = _resized(scene, float(np.exp(rng.uniform(np.log(0.75), np.log(1.4)))))
    if rng.random() < 0.8:
        scene = _relit(scene, tools.light)
    whole = _exercise(scene, tools.backbone)
    return [_turned(_cut(whole, _window(scene, crop, rng)), rng) for _ in range(count)]


def _scene(lesson: Lesson, rasterizer: Rasterizer, rng: np.random.Generator) -> _Scene:
    index = int(rng.integers(len(lesson)))
    pose = jittered(lesson.poses[index], lesson, rng, pixels=0.3 if rng.random() < 0.8 else 0.9)
    gaussians = _disturbed(lesson.gaussians, rng)
    rendering = rasterizer.render(gaussians, lesson.camera, pose)
    defect, doubtful = lesson.defects[index].copy(), np.zeros_like(lesson.defects[index])
    if rng.random() < 0.5:
        for _ in range(int(rng.integers(1, 4))):
            centre = _seen_place(gaussians, rendering, pose, lesson, rng)
            gaussians = altered(gaussians, centre, rng)
        changed = rasterizer.render(gaussians, lesson.camera, pose)
        seen, argued = difference(rendering, changed)
        defect, doubtful, rendering = defect | seen, doubtful | argued, changed
    background = lesson.backgrounds[index].astype(np.float32) / 255.0
    twin = np.clip(rendering.color - rendering.transmittance[..., None], 0, 1)
    image = lesson.images[index].astype(np.float32) / 255.0
    return _Scene(image, twin, background, rendering.transmittance, lesson.object_masks[index], defect, doubtful)


def jittered(pose: Matrix, lesson: Lesson, rng: np.random.Generator, pixels: float) -> Matrix:
    """The pose as the localiser would find it: some pixels off."""
    distance = float(np.linalg.norm(pose[:3, 3] - lesson.gaussians.means.mean(axis=0)))
    angle = pixels / lesson.camera.fx
    vector = rng.normal(0, angle, 3) * (1.0, 1.0, 4.0)
    move = np.eye(4)
    move[:3, :3] = cv2.Rodrigues(vector)[0]
    move[:3, 3] = rng.normal(0, angle * distance, 3) * (1.0, 1.0, 4.0)
    return pose @ move


def _disturbed(gaussians: Gaussians, rng: np.random.Generator) -> Gaussians:
    """The twin as poorer photos would make it: grainier, softer, a little displaced."""
    if rng.random() < 0.4:
        return gaussians
    amount = rng.uniform(0, 1)
    size = np.exp(gaussians.log_scales).mean(axis=1, keepdims=True)
    return replace(
        gaussians,
        means=gaussians.means + (0.5 * amount * size * rng.normal(size=gaussians.means.shape)).astype(np.float32),
        log_scales=gaussians.log_scales + np.float32(rng.uniform(0, 0.25) * amount),
        sh=gaussians.sh + (0.25 * amount * rng.normal(size=gaussians.sh.shape)).astype(np.float32),
    )


def _seen_place(
    gaussians: Gaussians, rendering: Rendering, pose: Matrix, lesson: Lesson, rng: np.random.Generator
) -> NDArray[np.float32]:
    """The mean [3] of a Gaussian that is probably in front: the nearest to the camera of those about one pixel."""
    rows, columns = np.nonzero(rendering.transmittance < 0.3)
    if not len(rows):
        return gaussians.means[int(rng.integers(len(gaussians)))]
    pick = int(rng.integers(len(rows)))
    pixels, _ = project(lesson.camera, pose, gaussians.means)
    depths = (gaussians.means - pose[:3, 3]) @ pose[:3, 2]
    near = np.flatnonzero(np.abs(pixels - (columns[pick] + 0.5, rows[pick] + 0.5)).max(axis=1) < 3.0)
    index = near[depths[near].argmin()] if len(near) else int(rng.integers(len(gaussians)))
    return gaussians.means[index]


def _recoloured(scene: _Scene, rng: np.random.Generator) -> _Scene:
    """The same object and belt in other colours."""
    recolour = recolouring(rng)
    coverage = np.maximum(1.0 - scene.transmittance, 1e-3)[..., None]
    twin = recolour(scene.twin / coverage) * coverage
    return replace(scene, image=recolour(scene.image), twin=twin, background=recolour(scene.background))


def recolouring(rng: np.random.Generator) -> Callable[[Map], Map]:
    """What gives pictures [H, W, 3] in 0…1 other colours: channels exchanged, inverted, curved."""
    order, inverted, gamma = rng.permutation(3), rng.random() < 0.25, np.exp(rng.normal(0, 0.2, 3))

    def recolour(picture: Map) -> Map:
        picture = np.clip(picture[..., order], 0, 1) ** gamma
        return np.asarray(1.0 - picture if inverted else picture, np.float32)

    return recolour


def _spoiled(scene: _Scene, rng: np.random.Generator) -> _Scene:
    """A spot pasted on the part, or sticking out of its outline, where the segmenter may have seen it or not."""
    part = scene.transmittance < TRANSMITTANCE_THRESHOLD
    within = part
    if rng.random() < 0.3:
        reach = 2 * round(float(rng.uniform(4, max(5.0, 0.2 * np.sqrt(part.sum()))))) + 1
        rim = cv2.dilate(part.astype(np.uint8), np.ones((reach, reach), np.uint8)).astype(bool)
        within = rim if rng.random() < 0.5 else rim & ~part
    if not within.any():
        return scene
    image, seen, argued = pasted(scene.image, within, rng)
    beyond = (seen | argued) & ~part
    if rng.random() < 0.75:  # what it misses, the background shows too
        scene = replace(scene, object_mask=scene.object_mask | beyond)
    return replace(scene, image=image, defect=scene.defect | seen, doubtful=scene.doubtful | argued)


def _photographed(scene: _Scene, rng: np.random.Generator) -> _Scene:
    """What the camera does to the image, and not to the twin; the background is of the same image."""
    if rng.random() < 0.15:
        return scene
    conditions = camera_conditions(scene.image.shape[1], rng)
    image = expose(scene.image, conditions)
    background = expose(scene.background, {**conditions, "read_noise": 0.0, "shot_noise": 0.0, "blur": 0.0})
    return replace(scene, image=processed(image, rng), background=background.astype(np.float32))


def camera_conditions(width: int, rng: np.random.Generator) -> dict[str, float]:
    """Draws what `expose` does to an image of some width: more than `pad synth` varies."""
    return {
        "exposure_ev": rng.normal(0, 0.25),
        "red": 1.0 + rng.normal(0, 0.04),
        "blue": 1.0 + rng.normal(0, 0.04),
        "blur": max(0.0, rng.normal(0, 0.6)) / width,
        "read_noise": rng.uniform(0, 0.006),
        "shot_noise": rng.uniform(0, 0.04),
        "seed": int(rng.integers(2**31)),
    }


def processed(image: Map, rng: np.random.Generator) -> Map:
    """What a camera makes of a picture [H, W, 3] in 0…1: it may be sharpened, and sent as JPEG."""
    if rng.random() < 0.3:
        amount = np.float32(rng.uniform(0.3, 1.5))
        image = np.clip(image + amount * (image - cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.6, 1.5)))), 0, 1)
    image8 = to_uint8(image * 255.0)
    if rng.random() < 0.4:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(60, 97))]
        image8 = decode_image(cv2.imencode(".jpg", image8[..., ::-1], quality)[1].tobytes())
    return image8.astype(np.float32) / np.float32(255.0)


def _resized(scene: _Scene, factor: float) -> _Scene:
    size = tuple(round(factor * length) for length in scene.image.shape[1::-1])
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR

    def resize(array: Map | Mask) -> NDArray[np.generic]:
        if array.dtype == bool:
            return cv2.resize(array.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
        return cv2.resize(np.asarray(array, np.float32), size, interpolation=how)

    return _Scene(*(resize(getattr(scene, name)) for name in _Scene.__dataclass_fields__))  # type: ignore[arg-type]


def _window(scene: _Scene, crop: int, rng: np.random.Generator) -> tuple[slice, slice]:
    """Where to cut: around a defect, or around any place of the part; moved inside the image."""
    target = (
        scene.defect if scene.defect.any() and rng.random() < 0.5 else scene.transmittance < TRANSMITTANCE_THRESHOLD
    )
    rows, columns = np.nonzero(target if target.any() else np.ones_like(target))
    return window_around(rows, columns, target.shape, crop, rng)


def window_around(
    rows: NDArray[np.intp], columns: NDArray[np.intp], shape: tuple[int, ...], crop: int, rng: np.random.Generator
) -> tuple[slice, slice]:
    """A window of `crop` pixels around one of some places, moved inside the image [H, W]."""
    pick = int(rng.integers(len(rows)))
    slices = []
    for place, length in zip((rows[pick], columns[pick]), shape, strict=True):
        start = int(place) - int(rng.integers(crop // 4, 3 * crop // 4))
        start = max(0, min(start, length - crop))
        slices.append(slice(start, start + crop))
    return slices[0], slices[1]


def _relit(scene: _Scene, light: Light) -> _Scene:
    """The twin in the light of the image, as the inspection shows it."""
    through = scene.transmittance[..., None]
    mask = scene.transmittance < TRANSMITTANCE_THRESHOLD
    if not mask.any():
        return scene
    reference = Reference(to_uint8(255.0 * (scene.twin + through)), mask, scene.transmittance)
    relit = light.relit(reference, to_uint8(255.0 * scene.image)).image.astype(np.float32) / 255.0
    return replace(scene, twin=np.clip(relit - through, 0, 1))


def _exercise(scene: _Scene, backbone: Backbone) -> Exercise:
    through = scene.transmittance
    image = to_uint8(255.0 * scene.image)
    # Rebuilt under the test mask alone: elsewhere the background is the image's own, noise and all.
    rebuilt = cv2.dilate(scene.object_mask.astype(np.uint8), np.ones((_REBUILT, _REBUILT), np.uint8)) > 0
    background = np.where(rebuilt[..., None], scene.background, scene.image)
    augmented = to_uint8(255.0 * np.clip(scene.twin + through[..., None] * background, 0, 1))
    mask = (through < TRANSMITTANCE_THRESHOLD) | scene.object_mask
    views = Views(image, augmented, mask if mask.any() else ~mask, through, scene.object_mask)
    features = features_input(backbone, views)
    inputs = network_input(image, augmented, through, scene.object_mask, features)
    # What the segmenter has missed looks the same in both: nothing can be asked there.
    visible = cv2.dilate(inputs[6:9].max(axis=0), np.ones((3, 3), np.uint8)) > _VISIBLE
    truth = scene.defect & visible
    rim = cv2.dilate(scene.defect.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    weight = truth | ~(rim | scene.doubtful)
    return Exercise(inputs, truth.astype(np.float32), weight.astype(np.float32))


def _cut(whole: Exercise, window: tuple[slice, slice]) -> Exercise:
    return Exercise(*(getattr(whole, name)[(..., *window)] for name in Exercise.__dataclass_fields__))


def _turned(exercise: Exercise, rng: np.random.Generator) -> Exercise:
    """Mirrored, and with rows and columns exchanged, or not."""
    arrays = [getattr(exercise, name) for name in Exercise.__dataclass_fields__]
    if rng.random() < 0.5:
        arrays = [array[..., ::-1] for array in arrays]
    if rng.random() < 0.5:
        arrays = [array.swapaxes(-1, -2) for array in arrays]
    return Exercise(*(np.ascontiguousarray(array) for array in arrays))
