"""When is a part rejected? The one rule that the conveyor, the report and the tables share."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pad_ros.common.registry import create
from pad_ros.errors import ConfigError
from pad_ros.results import Status

IMPLEMENTATIONS = {
    "any": "pad_ros.conveyor.policy:AnyPolicy",
    "votes": "pad_ros.conveyor.policy:VotesPolicy",
}


@dataclass(frozen=True)
class ViewVerdict:
    """The verdict on one view of a part; `score` is NaN unless `status` is OK."""

    view_index: int
    status: Status
    score: float
    anomalous: bool

    @property
    def judged(self) -> bool:
        """Whether there is a score to go by."""
        return self.status == Status.OK and not math.isnan(self.score)


@dataclass(frozen=True)
class Verdict:
    """The verdict on a part: why, and its worst judged view's score (NaN when there is none)."""

    reject: bool
    reason: str
    score: float


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
        unseen = len(views) - len(judged) + missing
        against = len(bad) + max(0, unseen - self.max_unjudged)
        reject = against >= self.votes or not judged or missing > self.max_unjudged
        worst = max(judged, key=lambda view: view.score, default=None)
        return Verdict(reject, _reason(views, bad, worst, missing), worst.score if worst else float("nan"))


class AnyPolicy(VotesPolicy):
    """Rejects when any view is anomalous (the default)."""

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


def _reason(views: Sequence[ViewVerdict], bad: Sequence[ViewVerdict], worst: ViewVerdict | None, missing: int) -> str:
    """One line such as `2 of 9 views anomalous (worst: view 3); 1 without result (NOT_LOCALIZED)`."""
    total = len(views) + missing
    parts = [f"{len(bad)} of {total} view{'s' * (total != 1)} anomalous"]
    if bad and worst is not None and total > 1:
        parts[0] += f" (worst: view {worst.view_index})"
    unjudged = Counter(view.status.name for view in views if not view.judged)
    if unjudged:
        parts.append(f"{unjudged.total()} without result ({', '.join(sorted(unjudged))})")
    if missing:
        parts.append(f"{missing} never came")
    return "; ".join(parts)
