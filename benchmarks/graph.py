"""What the graph costs: latency and throughput through the nodes, against the same inspections in one process.

    python benchmarks/graph.py [--product sample/product] [--bag sample/bag] [--rounds 5]

In turns, so that both see the same machine: every image by `Inspector.inspect` here, as `pad inspect` does; every image
through the graph with one in flight, from publishing it until its result is heard; and all with three in flight. The
nodes are those of `pad up`, with their pictures; nobody but this listens. Images are decoded beforehand.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from pad_ros.msg import AnomalyResult
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import Image as ImageMessage
from splatting import machine
from std_msgs.msg import Header

from pad_ros.common.progress import progress_bar
from pad_ros.errors import PadError
from pad_ros.graph.build import build
from pad_ros.graph.up import Processes, ros_environment
from pad_ros.inspector import Inspector
from pad_ros.nodes.bystander import bystander
from pad_ros.nodes.convert import image_from_message, image_message
from pad_ros.nodes.qos import QOS
from pad_ros.product import Product
from pad_ros.results import Image
from pad_ros.sources.bag import read_images

_READERS = 3  # nodes that read the images
_PATIENCE_S = 120.0


class Graph:
    """Images in, results out."""

    def __init__(self, node: Any, executor: SingleThreadedExecutor) -> None:
        self._executor, self._heard, self._stamp = executor, 0, 0
        self._publisher = node.create_publisher(ImageMessage, "image_raw", QOS["reliable"])
        node.create_subscription(AnomalyResult, "anomaly", self._on_result, QOS["results"])

    def wait(self) -> None:
        """Until the nodes are there, and have found each other."""
        self._until(lambda: self._publisher.get_subscription_count() >= _READERS)
        end = time.monotonic() + 2.0
        self._until(lambda: time.monotonic() > end)

    def judge(self, images: Sequence[Image], in_flight: int) -> list[float]:
        """The milliseconds from one result to the next; with one in flight, those of each image."""
        first, sent, times, last = self._heard, 0, [], time.perf_counter()
        while len(times) < len(images):
            while sent < len(images) and sent - len(times) < in_flight:
                self._stamp += 1
                header = Header(stamp=Time(sec=self._stamp), frame_id="camera_optical_frame")
                self._publisher.publish(image_message(header, images[sent], "rgb8"))
                sent += 1
            self._until(lambda: self._heard > first + len(times))
            now = time.perf_counter()
            times.append(1000.0 * (now - last))
            last = now
        return times

    def _until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while not condition():
            if time.monotonic() > deadline:
                raise PadError("the graph does not answer")
            self._executor.spin_once(timeout_sec=0.05)

    def _on_result(self, message: AnomalyResult) -> None:
        if message.status != AnomalyResult.OK:
            print(f"not judged: {message.reason}")
        self._heard += 1


@contextmanager
def running(product: Path) -> Iterator[Graph]:
    """The graph of `pad up` without camera and bag, in a ROS domain of its own."""
    environment = ros_environment(isolated=True)
    os.environ.update({name: value for name, value in environment.items() if name.startswith("ROS_")})
    arguments = {"product": str(product), "plc": "none"}
    with bystander("benchmark") as (node, executor), Processes(build(arguments), environment):
        graph = Graph(node, executor)
        graph.wait()
        yield graph


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--product", type=Path, default=Path("sample/product"))
    parser.add_argument("--bag", type=Path, default=Path("sample/bag"))
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    images = [image_from_message(message) for _, message in read_images(arguments.bag)]
    inspector = Inspector(Product.load(arguments.product))
    inspector.inspect(images[0])  # what is loaded at first use does not count
    alone: list[float] = []
    one: list[float] = []
    three: list[float] = []
    with running(arguments.product) as graph, progress_bar("rounds") as progress:
        graph.judge(images[:3], 1)
        for number in range(arguments.rounds):
            for image in images:
                start = time.perf_counter()
                inspector.inspect(image)
                alone.append(1000.0 * (time.perf_counter() - start))
            one += graph.judge(images, 1)
            three += graph.judge(images, 3)
            progress(number + 1, arguments.rounds, "")
    print(f"{machine()}; {len(images)} images, {arguments.rounds} rounds\n")
    print("| | median ms | p95 ms | images per second |\n|---|---:|---:|---:|")
    for name, times in (("one process", alone), ("graph, one in flight", one), ("graph, three in flight", three)):
        latency = ("–", "–") if times is three else tuple(f"{np.percentile(times, p):.0f}" for p in (50, 95))
        print(f"| {name} | {latency[0]} | {latency[1]} | {1000.0 * len(times) / sum(times):.2f} |")
    extra = np.median(one) - np.median(alone)
    print(f"\nlatency: {np.median(one) / np.median(alone):.2f} times, {extra:+.0f} ms")


if __name__ == "__main__":
    main()
