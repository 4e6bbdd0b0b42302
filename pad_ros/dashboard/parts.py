"""What was said of parts: the views of the one at hand, the last decision, the counters, the last rejects."""

from __future__ import annotations

import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pad_ros.conveyor.decision import Decision
from pad_ros.dashboard.pictures import Picture
from pad_ros.results import Inspection, Status

_OPEN = 64  # parts whose views are kept until they are decided
_VIEWS = 64  # of one part
_REJECTS = 5
_HEARD = 2000  # decisions told apart; more than their publisher keeps
_HISTORY_S = 2.0  # what comes so soon after the start was said before it


@dataclass(frozen=True)
class View:
    """A verdict on one image; `arrival` tells results apart, `checksum` is its product's."""

    part_id: str
    index: int
    count: int  # 0 when unknown
    stamp: int
    arrival: int
    checksum: str
    inspection: Inspection

    @property
    def speaks_against(self) -> bool:
        """Whether the view was judged, and is anomalous."""
        return self.inspection.status == Status.OK and self.inspection.anomalous


@dataclass
class Part:
    """A part with its views, by arrival, and its decision; `picture` is its worst view's overlay."""

    part_id: str
    views: dict[int, View] = field(default_factory=dict)
    decision: Decision | None = None
    at: datetime | None = None  # when the decision was heard; None when it was made before that
    picture: Picture | None = None
    worst: float = float("-inf")

    def add(self, view: View) -> None:
        """One more view; the same arrival again is the same view."""
        if len(self.views) < _VIEWS:
            self.views[view.arrival or view.stamp] = view

    def lacks(self, view: View) -> bool:
        """Whether a view is of this part, and not of one that has got its name anew."""
        others = (known for known in self.views.values() if known.arrival != view.arrival)
        return view.part_id == self.part_id and all(known.index != view.index for known in others)

    def kinds(self) -> Counter[str]:
        """How many of its views show regions of each kind."""
        shown = ({region.kind.name.lower() for region in view.inspection.regions} for view in self.views.values())
        return Counter(kind for kinds in shown for kind in kinds)

    def to_dict(self) -> dict[str, Any]:
        """For the page."""
        views = sorted(self.views.values(), key=lambda view: view.index)
        said: dict[str, Any] = {
            "part": self.part_id,
            "count": max([len(views), *(view.count for view in views)]),
            "views": [
                {
                    "index": view.index,
                    "state": "unjudged"
                    if view.inspection.status != Status.OK
                    else ("bad" if view.inspection.anomalous else "good"),
                }
                for view in views
            ],
            "unjudged": sorted({v.inspection.status.name for v in views if v.inspection.status != Status.OK}),
            "kinds": dict(self.kinds().most_common()),
        }
        if self.decision is not None:
            said |= {
                "reject": self.decision.reject,
                "reason": self.decision.reason,
                "sequence": self.decision.sequence,
                "at": None if self.at is None else self.at.strftime("%H:%M:%S"),
                "picture": None if self.picture is None else self.picture.number,
                "twin": any(view.inspection.evidence for view in views),
            }
        return said


class Parts:
    """Remembers parts; not safe for threads.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._begun = clock, clock()
        self._open: OrderedDict[str, Part] = OrderedDict()
        self._heard: OrderedDict[tuple[int, str], None] = OrderedDict()
        self.rejects: deque[Part] = deque(maxlen=_REJECTS)  # the newest first
        self.last: Part | None = None  # decided
        self.current: Part | None = None  # of the newest view
        self.parts = self.rejected = 0

    def judged(self, view: View) -> None:
        """A view was judged, or could not be."""
        part = next((p for p in (self.last, *self.rejects) if p and p.lacks(view)), None)
        if part is None:
            part = self._open.setdefault(view.part_id, Part(view.part_id))
            while len(self._open) > _OPEN:
                self._open.popitem(last=False)
            self.current = part
        part.add(view)

    def decided(self, decision: Decision) -> None:
        """A part was decided; the same command again counts once."""
        key = decision.sequence, decision.part_id
        if key in self._heard:
            return
        self._heard[key] = None
        while len(self._heard) > _HEARD:
            self._heard.popitem(last=False)
        part = self._open.pop(decision.part_id, None) or Part(decision.part_id)
        part.decision = decision
        history = self._clock() - self._begun < _HISTORY_S
        part.at = None if history else datetime.now()
        self.last = part
        self.parts += 1
        if decision.reject:
            self.rejected += 1
            self.rejects.appendleft(part)
        if self.current is part and self._open:
            self.current = next(reversed(self._open.values()))

    def pictured(self, view: View, picture: Picture) -> None:
        """The overlay of a view that speaks against its part, or was not judged."""
        for part in (*self._open.values(), *self.rejects):
            if part.part_id == view.part_id:
                score = view.inspection.score if view.speaks_against else float("-inf")
                if part.picture is None or score > part.worst:
                    part.picture, part.worst = picture, score

    def reset(self) -> None:
        """Counts from 0 again."""
        self.parts = self.rejected = 0

    def reject(self, sequence: int) -> Part | None:
        """One of the last rejects, by its command's number."""
        return next((p for p in self.rejects if p.decision and p.decision.sequence == sequence), None)
