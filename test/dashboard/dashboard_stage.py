"""A line that says what a test tells it, and its page. Not a test itself."""

from contextlib import contextmanager

import numpy as np
import pytest

pytest.importorskip("starlette", reason="needs requirements/dashboard.txt")

from pad_ros.conveyor.decision import Decision
from pad_ros.dashboard.access import Access
from pad_ros.dashboard.faults import NEEDED
from pad_ros.dashboard.operations import Answer, Operations
from pad_ros.dashboard.page import Page
from pad_ros.dashboard.parts import View
from pad_ros.dashboard.pictures import Picture
from pad_ros.dashboard.serve import PageServer, listen
from pad_ros.dashboard.state import LineState
from pad_ros.dashboard.twin import Twins
from pad_ros.results import Inspection, Region, RegionKind, Status

CHECKSUM = "c" * 64


class Clock:
    """Monotonic seconds that a test moves on."""

    now = 1000.0

    def __call__(self):
        return self.now


class Services:
    """Stands in for the nodes' services: answers as told, and remembers."""

    def __init__(self):
        self.calls, self.refuses, self.before = [], {}, lambda service: None

    def __call__(self, service, argument):
        self.before(service)
        self.calls.append((service, argument))
        return Answer(False, self.refuses[service]) if service in self.refuses else Answer(True)


def view(part, index=0, count=2, *, status=Status.OK, anomalous=False, evidence=b"", checksum=CHECKSUM, kind=None):
    """A verdict on a view; its stamp is its own."""
    regions = [Region(RegionKind.MISSING if kind is None else kind, (1, 2, 3, 4), 9.0, 12)] if anomalous else []
    bad = anomalous or status != Status.OK
    found = Inspection(status, score=5.0 + index, threshold=4.0, anomalous=bad, regions=regions, evidence=evidence)
    stamp = abs(hash((part, index))) + 1
    return View(part, index, count, stamp, stamp, checksum, found)


def decision(part, reject, sequence):
    """A decision on a part."""
    return Decision(part, reject, "said so", 5.0, 2, 0.0, 0.0, sequence)


def picture(value=200):
    """A grey picture."""
    return Picture(lambda: np.full((60, 80, 3), value, np.uint8))


class Line:
    """A line with its page's state and operations."""

    def __init__(self, products=None, folders=(), clock=None):
        self.state = LineState("line 3", *([clock] if clock else []))
        self.services = Services()
        self.operations = Operations(self.services, self.state, products)
        self.twins = Twins(lambda: [*folders, *self.operations.folders()])
        self.sequence = 0

    def all_well(self, **conveyor):
        """All nodes speak."""
        for name in NEEDED:
            self.state.heard(name, "ok", "running", conveyor if name == "conveyor" else {"product": "cube"})

    def pass_part(self, part, *, bad=(), count=3, **more):
        """A part goes by, with these of its views anomalous."""
        for index in range(count):
            seen = view(part, index, count, anomalous=index in bad, **more)
            for kind in ("overlay", "reference", "heat"):
                self.state.pictured(kind, seen.stamp, picture())
            self.state.pictured("live", seen.stamp, picture())
            self.state.judged("cube", seen)
        self.sequence += 1
        self.state.decided(decision(part, bool(bad), self.sequence))


@contextmanager
def served(line, token="", language="auto", host="127.0.0.1"):
    """Serves a line's page; gives its address."""
    listener = listen(host, 0)
    port = listener.getsockname()[1]
    page = Page(line.state, line.operations, line.twins, Access(host, port, token), language)
    server, line.page = PageServer(page, listener), page
    try:
        yield f"http://{host}:{port}"
    finally:
        server.close()
