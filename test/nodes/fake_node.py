"""A node with a fake inspector: `python fake_node.py NAME --ros-args …`. Not a test itself."""

import os
import sys
import threading
import time
from importlib import import_module
from types import SimpleNamespace

import numpy as np

from pad_ros.common.identity import Identity
from pad_ros.errors import NoObjectError, NotLocalizedError, ProductError
from pad_ros.geometry import Camera
from pad_ros.images import check_image
from pad_ros.lens import Lens
from pad_ros.results import Background, Inspection, PoseEstimate, Reference, Region, RegionKind, Status

WIDTH, HEIGHT = 128, 96
CAMERA = Camera(WIDTH, HEIGHT, 100.0, 100.0, 64.0, 48.0)
# The red of the image's first pixel says what shall happen to it; other values say a score.
NOT_LOCALIZED, LOCALIZE_CRASH, SEPARATE_CRASH, NO_OBJECT, JUDGE_CRASH, UNTIL_THE_END = 1, 2, 3, 4, 5, 6
THRESHOLD = 100.0
ending = threading.Event()  # this node's worker was asked to end


class FakeInspector:
    """Has the stages of `Inspector`, and takes its time over localisation."""

    def __init__(self, folder):
        if "broken" in folder:
            raise ProductError(f"{folder}: truncated; copy the product again")
        self.lens, self.camera = Lens(CAMERA), CAMERA
        identity, self.threshold = Identity.of(folder), THRESHOLD
        calibration = SimpleNamespace(threshold=THRESHOLD)
        self.product = SimpleNamespace(name=identity.name, checksum=identity.checksum, calibration=calibration)
        self.warm = False

    def prepare(self, image):
        return check_image(image, self.camera)

    def report(self, inspection):
        return inspection

    def localize(self, image):
        if not self.warm:
            self.warm = True
            raise NotLocalizedError("nothing to see while warming up")
        time.sleep(0.02)
        code = image[0, 0, 0]
        if code == NOT_LOCALIZED:
            raise NotLocalizedError("no evidence")
        if code == LOCALIZE_CRASH:
            raise RuntimeError("crash in localisation")
        pose = np.eye(4)
        pose[:3, 3] = 1.0, 2.0, 3.0
        return PoseEstimate(pose, 50, 60, 0.5)

    def render(self, pose):
        assert pose[:3, 3].tolist() == [1.0, 2.0, 3.0]
        shape = HEIGHT, WIDTH
        return Reference(np.full((*shape, 3), 200, np.uint8), np.ones(shape, bool), np.zeros(shape, np.float32))

    def separate(self, image, reference):
        code = image[0, 0, 0]
        if code == SEPARATE_CRASH:
            raise RuntimeError("crash in separation")
        if code == NO_OBJECT:
            raise NoObjectError("no part")
        return Background(np.arange(WIDTH)[None] < np.full((HEIGHT, 1), WIDTH // 2), image)

    def judge(self, image, pose, reference, background):
        code = image[0, 0, 0]
        if code == UNTIL_THE_END:
            ending.wait(60.0)
            time.sleep(0.5)  # the request has arrived
        if code == JUDGE_CRASH:
            raise RuntimeError("crash in judging")
        assert background.object_mask.sum() == HEIGHT * WIDTH // 2
        assert (background.image == image).all()
        return Inspection(
            Status.OK,
            score=float(code),
            threshold=self.threshold,
            anomalous=code > self.threshold,
            regions=[Region(RegionKind.ADDED, (1, 2, 3, 4), 0.5, 12)] if code > self.threshold else [],
            evidence=bytes([255 if code > self.threshold else 128, *[128] * 7]),
            pose=pose,
            anomaly_map=image[..., 0].astype(np.float32),
            reference=reference,
            background=background,
        )


def announce_the_end():
    """Lets `judge` know when the worker is asked to end."""
    from pad_ros.nodes.worker import Worker

    stop = Worker.stop

    def announced(self, *arguments):
        ending.set()
        return stop(self, *arguments)

    Worker.stop = announced


def put_clock_ahead(seconds):
    """Lets this process think that it is later; DDS and ROS keep the machine's clock, as on a host of its own."""
    now, now_ns = time.time, time.time_ns
    time.time, time.time_ns = lambda: now() + seconds, lambda: now_ns() + round(1e9 * seconds)


if __name__ == "__main__":
    if "FAKE_NODE_CLOCK_AHEAD_S" in os.environ:
        put_clock_ahead(float(os.environ["FAKE_NODE_CLOCK_AHEAD_S"]))
    announce_the_end()
    name = sys.argv.pop(1)
    from pad_ros.nodes.product_node import InspectorNode

    InspectorNode.inspector_factory = staticmethod(FakeInspector)
    sys.exit(import_module(f"pad_ros.nodes.{name}").main())
