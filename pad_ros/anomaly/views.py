"""What a comparison is given: an image and what it should look like, and their features, each computed once."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pad_ros.anomaly.backbone import Backbone, FeatureLevel
from pad_ros.errors import ImageError, NoObjectError
from pad_ros.results import Image, Map, Mask


@dataclass(frozen=True, eq=False)
class Views:
    """The views of one part that are compared.

    Attributes:
        test: T [H, W, 3].
        augmented: S_aug, the twin over the rebuilt background [H, W, 3].
        mask: M [H, W], what of the twin's and the test mask the lens shows.
        transmittance: of the twin [H, W].
        object_mask: the test mask M_t [H, W].

    Raises:
        ImageError: they differ in size.
        NoObjectError: the mask is empty.
    """

    test: Image
    augmented: Image
    mask: Mask
    transmittance: Map
    object_mask: Mask
    _levels: dict[tuple[str, tuple[int, ...], bytes], list[FeatureLevel]] = field(
        default_factory=dict, init=False, repr=False
    )

    def __post_init__(self) -> None:
        """Refuses what cannot be compared."""
        test, augmented, mask = self.test.shape, self.augmented.shape, self.mask.shape
        if test != augmented or test[:2] != mask:
            raise ImageError(f"cannot compare {test} with {augmented} inside a mask of {mask}")
        if not self.mask.any():
            raise NoObjectError("no part in the image and none in the reference: nothing to compare")

    def features(self, backbone: Backbone, images: NDArray[np.uint8]) -> list[list[FeatureLevel]]:
        """The backbone's levels [C, h, w] of each of the images [N, H, W, 3] that are made of the views.

        Several comparisons make the same one of T: it goes through the backbone once.
        """
        keys = [(backbone.sha256, image.shape, image.tobytes()) for image in images]
        missing = {key: image for key, image in zip(keys, images, strict=True) if key not in self._levels}
        if missing:
            levels = backbone.features(np.stack(list(missing.values())))
            for index, key in enumerate(missing):
                self._levels[key] = [level[index] for level in levels]
        return [self._levels[key] for key in keys]
