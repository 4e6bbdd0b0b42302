"""The methods that the paper's tables compare, each a few changes to the inspection of one and the same product.

All of them share the product's map and twin, and the networks that its profile names: what differs is what they do with
them. Only `pad` has a threshold of its own, the product's; the others are judged by thresholds that the metrics choose.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pad_ros.errors import ConfigError
from pad_ros.geometry import Matrix
from pad_ros.inspector import Inspector
from pad_ros.product import Product
from pad_ros.results import Background, Image, Reference

# Paper, section 3.3: normalised L1 at the five layers, on whole images of 224 × 224, smoothed; the map's maximum.
_L1 = {"name": "l1", "size": 224, "crop": False, "sigma": 4.0, "colour": 0.0, "tolerance": 0.0, "fade": False}
_SQUARED = {"name": "squared", "size": 224, "levels": 4, "sigma": 4.0, "kernel": 9}
_BACKBONE = {"name": "efficientnet_lite0"}  # for products whose own comparison has none


class PaperInspector(Inspector):
    """Algorithm 1 as the paper writes it: the twin is cut out at M_s, where ours blends by its transmittance."""

    gives_evidence = False  # the paper knows no parts

    def __init__(self, product: Product) -> None:
        """Makes the stages, with the paper's comparison."""
        super().__init__(_comparing(product, _L1))

    def render(self, object_from_camera: Matrix) -> Reference:
        """Renders S inside M_s alone (Algorithm 1, line 4), [H, W, 3] over white."""
        whole = super().render(object_from_camera)
        image = np.where(whole.mask[..., None], whole.image, np.uint8(255))
        return Reference(image, whole.mask, (~whole.mask).astype(np.float32))


class TwinMaskInspector(PaperInspector):
    """Without BiRefNet and LaMa (paper, section 4.4): compares inside M_s and nowhere else."""

    def separate(self, image: Image, reference: Reference) -> Background:
        """Takes M_s for M_t, and the image for its background: outside M_s nothing differs."""
        return Background(reference.mask, image)


class SplatPosePlusInspector(Inspector):
    """SplatPose+: the whole image against the twin over white, by squared differences; needs white backgrounds."""

    gives_evidence = False

    def __init__(self, product: Product) -> None:
        """Makes the stages, with the baseline's comparison."""
        super().__init__(_comparing(product, _SQUARED))

    def separate(self, image: Image, reference: Reference) -> Background:
        """Takes all of the image for the part, and white for its background."""
        return Background(np.ones_like(reference.mask), np.full_like(image, 255))


@dataclass(frozen=True)
class Method:
    """How images are judged, and whether it is given them without their background."""

    title: str
    create: Callable[[Product], Inspector]
    background_free: bool = False
    calibrated: bool = False  # whether the product's threshold is this method's


METHODS = {
    "splatpose-plus": Method("SplatPose+ (background-free)", SplatPosePlusInspector, background_free=True),
    "paper": Method("the paper's", PaperInspector),
    "paper-no-background": Method("the paper's, without BiRefNet and LaMa", TwinMaskInspector),
    "paper-background-free": Method("the paper's (background-free)", PaperInspector, background_free=True),
    "pad": Method("ours", Inspector, calibrated=True),
    "pad-background-free": Method("ours (background-free)", Inspector, background_free=True, calibrated=True),
}


def find_method(name: str) -> Method:
    """The method of a name.

    Raises:
        ConfigError: there is none.
    """
    if name not in METHODS:
        raise ConfigError(f"no method {name!r}; choose from {', '.join(METHODS)}")
    return METHODS[name]


def _comparing(product: Product, comparison: dict[str, Any]) -> Product:
    """The product with another comparison, the map's maximum as score, every region reported, and no threshold."""
    own = product.profile["anomaly"]
    anomaly = {
        "backbone": own.get("backbone", _BACKBONE),
        "comparison": comparison,
        "score": {"name": "max"},
        "regions": {"min_area": 1},
    }
    return replace(
        product,
        profile={**product.profile, "anomaly": anomaly},
        calibration=replace(product.calibration, threshold=math.nan),
        provenance={},  # it names the weights of the product's own comparison
    )
