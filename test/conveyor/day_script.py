"""A day of a line: batches of parts, and what goes wrong meanwhile. Not a test itself."""

import itertools
import math
import shutil
import time
from collections import Counter, deque
from dataclasses import dataclass, replace

from day_plant import STEP_S, Gate, Plant
from day_station import VIEWS, Conveyor, Records

from pad_ros.records.verdicts import Seen
from pad_ros.results import Inspection, Status

INCIDENTS = (
    *("nothing", "other speed", "stop", "jog", "stop in a part", "plc away", "plc deaf", "answer lost", "kill"),
    *("kill while away", "disk full", "other product", "disabled", "records killed"),
)
DRAIN_S = 30.0  # of real time, that a PLC which is there may take


@dataclass(frozen=True)
class Judge:
    """What inspection says: pictures with verdicts to draw from, and the products."""

    good: list  # (picture, inspection)
    bad: list
    products: list  # (product, folder)


class Day:
    """Runs the line; everything that is not as it should be at once goes to `problems`.

    Args:
        folder: of the records and the journal, on a small disk where `others` can fill it.
        server: the PLC's, see plc_servers.py.
        mode: of the gate.
        begin: of the day.
        fill_up: fills the disk of the folder; None where it is not small.
    """

    def __init__(self, folder, server, mode, judge, begin, fill_up=None, seed=0):
        self.folder, self.server, self.mode, self.judge, self.fill_up = folder, server, mode, judge, fill_up
        self.plant = Plant(begin, seed)
        self.gate = Gate(self.plant, server, mode)
        self.product = judge.products[0][0]
        self.images, self.notes, self.incidents = 0, Counter(), Counter()
        self.away, self.conveyor = False, None
        self.disabled = set()  # parts that came while inspection was off
        self._results = deque(maxlen=1000)  # kept for who comes late
        self.records = Records(self.plant, folder, judge.products[:1])
        self.start()

    def run(self, parts, per_batch, progress=lambda done: None, incidents=INCIDENTS):
        """So many parts in batches; each incident meets one of them, again and again."""
        for incident in itertools.cycle(incidents):
            if len(self.plant.parts) >= parts:
                break
            self.incidents[incident] += 1
            self.plant.batch(min(per_batch, parts - len(self.plant.parts)), share_defective=0.06)
            middle = self.plant.on_belt[len(self.plant.on_belt) // 2]
            self._until(lambda middle=middle: len(middle.images) == VIEWS)
            getattr(self, f"_{incident.replace(' ', '_')}")(middle)
            self._until(lambda: self.plant.quiet)
            self.pause(self.plant.rng.uniform(60.0, 600.0))
            progress(len(self.plant.parts))
        self.end()

    def start(self):
        """The conveyor's process starts; what was said while it was away, it hears again."""
        self.conveyor = Conveyor(self.plant, self.folder, self.server.settings | self._driver, self.mode, self._hear)
        for seen, inspection in list(self._results):
            self.conveyor.judged(seen, inspection)

    def end(self):
        """The end of the day, with an empty belt."""
        self.conveyor.end()
        self.notes.update(self.conveyor.notes)
        self.records.end()

    def pause(self, seconds):
        """Time in which nothing is on the belt; the encoder is heard of all the same."""
        for _ in range(math.ceil(seconds)):
            list(self.plant.step(1.0))
            self.conveyor.tick()

    def go(self, seconds):
        """Time passes."""
        end = self.plant.now + seconds
        self._until(lambda: self.plant.now >= end)

    def _until(self, reached):
        while not reached():
            for part, view in self.plant.step():
                self._image(part, view)
            if self.conveyor is not None:
                self.conveyor.tick()
                self._drain()
            self.gate.step()

    def _drain(self):
        """Simulated time waits while the PLC takes what there is to take."""
        if self.away:
            time.sleep(STEP_S / 8)  # a look of the driver at the PLC is not longer than in a plant
            return
        end = time.monotonic() + DRAIN_S
        while len(self.conveyor.outbox):
            assert time.monotonic() < end, f"the PLC takes nothing: {self.conveyor.outbox.fault}"
            time.sleep(0.0005)

    def _image(self, part, view):
        stamp_s, draw = self.plant.stamp_s, self.plant.rng.random()
        self.images += 1
        seen = Seen(
            f"camera_optical_frame {round(1e9 * stamp_s)}",
            round(1e9 * stamp_s),
            round(1e9 * self.plant.now) + self.images,
            0,
            part.name,
            view,
            VIEWS,
        )
        if self.conveyor is not None:
            self.conveyor.announce(part, stamp_s)
        picture, inspection = self.plant.rng.choice(self.judge.bad if view in part.defective else self.judge.good)
        delay = self.plant.rng.uniform(0.3, 0.9)
        if draw < 0.004:
            self.notes["verdicts that never come"] += 1
            delay = math.inf
        elif draw < 0.008:
            self.notes["verdicts half a minute late"] += 1
            delay += 30.0
        elif draw < 0.012:
            self.notes["images not localised"] += 1
            inspection = Inspection(Status.NOT_LOCALIZED, "7 inliers of 31 matches, at least 12 needed")
        elif not inspection.anomalous:  # scores rise a little over the day, as when lamps age
            score = inspection.score * (1 + len(self.plant.parts) / 5000) * self.plant.rng.uniform(0.97, 1.0)
            inspection = replace(inspection, score=min(score, 0.99 * inspection.threshold))
        if delay < math.inf:
            product = self.product
            self.plant.after(delay, lambda: self._judged(seen, inspection, product, picture))
        else:
            self.images -= 1

    def _judged(self, seen, inspection, product, picture):
        self.records.add(seen, inspection, product, picture)
        self._results.append((seen, inspection))
        if self.conveyor is not None:
            self.conveyor.judged(seen, inspection)

    def _hear(self, decision):
        self.records.hear(decision)

    @property
    def _driver(self):
        name = "opcua" if "opc" in self.server.settings["address"] else "modbus"
        return {"name": name, "answer_timeout_s": 0.3}

    # What goes wrong, while the belt is full of parts.

    def _nothing(self, part):
        pass

    def _other_speed(self, part):
        self.plant.speed = self.plant.rng.choice([0.1, 0.15, 0.25, 0.3])

    def _stop(self, part):
        speed, self.plant.speed = self.plant.speed, 0.0
        self.go(45.0)
        self.plant.speed = speed

    def _jog(self, part):
        speed, self.plant.speed = self.plant.speed, 0.0
        self.go(5.0)
        self.plant.speed = -0.05
        self.go(3.0)
        self.plant.speed = 0.0
        self.go(2.0)
        self.plant.speed = speed

    def _stop_in_a_part(self, part):
        following = self.plant.on_belt[self.plant.on_belt.index(part) + 1]
        self._until(lambda: len(following.images) == 1)
        self._stop(following)

    def _plc_away(self, part, seconds=12.0):
        self.away = True
        self.server.stop()
        self.go(seconds)
        self.server.start()
        self.away = False

    def _plc_deaf(self, part):
        self.away = self.server.program.deaf = True
        self.go(6.0)
        self.away = self.server.program.deaf = False

    def _answer_lost(self, part):
        self.server.mute = self.away = True
        self.go(1.0)
        self._until(lambda: len(self.conveyor.outbox) or self.plant.quiet)
        time.sleep(0.7)  # the command goes, and its answer does not come
        self.server.mute = self.away = False

    def _kill(self, part):
        self.conveyor.kill()
        self.notes.update(self.conveyor.notes)
        self.conveyor = None
        self.go(3.0)
        self.start()

    def _kill_while_away(self, part):
        self.away = True
        self.server.stop()
        self.go(4.0)
        self._kill(part)
        self.go(2.0)
        self.server.start()
        self.away = False

    def _disk_full(self, part):
        if self.fill_up is None:
            return
        self.fill_up(self.folder / "others")
        self.notes["the disk was full"] += shutil.disk_usage(self.folder).free == 0
        self._until(lambda: self.plant.quiet)
        faults = self.conveyor.log.fault, self.records.recorder.fault
        self.notes.update(f"said: {fault.rpartition(': ')[2]}" for fault in faults if fault)
        (self.folder / "others").unlink()

    def _other_product(self, part):
        """The operator lets the belt run empty, ends the graph, and starts it with another product."""
        self._until(lambda: self.plant.quiet)
        self.conveyor.end()
        self.notes.update(self.conveyor.notes)
        self.records.end()
        known = [product for product, _ in self.judge.products]
        self.product, place = self.judge.products[(known.index(self.product) + 1) % len(known)]
        self.records = Records(self.plant, self.folder, [(self.product, place)])
        self.start()

    def _disabled(self, part):
        """The operator turns inspection off until the belt is empty: the fail-safe decides, also after a kill."""
        self.conveyor.station.enable(False)
        begun = len(self.plant.parts)
        self._kill(part)
        self._until(lambda: self.plant.quiet)
        self.plant.batch(1, share_defective=0.5)
        self._until(lambda: self.plant.quiet)
        self.disabled |= {part.name for part in self.plant.parts[begun:]}
        self.conveyor.station.enable(True)

    def _records_killed(self, part):
        self.records = Records(self.plant, self.folder, self.judge.products)
