"""Runs a graph in processes over DDS and gathers what it says. Not a test itself."""

import time
from contextlib import contextmanager
from pathlib import Path

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from pad_ros.msg import AnomalyResult, PartView, PoseEstimate, RejectCommand
from rosbags.rosbag2 import StoragePlugin, Writer
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from pad_ros.graph import up
from pad_ros.graph.build import Graph, build
from pad_ros.nodes.bystander import bystander
from pad_ros.nodes.convert import image_message
from pad_ros.nodes.qos import QOS
from pad_ros.sources import bag
from pad_ros.sources.bag_metadata import COMPRESSED_IMAGE, IMAGE
from pad_ros.sources.bag_writer import START_NS, _header

FAKE_NODE = Path(__file__).with_name("fake_node.py")


def fake_command(process, scratch):
    """The node's command line with the fake inspector in place of a product's, of which no calibration is known."""
    words = up_command(process, scratch)
    policy = ["-p", "policy:=any"] if process.node.name == "conveyor" else []
    return [words[0], str(FAKE_NODE), process.node.name, *words[3:], *policy]


up_command = up.command


class Listener:
    """Everything that the graph published."""

    def __init__(self, node, executor, graph):
        self.node, self._executor = node, executor
        self._nodes = [process.node.name for process in graph.processes]
        self.restarts = False  # whether nodes that die are started again while this listens
        self._heard = {}
        self.results, self.commands, self.poses, self.masks, self.heatmaps, self.diagnostics = ([] for _ in range(6))
        for kind, topic, found, qos in (
            (AnomalyResult, "anomaly", self.results, "results"),
            (RejectCommand, "reject", self.commands, "results"),
            (PoseEstimate, "camera_pose", self.poses, "results"),
            (Image, "object_mask", self.masks, "pictures"),
            (Image, "anomaly/heatmap", self.heatmaps, "pictures"),
            (DiagnosticArray, "/diagnostics", self.diagnostics, "reliable"),
        ):
            self._heard[topic] = node.create_subscription(kind, topic, found.append, QOS[qos])

    def hears_all(self):
        """Whether the nodes' publishers are found: what one says before that is lost with it when it is killed."""
        topics = [topic for name, topic in (("anomaly", "anomaly"), ("conveyor", "reject")) if name in self._nodes]
        return all(self._heard[topic].get_publisher_count() for topic in topics)

    def until(self, condition, seconds=60.0):
        """Listens until the condition holds; whether it did in time."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                return False
            self._executor.spin_once(timeout_sec=0.1)
            if self.restarts:
                assert self.processes.watch() == ""
        return True

    def for_a_while(self, seconds):
        """Listens for what should not come."""
        self.until(lambda: False, seconds)


class Driver:
    """Publishes images and their parts as a camera driver would."""

    def __init__(self, listener):
        self._listener = listener
        self._images = listener.node.create_publisher(Image, "image_raw", QOS["reliable"])
        self._views = listener.node.create_publisher(PartView, "part_view", QOS["reliable"])
        self.sent = 0

    def wait(self, but=0):
        """Waits until the nodes are there, but so many."""
        publishers = ((self._images, 3 - but), (self._views, 1))
        assert self._listener.until(lambda: all(made.get_subscription_count() >= count for made, count in publishers))
        assert self._listener.until(self._listener.hears_all)
        self._listener.for_a_while(1.0)  # they still have to find each other

    def send(self, pixels, stamp, part=None, view=0, count=1):
        """Publishes an image [H, W, 3] with a stamp in nanoseconds, and which part it shows."""
        header = Header(stamp=Time(sec=stamp // 10**9, nanosec=stamp % 10**9), frame_id="camera_optical_frame")
        if part is not None:
            self._views.publish(PartView(header=header, part_id=part, view_index=view, view_count=count))
        self._images.publish(image_message(header, pixels, "rgb8"))
        self.sent += 1


@contextmanager
def running(monkeypatch, arguments, overrides=None, fake=True, without=(), log=None, policy=None):
    """Runs the graph of the arguments, less some nodes, in a ROS domain of its own."""
    if fake:
        monkeypatch.setattr(up, "command", fake_command)
    monkeypatch.delenv("ROS_DOMAIN_ID", raising=False)
    environment = up.ros_environment(isolated=True)
    for name in ("ROS_DOMAIN_ID", "ROS_AUTOMATIC_DISCOVERY_RANGE"):
        if name in environment:
            monkeypatch.setenv(name, environment[name])
    graph = build(arguments, overrides)
    graph = Graph(tuple(p for p in graph.processes if p.node.name not in without))
    with bystander("listener", arguments.get("namespace", "")) as (node, executor):
        listener = Listener(node, executor, graph)
        with up.Processes(graph, environment, log, policy) as processes:
            listener.processes = processes
            yield listener


def write_messages(out, images, views=(), rate_hz=1000.0, also=()):
    """Writes a bag of any images.

    Args:
        out: folder to make.
        images: for each, the fields of an Image, or the bytes of a CompressedImage.
        views: for each image (part_id, view_index, view_count), or nothing.
        rate_hz: images per second.
        also: topics on which the same images are recorded too.
    """
    store = bag.message_types()
    compressed = isinstance(images[0], bytes)
    kind = COMPRESSED_IMAGE if compressed else IMAGE
    topic = "/image_raw/compressed" if compressed else "/image_raw"
    with Writer(out, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        image_connection = writer.add_connection(topic, kind, typestore=store)
        others = [writer.add_connection(other, kind, typestore=store) for other in also]
        view_connection = writer.add_connection("/part_view", bag.PART_VIEW, typestore=store) if views else None
        for index, content in enumerate(images):
            stamp = START_NS + round(index * 1e9 / rate_hz)
            header = _header(store, stamp)
            if views:
                part, view, count = views[index]
                message = store.types[bag.PART_VIEW](header=header, part_id=part, view_index=view, view_count=count)
                writer.write(view_connection, stamp, store.serialize_cdr(message, bag.PART_VIEW))
            fields = {"format": "png", "data": _bytes(content)} if compressed else content
            message = store.serialize_cdr(store.types[kind](header=header, **fields), kind)
            for connection in (image_connection, *others):
                writer.write(connection, stamp, message)
    return out


def raw(pixels, **changes):
    """The fields of an Image of RGB pixels, with changes."""
    height, width = pixels.shape[:2]
    fields = {"height": height, "width": width, "encoding": "rgb8", "is_bigendian": 0, "step": 3 * width}
    fields["data"] = pixels.reshape(-1)
    return {**fields, **changes}


def _bytes(data):
    import numpy as np

    return np.frombuffer(data, np.uint8)
