"""Reads rosbag2 files (MCAP or SQLite) without ROS."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rosbags.rosbag2 import Reader
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from pad_ros.common.resources import share_folder
from pad_ros.errors import BagError
from pad_ros.sources.bag_metadata import find_image_topic, topics_of

logger = logging.getLogger(__name__)

CAMERA_INFO, PART_VIEW = "sensor_msgs/msg/CameraInfo", "pad_ros/msg/PartView"


@dataclass(frozen=True)
class BagMessage:
    """A recorded message, still serialised."""

    topic: str
    type: str  # "package/msg/Name"
    stamp: int  # nanoseconds, when it was recorded
    data: bytes  # CDR


def message_types() -> Typestore:
    """The message types of ROS 2 and `PartView`.

    Raises:
        BagError: the package's message definition is not there.
    """
    store = get_typestore(Stores.ROS2_KILTED)
    path = share_folder() / "msg" / "PartView.msg"
    try:
        store.register(get_types_from_msg(path.read_text(), PART_VIEW))
    except OSError:
        raise BagError(f"{path}: missing; the installation of pad_ros is incomplete") from None
    return store


def read_bag(path: Path | str, warn: Callable[[str], Any] = logger.warning) -> Iterator[BagMessage]:
    """Yields the messages of a rosbag2, in the order of their stamps.

    Args:
        path: the bag's folder.
        warn: is told when there is another number of messages than the metadata says.

    Raises:
        BagError: missing or damaged; says which.
    """
    expected, found = sum(count for _, count in topics_of(path).values()), 0
    try:
        with Reader(Path(path)) as reader:
            for connection, stamp, data in reader.messages():
                found += 1
                yield BagMessage(connection.topic, connection.msgtype, stamp, bytes(data))
    except Exception as error:  # the reader lets struct, zstd and OS errors through
        raise BagError(f"{path}: damaged ({error}); record or copy it again") from error
    if found != expected:
        warn(f"{path}: holds {found} messages, {expected} by its metadata; was its recording cut off?")


def read_images(path: Path | str, image_topic: str = "") -> Iterator[tuple[int, Any]]:
    """Yields (header stamp in nanoseconds, Image or CompressedImage) of a rosbag2's image topic.

    Raises:
        BagError: missing, damaged, or without images on that topic.
    """
    topic = find_image_topic(path, image_topic)
    store = message_types()
    for message in read_bag(path):
        if message.topic == topic.name:
            content: Any = store.deserialize_cdr(message.data, message.type)
            yield content.header.stamp.sec * 10**9 + content.header.stamp.nanosec, content
