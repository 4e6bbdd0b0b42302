"""A plant on one simulated clock: belt, camera, parts, a PLC with a gate behind a real fieldbus. Not a test itself."""

import heapq
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

from pad_ros.conveyor.handshake import UNKNOWN

STEP_S = 0.01  # the conveyor node's look at the belt
GATE_M, LEAD_S, TOLERANCE_M = 2.0, 0.1, 0.05
VIEWS, BETWEEN_VIEWS_M = 3, 0.04
NEAREST_M, FURTHEST_M = 0.2, 0.5  # from one part to the next
TICK_M = 0.0005


@dataclass(eq=False)
class Part:
    """A part, and what truly becomes of it."""

    name: str
    enters_m: float  # where the belt is at its first image
    defective: set[int] = field(default_factory=set)  # the views that show a defect
    images: list[float] = field(default_factory=list)  # the belt's place at each
    command: bool | None = None  # what the gate was told of it: reject or pass
    rejected: bool | None = None  # what the gate did, once the part is past it

    @property
    def gate_m(self):
        """Where the belt is when the part is at the gate."""
        return self.enters_m + (VIEWS - 1) * BETWEEN_VIEWS_M + GATE_M


class Plant:
    """Time, belt and parts; what is due at a moment happens as `step` comes to it."""

    def __init__(self, begin, seed=0):
        self.rng = random.Random(seed)
        self.begin, self.now, self.metres, self.speed = begin, 1000.0, 3.0, 0.2
        self.parts, self.on_belt = [], []
        self._due, self._count = [], 0

    def moment(self):
        """The moment as people write it."""
        return self.begin + timedelta(seconds=self.now - 1000.0)

    @property
    def stamp_s(self):
        """The moment by the camera's clock."""
        return self.moment().timestamp()

    @property
    def encoder_m(self):
        return round(self.metres / TICK_M) * TICK_M

    def after(self, seconds, action):
        """Lets something happen later."""
        self._count += 1
        heapq.heappush(self._due, (self.now + seconds, self._count, action))

    def batch(self, count, share_defective):
        """So many parts, one behind the other, before the camera."""
        place = self.metres
        for _ in range(count):
            place += self.rng.uniform(NEAREST_M, FURTHEST_M)
            part = Part(f"part {len(self.parts) + 1:03}", place)
            if self.rng.random() < share_defective:
                part.defective = set(self.rng.sample(range(VIEWS), self.rng.randint(1, VIEWS)))
            self.parts.append(part)
            self.on_belt.append(part)

    def step(self, seconds=STEP_S):
        """Time passes; yields the parts whose next image is taken now, each with the view's number."""
        self.now += seconds
        self.metres += self.speed * seconds
        while self._due and self._due[0][0] <= self.now:
            heapq.heappop(self._due)[2]()
        for part in self.on_belt:
            view = len(part.images)
            if view < VIEWS and self.metres >= part.enters_m + view * BETWEEN_VIEWS_M:
                part.images.append(self.metres)
                yield part, view

    @property
    def quiet(self):
        """Whether nothing is on the belt, nor about to happen."""
        return not self.on_belt and not self._due


class Gate:
    """What the PLC does with what it has taken: acts at once, or follows the parts to the gate; counts.

    It does not know which part a command is for: it acts at a moment or a place, on what is there then.
    """

    def __init__(self, plant, server, mode):
        self.plant, self.server, self.follows = plant, server, mode == "early"
        self.taken, self.problems, self.counts = [], [], Counter()
        self._acts = []  # (seconds or metres, reject)
        server.program.parts = self

    def append(self, command):
        """The program took a command: (session, sequence, reject, ms to the gate, mm to the gate)."""
        _, _, reject, _, to_gate_mm = command
        self.taken.append(command)
        if self.follows and to_gate_mm == UNKNOWN:
            return  # nobody knows which part it is for
        at = self.plant.metres + to_gate_mm / 1000 if self.follows else self.plant.now + LEAD_S
        self._acts.append((at, reject))

    def step(self):
        here = self.plant.metres if self.follows else self.plant.now
        for at, reject in [act for act in self._acts if act[0] <= here]:
            self._acts.remove((at, reject))
            near = min(self.plant.on_belt, key=lambda part: abs(part.gate_m - self.plant.metres), default=None)
            away = abs(near.gate_m - self.plant.metres) if near else float("inf")
            if away > TOLERANCE_M + LEAD_S * 0.3:
                self.problems.append(f"a command acted {1000 * away:.0f} mm from the next part")
            elif near.command is not None:
                self.problems.append(f"two commands acted on {near.name}")
            else:
                near.command = reject
        for part in list(self.plant.on_belt):
            if self.plant.metres > part.gate_m + NEAREST_M / 2:
                self.plant.on_belt.remove(part)
                part.rejected = part.command is not False  # of which it has no command, it rejects
                self.counts["no command"] += part.command is None
