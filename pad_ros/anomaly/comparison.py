"""The anomaly map: the distance of features of the image and of what it should look like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from pad_ros.anomaly.backbone import Backbone, create_backbone
from pad_ros.anomaly.views import Views
from pad_ros.common.registry import create
from pad_ros.errors import ConfigError
from pad_ros.images import Window, box_around
from pad_ros.results import Image, Map, Mask

IMPLEMENTATIONS = {
    "combined": "pad_ros.anomaly.combined:CombinedComparison",
    "l1": "pad_ros.anomaly.comparison:L1Comparison",
    "learned": "pad_ros.anomaly.learned:LearnedComparison",
    "squared": "pad_ros.anomaly.squared:SquaredComparison",
}
_OF_FEATURES = ("combined", "l1", "learned", "squared")  # those that compare a backbone's features
_FADED = 3.0  # sigmas: as far as the smoothing reaches
_LAB_WEIGHTS = np.array([[0.5, 1.0, 1.0]])


class Comparison(Protocol):
    """Says where an image differs from its reference."""

    sha256: str
    """Checksum of the weights: a threshold holds for these alone."""

    def compare(self, views: Views) -> Map:
        """The anomaly map [H, W], not negative, 0 far from the part."""
        ...


def create_comparison(settings: Mapping[str, Any], backbone: Backbone | Mapping[str, Any] | None = None) -> Comparison:
    """Makes the comparison that a profile names, over the backbone that it names if it compares features.

    Raises:
        ConfigError: unknown name or setting.
        ProductError: the weights are missing or altered.
    """
    own: dict[str, Any] = {}
    if settings.get("name") in _OF_FEATURES:
        if backbone is None or isinstance(backbone, Mapping):
            backbone = create_backbone(backbone or {})
        own = {"backbone": backbone}
    comparison: Comparison = create("comparison", IMPLEMENTATIONS, {**settings, **own})
    return comparison


def check_size(size: int, backbone: Backbone) -> None:
    """Refuses a size to which the backbone's images cannot be resized.

    Raises:
        ConfigError: it is no positive multiple of the backbone's stride.
    """
    if size < backbone.stride or size % backbone.stride:
        raise ConfigError(f"comparison: size must be a positive multiple of {backbone.stride}, got {size}")


def resized(test: Image, reference: Image, size: int, stride: int) -> tuple[NDArray[np.uint8], float]:
    """Two images [H, W, 3] with sides that a backbone takes, [2, h, w, 3], the longer one `size`; and their scale."""
    rows, columns = test.shape[:2]
    scale = size / max(rows, columns)
    height, width = (max(stride, round(side * scale / stride) * stride) for side in (rows, columns))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    pair = [cv2.resize(image, (width, height), interpolation=how) for image in (test, reference)]
    return np.stack(pair).astype(np.uint8, copy=False), scale


class L1Comparison:
    """Normalised L1 distances of paired features, summed over the levels (paper, section 3.3), and of colours.

    The distance of two feature vectors a and b of a pixel is `|a - b|₁ / (|a|₁ + |b|₁)`: 0 to 1, whatever the level's
    magnitude. Colours are a level of their own, as small parts in a wrong colour hardly move the features: the L1
    distance in CIELAB, as a share of the lightness range. The paper's comparison is `colour` 0, `crop` false, `size`
    224, `sigma` 4.
    """

    def __init__(
        self,
        backbone: Backbone,
        size: int = 320,
        crop: bool = True,
        sigma: float = 3.0,
        colour: float = 16.0,
        tolerance: float = 0.75,
        fade: bool = False,
    ) -> None:
        """Makes the comparison.

        Args:
            backbone: where the features come from.
            size: the longer side, in pixels, to which the images are resized for it.
            crop: whether only the mask's surroundings are resized, so that small defects have more pixels.
            sigma: of the map's Gaussian smoothing, in pixels of the resized images; 0 for none.
            colour: weight of the colours against one level of features; 0 for features alone.
            tolerance: misalignment of colours that is no difference, in pixels of the image; 0 for none.
            fade: the map fades beyond the mask, as far as the smoothing reaches, where the paper cuts it: at the rim of
                what the mask lacks of a defect there is something left of it.

        Raises:
            ConfigError: a setting is out of range.
        """
        check_size(size, backbone)
        if not (sigma >= 0 and colour >= 0 and 0 <= tolerance <= 4):
            raise ConfigError(
                "comparison: needs sigma >= 0, colour >= 0 and 0 <= tolerance <= 4, "
                f"got {sigma}, {colour} and {tolerance}"
            )
        self._backbone = backbone
        self.sha256 = backbone.sha256
        self._size = size
        self._crop = crop
        self._sigma = sigma
        self._colour = colour
        self._tolerance = tolerance
        self._fade = fade

    def compare(self, views: Views) -> Map:
        """The anomaly map [H, W], 0 outside the mask [H, W], or soon; of T, S_aug and the mask alone."""
        mask = views.mask
        window = surroundings(mask) if self._crop else np.s_[: mask.shape[0], : mask.shape[1]]
        test = views.test[window]
        # What differs outside the mask must not leak in through the features' receptive fields.
        augmented = np.where(mask[window][..., None], views.augmented[window], test)
        pair, scale = resized(test, augmented, self._size, self._backbone.stride)
        total = feature_distances(views, self._backbone, pair).sum(axis=0)
        if self._colour > 0:
            total += self._colour * _colour_distance(pair[0], pair[1], self._tolerance * scale)
        if self._sigma > 0:
            total = np.asarray(cv2.GaussianBlur(total, (0, 0), self._sigma), np.float32)
        rows, columns = mask[window].shape
        result = np.zeros(mask.shape, np.float32)
        result[window] = cv2.resize(total, (columns, rows), interpolation=cv2.INTER_LINEAR)
        beyond = ~mask
        if self._fade:
            beyond = cv2.distanceTransform(beyond.astype(np.uint8), cv2.DIST_L2, 5) > _FADED * self._sigma / scale
        result[beyond] = 0.0
        return result


def feature_distances(views: Views, backbone: Backbone, pair: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The normalised L1 distance of two images' features in each of L levels, 0 to 1: [2, h, w, 3] to [L, h, w]."""
    size = pair.shape[2], pair.shape[1]
    levels = (_feature_distance(*level) for level in zip(*views.features(backbone, pair), strict=True))
    return np.stack([cv2.resize(level, size, interpolation=cv2.INTER_LINEAR) for level in levels])


def _feature_distance(test: NDArray[np.float32], reference: NDArray[np.float32]) -> Map:
    """The normalised L1 distance of feature vectors, [C, h, w] each, to [h, w]."""
    magnitude = np.abs(test).sum(axis=0) + np.abs(reference).sum(axis=0)
    return np.abs(test - reference).sum(axis=0) / (magnitude + np.float32(1e-6))


def _colour_distance(test: Image, reference: Image, tolerance: float) -> Map:
    """The L1 distance in CIELAB over 100, lightness counting half, [h, w] of two images [h, w, 3].

    Of the reference shifted by the tolerance (in pixels) in four directions and not at all, the nearest counts: poses
    are found to some tenths of a pixel, and at the edges of bricks that is a large difference.
    """
    distance = np.full(test.shape[:2], np.inf, np.float32)
    test_lab, reference_lab = _lab(test), _lab(reference)
    shifts = ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)) if tolerance > 0 else ((0, 0),)
    for x, y in shifts:
        move = np.array([[1, 0, x * tolerance], [0, 1, y * tolerance]], dtype=np.float64)
        size = test.shape[1], test.shape[0]
        shifted = cv2.warpAffine(reference_lab, move, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        apart = np.asarray(cv2.transform(cv2.absdiff(test_lab, shifted), _LAB_WEIGHTS), np.float32)
        np.minimum(distance, apart, out=distance)
    return distance / np.float32(100.0)


def _lab(image: Image) -> NDArray[np.float32]:
    scaled = image.astype(np.float32) / np.float32(255.0)
    return np.asarray(cv2.cvtColor(scaled, cv2.COLOR_RGB2LAB), np.float32)


def surroundings(mask: Mask, margin: float = 0.1) -> Window:
    """The mask's box, grown on each side by a share of its longer side."""
    rows, columns = box_around(mask, 0)
    longer = max(rows.stop - rows.start, columns.stop - columns.start) - 1
    return box_around(mask, int(np.ceil(margin * longer)) + 1)
