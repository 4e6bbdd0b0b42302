"""What localisation sees with: features, how pairs of images are matched, and how similar views are found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pad_ros.localization.features import FeatureExtractor, create_features
from pad_ros.localization.matcher import Matcher, create_matcher
from pad_ros.localization.retrieval import Retrieval, create_retrieval
from pad_ros.profiles import OPTIONAL


@dataclass(frozen=True)
class FrontEnd:
    """The same must build a map and localise in it."""

    extractor: FeatureExtractor
    matcher: Matcher
    retrieval: Retrieval


def create_front_end(localization: Mapping[str, Any]) -> FrontEnd:
    """Makes what a profile's `localization` names: `features`, and `matcher` and `retrieval` if it does.

    Raises:
        ConfigError: an unknown name or setting, or parts that do not fit together.
        BuildError: a library that one needs is not installed.
        WeightsError: the weights of one are not here.
    """
    features = localization["features"]
    others = {part: localization.get(part, {"name": name}) for part, name in OPTIONAL["localization"].items()}
    return FrontEnd(
        create_features(features),
        create_matcher(others["matcher"], features.get("name", "")),
        create_retrieval(others["retrieval"]),
    )
