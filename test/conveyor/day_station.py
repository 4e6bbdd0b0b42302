"""What the graph's conveyor and records nodes are made of, without ROS, as processes that may be killed. No test."""

from collections import Counter
from contextlib import suppress
from dataclasses import replace

from day_plant import GATE_M, LEAD_S, STEP_S, TOLERANCE_M, VIEWS

from pad_ros.conveyor.belt import MeasuredBelt
from pad_ros.conveyor.decisions import DecisionJournal
from pad_ros.conveyor.gate import Gate, GateSettings
from pad_ros.conveyor.outbox import Outbox
from pad_ros.conveyor.parts import PartTracker
from pad_ros.conveyor.plc import create_plc
from pad_ros.conveyor.policy import create_policy
from pad_ros.conveyor.station import Station
from pad_ros.errors import RecordsError
from pad_ros.records.decisions import DecisionLog, decision_row
from pad_ros.records.pictures import Sample
from pad_ros.records.recorder import Recorder
from pad_ros.records.retention import Limits
from pad_ros.records.store import Store

STATION = "line 3"
NOMINAL_M_S, TIMEOUT_S = 0.3, 20.0


class Conveyor:
    """Goes on from the journal; `kill` leaves everything as it is."""

    def __init__(self, plant, folder, settings, mode, heard):
        self.plant, self._alive, self._heard = plant, True, heard
        self.notes = Counter()
        self.belt = MeasuredBelt(NOMINAL_M_S)
        journal = DecisionJournal(str(folder / "conveyor.journal"), self.belt.origin)
        self._seen = {arrival for decision in journal.decisions for arrival in decision.arrivals_ns}
        self.log = DecisionLog(str(folder), STATION, journal.decisions, journal.run, clock=plant.moment)
        self.driver = create_plc(settings)
        self.driver._clock = lambda: plant.now  # its patience is by the simulated clock, as the belt's way is
        gate = GateSettings(mode, GATE_M, lead_s=LEAD_S, tolerance_m=TOLERANCE_M, ahead_s=STEP_S)
        self.station = Station(
            PartTracker(create_policy({"name": "any"}), TIMEOUT_S, GATE_M / NOMINAL_M_S),
            Gate(self.belt, gate, clock=lambda: plant.now),
            journal,
            say=self._say,
            send=lambda decision: self.outbox.send(decision),
            trouble=lambda error: self.notes.update({"the journal cannot be written": 1}),
        )
        self.outbox = Outbox(self, 5.0, self._sent, self._lost, retry_s=0.02, command=self.station.command)
        self.station.resume(plant.now)

    def announce(self, part, stamp_s):
        self.station.announce(part.name, VIEWS, stamp_s, self.plant.now)

    def judged(self, seen, inspection):
        """A result comes, once or again."""
        if seen.arrival in self._seen:
            return
        self._seen.add(seen.arrival)
        self.station.judged(
            seen.run,
            seen.stamp / 1e9,
            self.plant.now,
            part_id=seen.part_id,
            view_index=seen.view_index,
            view_count=seen.view_count,
            status=inspection.status,
            score=inspection.score,
            anomalous=inspection.anomalous,
            arrival_ns=seen.arrival,
        )

    def tick(self):
        self.belt.moved_to(self.plant.encoder_m, self.plant.now)
        self.station.tick(self.plant.now)

    def end(self):
        """Ends in order."""
        self.station.stop(self.plant.now)
        self.outbox.close(patience_s=5.0)
        self.log.close()

    def kill(self):
        """Ends as by SIGKILL: nothing is written or said any more, and the system closes the connection."""
        self._alive = False
        self.driver.close()

    def send(self, decision):
        """What the outbox takes for the driver: a dead process sends nothing."""
        if not self._alive:
            raise ConnectionError("this process is dead")
        self.driver.send(decision)

    def close(self):
        if self._alive:
            self.driver.close()

    def _say(self, decision):
        self.log.decided(decision, self.station.run)
        self._heard(decision)

    def _sent(self, decision):
        if self._alive:
            self.log.answered(decision, how=self.station.how_taken)
            self.station.sent(decision)

    def _lost(self, decision, problem):
        if self._alive:
            self.log.answered(decision, problem)
            self.station.lost(decision)
            self.notes["commands that the PLC never took"] += 1


class Records:
    """Keeps verdicts and what it hears of decisions."""

    def __init__(self, plant, folder, products):
        store = Store(folder, STATION, insist=False, clock=plant.moment)
        self.recorder = Recorder(store, Sample(0.02), Limits(picture_days=1e5, free_gb=0.004))
        for product, place in products:
            self.recorder.product(product, place)

    def add(self, seen, inspection, product, picture):
        self.recorder.add(seen, inspection, product.name, product.checksum, lambda: picture)

    def hear(self, decision):
        """A command as its message tells it: without the views' arrivals."""
        with suppress(RecordsError):  # a full disk: the node warns, and the conveyor's own rows wait
            self.recorder.store.add(decision_row(replace(decision, arrivals_ns=()), 0, STATION))

    def end(self):
        self.recorder.tidy()
        self.recorder.store.close()
