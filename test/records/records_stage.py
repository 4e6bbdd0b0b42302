"""Rows and folders of records that several tests use. Not a test itself."""

import shutil
import subprocess
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

import numpy as np

from pad_ros.conveyor.decision import Decision
from pad_ros.records.decisions import answer_row, decision_row
from pad_ros.records.models import ProductRow, uid_of
from pad_ros.records.pictures import Picture, Sample
from pad_ros.records.recorder import Recorder
from pad_ros.records.store import Store
from pad_ros.records.verdicts import Seen
from pad_ros.results import Inspection, PoseEstimate, Region, RegionKind, Status

BEGIN = datetime(2026, 3, 2, 6, 0, tzinfo=timezone.utc)
THRESHOLD = 4.0


def inspection_of(score, kind=RegionKind.MODIFIED):
    """A judged image: anomalous, with a region, above the threshold."""
    pose = np.eye(4)
    pose[:3, 3] = 0.1, 0.2, -1.0
    return Inspection(
        Status.OK,
        score=score,
        threshold=THRESHOLD,
        anomalous=score > THRESHOLD,
        regions=[Region(kind, (20, 30, 10, 12), 1.5 * score, 80)] if score > THRESHOLD else [],
        pose=PoseEstimate(pose, 120, 150, 0.4),
        timings={"localization": 100.0, "render": 5.0, "total": 105.0},
    )


def failed(status=Status.NOT_LOCALIZED):
    return Inspection(status, "only 5 matches")


def image(level=128):
    return np.full((96, 128, 3), level, np.uint8)


def decision(sequence, part="", reject=False, arrivals=(), score=1.0):
    return Decision(
        part_id=part or f"part {sequence}",
        reject=reject,
        reason="1 of 1 view anomalous" if reject else "0 of 1 view anomalous",
        score=score,
        views=1,
        stamp_s=1.7e9 + sequence,
        gate_time_s=1.7e9 + sequence + 5.0,
        sequence=sequence,
        arrivals_ns=tuple(arrivals),
    )


def recorder_in(folder, of_passes=0.0, limits=None, station="line 1"):
    return Recorder(Store(folder, station), Sample(of_passes), limits)


def fill(folder, scores, station="line 1", begin=BEGIN, step_s=60.0):
    """A folder of records: a part of one view for each score (None: not localised), decided and taken by the PLC."""
    moment = [begin]
    store = Store(folder, station, clock=lambda: moment[0])
    recorder = Recorder(store, Sample(1.0))
    store.add(
        ProductRow(
            uid=uid_of("product", station, "c"),
            name="bracket",
            checksum="c",
            folder="products/bracket",
            threshold=THRESHOLD,
            scores=[1.0, 1.2, 1.5, 1.7, 1.9, 2.0, 2.2, 2.4],
        )
    )
    for index, score in enumerate(scores):
        inspection = failed() if score is None else inspection_of(score)
        seen = Seen(f"camera {index}", round(1e9 * moment[0].timestamp()), 1000 + index, part_id=f"part {index}")
        recorder.add(seen, inspection, "bracket", "c", lambda index=index: Picture.of(image(index % 200)))
        made = decision(index + 1, f"part {index}", bool(inspection.anomalous), [1000 + index], inspection.score)
        store.add(decision_row(made, 0, station), answer_row(made, "", station))
        moment[0] += timedelta(seconds=step_s)
    store.close()
    return folder


@contextmanager
def mounted(folder, megabytes):
    """Makes a folder that is a small disk; yields whether it is one (only root can make it)."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    is_small = bool(shutil.which("mount")) and not subprocess.run(command, capture_output=True).returncode
    try:
        yield is_small
    finally:
        if is_small:
            subprocess.run(["umount", "-l", str(folder)], check=True)


def fill_up(path):
    """Fills the disk to the last byte, as others do."""
    with open(path, "wb", buffering=0) as file:
        for size in (1_000_000, 4096, 512, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
