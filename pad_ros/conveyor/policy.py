"""When is a part rejected? The one rule that the conveyor, the report and the tables share."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pad_ros.common.registry import create
from pad_ros.errors import ConfigError
from pad_ros.results import Status

if TYPE_CHECKING:
    from pad_ros.product import Product

IMPLEMENTATIONS = {
    "any": "pad_ros.conveyor.policy:AnyPolicy",
    "votes": "pad_ros.conveyor.policy:VotesPolicy",
    "fused": "pad_ros.conveyor.fused:FusedPolicy",
}


@dataclass(frozen=True)
class ViewVerdict:
    """The verdict on one view of a part; `score` is NaN unless `status` is OK, `evidence` as in `Inspection`."""

    view_index: int
    status: Status
    score: float
    anomalous: bool
    evidence: bytes = b""

    @property
    def judged(self) -> bool:
        """Whether there is a score to go by."""
        return self.status == Status.OK and not math.isnan(self.score)


@dataclass(frozen=True)
class Verdict:
    """The verdict on a part: why, and its worst judged view's score (NaN when there is none).

    By `suspicion` one policy ranks parts: a higher one speaks more against a part; inf where it was not seen enough.
    """

    reject: bool
    reason: str
    score: float
    suspicion: float = float("nan")


class RejectPolicy(Protocol):
    """Turns the verdicts on a part's views into one on the part."""

    def judge(self, views: Sequence[ViewVerdict], missing: int = 0) -> Verdict:
        """Judges a part by its views; `missing` more were announced and never came."""
        ...


class VotesPolicy:
    """Rejects when at least `votes` views are anomalous.

    A view that never came or could not be judged counts as anomalous, except for up to `max_unjudged` of them.
    Whatever the votes, a part is rejected when none of its views was judged, or when more than `max_unjudged` of
    them never came: a part that was not seen is not good.
    """

    def __init__(self, votes: int, max_unjudged: int = 0) -> None:
        """Checks the settings.

        Raises:
            ConfigError: `votes` below 1, or `max_unjudged` below 0.
        """
        for name, value, least in (("votes", votes, 1), ("max_unjudged", max_unjudged, 0)):
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise ConfigError(f"reject policy: {name} must be a whole number >= {least}, got {value!r}")
        self.votes = votes
        self.max_unjudged = max_unjudged

    def judge(self, views: Sequence[ViewVerdict], missing: int = 0) -> Verdict:
        """Judges a part by its views; `missing` more were announced and never came."""
        judged = [view for view in views if view.judged]
        bad = [view for view in judged if view.anomalous]
        uncounted = max(0, unseen_views(views, missing) - self.max_unjudged)
        unfit = not judged or missing > self.max_unjudged
        reject = len(bad) + uncounted >= self.votes or unfit
        ranked = [math.inf] * uncounted + sorted((view.score for view in judged), reverse=True)
        suspicion = math.inf if unfit else ranked[self.votes - 1] if len(ranked) >= self.votes else 0.0
        score = max((view.score for view in judged), default=float("nan"))
        return Verdict(reject, "; ".join(describe_part(views, missing)), score, suspicion)


class AnyPolicy(VotesPolicy):
    """Rejects when any view is anomalous."""

    def __init__(self, max_unjudged: int = 0) -> None:
        """Checks the settings.

        Raises:
            ConfigError: `max_unjudged` below 0.
        """
        super().__init__(votes=1, max_unjudged=max_unjudged)


def create_policy(settings: Mapping[str, Any]) -> RejectPolicy:
    """Makes the reject policy that `settings["name"]` names.

    Raises:
        ConfigError: unknown name, or a setting that the policy refuses.
    """
    return create("reject policy", IMPLEMENTATIONS, settings)


@dataclass(frozen=True)
class PolicyChoice:
    """A reject policy by name, with the settings that users have for all of them; each takes what it knows.

    Attributes:
        name: of IMPLEMENTATIONS.
        votes: anomalous views that reject a part, for `votes`.
        max_unjudged: views without result that do not count against a part.
    """

    name: str = "fused"
    votes: int = 2
    max_unjudged: int = 0

    def create(self, product: Product | Path | str | None = None) -> RejectPolicy:
        """Makes it.

        Args:
            product: or its folder, for `fused`.

        Raises:
            ConfigError: unknown name, a refused setting, or no product, or one that knows nothing of parts.
            ProductError: the product cannot be read.
        """
        settings: dict[str, Any] = {"name": self.name, "max_unjudged": self.max_unjudged}
        if self.name == "votes":
            settings["votes"] = self.votes
        if self.name == "fused":
            from pad_ros.product import Product  # brings OpenCV and the map

            if product is None:
                raise ConfigError("reject policy 'fused': needs the product's calibration, and no product was named")
            loaded = product if isinstance(product, Product) else Product.load(product)
            settings["calibration"] = loaded.calibration
        return create_policy(settings)


def unseen_views(views: Sequence[ViewVerdict], missing: int) -> int:
    """How many views of a part were not judged, or never came."""
    return sum(not view.judged for view in views) + missing


def describe_part(views: Sequence[ViewVerdict], missing: int) -> list[str]:
    """What its views say of a part.

    Such as `2 of 9 views anomalous (worst: view 3)`, `1 without result (NOT_LOCALIZED)`, `2 never came`.
    """
    total, judged = len(views) + missing, [view for view in views if view.judged]
    bad = [view for view in judged if view.anomalous]
    said = f"{len(bad)} of {total} view{'s' * (total != 1)} anomalous"
    if bad and total > 1:
        said += f" (worst: view {max(judged, key=lambda view: view.score).view_index})"
    unjudged = Counter(view.status.name for view in views if not view.judged)
    parts = [said]
    if unjudged:
        parts.append(f"{unjudged.total()} without result ({', '.join(sorted(unjudged))})")
    if missing:
        parts.append(f"{missing} never came")
    return parts
