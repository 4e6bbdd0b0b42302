"""Reads rosbag2 files (MCAP or SQLite) without ROS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rosbags.rosbag2 import Reader
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from pad_ros.common.resources import share_folder
from pad_ros.errors import BagError
from pad_ros.sources.bag_metadata import COMPRESSED_IMAGE, IMAGE, bag_transport, topics_of

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


def read_bag(path: Path | str) -> Iterator[BagMessage]:
    """Yields the messages of a rosbag2 with images, in the order of their stamps.

    Raises:
        BagError: missing, damaged, or without images; says which.
    """
    bag_transport(path)
    expected, found = sum(count for _, count in topics_of(path).values()), 0
    try:
        with Reader(Path(path)) as reader:
            for connection, stamp, data in reader.messages():
                found += 1
                yield BagMessage(connection.topic, connection.msgtype, stamp, bytes(data))
        if found != expected:
            raise ValueError(f"{found} of {expected} messages")
    except Exception as error:  # the reader lets struct, zstd and OS errors through
        raise BagError(f"{path}: damaged ({error}); record or copy it again") from error


def read_images(path: Path | str) -> Iterator[tuple[int, Any]]:
    """Yields (header stamp in nanoseconds, Image or CompressedImage) of a rosbag2.

    Raises:
        BagError: missing, damaged, or without images.
    """
    store = message_types()
    for message in read_bag(path):
        if message.type in (IMAGE, COMPRESSED_IMAGE):
            content: Any = store.deserialize_cdr(message.data, message.type)
            yield content.header.stamp.sec * 10**9 + content.header.stamp.nanosec, content
