"""Writes test images as a rosbag2 (MCAP), without ROS: `ros2 bag play` and our bag_player read it alike."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys.store import Typestore

from pad_ros.common.files import writing
from pad_ros.dataset.classes import ClassData, TestView
from pad_ros.errors import BagError
from pad_ros.geometry import ros_intrinsics
from pad_ros.images import read_image
from pad_ros.lens import Lens, ros_distortion
from pad_ros.sources.bag import CAMERA_INFO, PART_VIEW, message_types
from pad_ros.sources.bag_metadata import COMPRESSED_IMAGE, IMAGE

FRAME_ID = "camera_optical_frame"
# A fixed first stamp makes the bag of the same images the same bag.
START_NS = 1_700_000_000_000_000_000


def write_bag(
    class_data: ClassData,
    out: Path | str,
    parts: list[str] | None = None,
    rate_hz: float = 2.0,
    compressed: bool = True,
) -> int:
    """Writes test images of a class as a conveyor would show them: part after part, view after view.

    Topics, with the same stamp for each image: `part_view`, `camera_info`, and `image_raw/compressed`
    (the files' own bytes) or `image_raw`.

    Args:
        class_data: the class.
        out: folder to make.
        parts: part ids, in this order; None for all.
        rate_hz: images per second.
        compressed: whether to keep the files' compression.

    Returns:
        The number of images.

    Raises:
        BagError: `out` exists, an unknown part, no images, or a rate that is not positive.
        ImageError: an image cannot be read.
        WriteError: the bag cannot be written.
    """
    out = Path(out)
    if out.exists():
        raise BagError(f"{out}: exists already; remove it or choose another name")
    if not rate_hz > 0:
        raise BagError(f"a bag's rate must be > 0 images per second, got {rate_hz}")
    views = _select(class_data, parts)
    store = message_types()
    with _new_folder(out) as folder:
        writer = Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP)
        writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
        with writer:
            image_type = COMPRESSED_IMAGE if compressed else IMAGE
            image_topic = "/image_raw/compressed" if compressed else "/image_raw"
            topics = {"/part_view": PART_VIEW, "/camera_info": CAMERA_INFO, image_topic: image_type}
            connections = [
                writer.add_connection(topic, kind, typestore=store, offered_qos_profiles=[_RELIABLE])
                for topic, kind in topics.items()
            ]
            for index, view in enumerate(views):
                stamp = START_NS + round(index * 1e9 / rate_hz)
                header = _header(store, stamp)
                image = _compressed_image if compressed else _raw_image
                messages = (
                    _part_view(store, header, view),
                    _camera_info(store, header, class_data.lens),
                    image(store, header, view.path),
                )
                for connection, message in zip(connections, messages, strict=True):
                    writer.write(connection, stamp, store.serialize_cdr(message, connection.msgtype))
    return len(views)


def _select(class_data: ClassData, parts: list[str] | None) -> list[TestView]:
    by_part: dict[str, list[TestView]] = {}
    for view in class_data.test:
        by_part.setdefault(view.part_id, []).append(view)
    unknown = set(parts or ()) - set(by_part)
    if unknown:
        raise BagError(
            f"{class_data.root}: no part {', '.join(sorted(unknown))}; it has {', '.join(by_part) or 'none'}"
        )
    views = [
        view
        for part in (by_part if parts is None else parts)
        for view in sorted(by_part[part], key=lambda view: view.view_index)
    ]
    if not views:
        raise BagError(f"{class_data.root}: no test images, so nothing to put into a bag")
    return views


@contextmanager
def _new_folder(out: Path) -> Iterator[Path]:
    """A folder of `out`'s name that moves to `out` when all went well: never half a bag."""
    with writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".bag-", dir=out.parent))
        try:
            yield scratch / out.name
            (scratch / out.name).rename(out)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


_FOREVER = QosTime(9223372036, 854775807)
_RELIABLE = Qos(
    history=QosHistory.KEEP_LAST,
    depth=50,
    reliability=QosReliability.RELIABLE,
    durability=QosDurability.VOLATILE,
    deadline=_FOREVER,
    lifespan=_FOREVER,
    liveliness=QosLiveliness.AUTOMATIC,
    liveliness_lease_duration=_FOREVER,
    avoid_ros_namespace_conventions=False,
)


def _header(store: Typestore, stamp: int) -> Any:
    time = store.types["builtin_interfaces/msg/Time"](sec=stamp // 10**9, nanosec=stamp % 10**9)
    return store.types["std_msgs/msg/Header"](stamp=time, frame_id=FRAME_ID)


def _part_view(store: Typestore, header: Any, view: TestView) -> Any:
    return store.types[PART_VIEW](
        header=header, part_id=view.part_id, view_index=view.view_index, view_count=view.view_count
    )


def _camera_info(store: Typestore, header: Any, lens: Lens) -> Any:
    camera, matrix = lens.camera, ros_intrinsics(lens.camera)
    model, coefficients = ros_distortion(lens)
    return store.types[CAMERA_INFO](
        header=header,
        height=camera.height,
        width=camera.width,
        distortion_model=model,
        d=np.array(coefficients),
        k=matrix.ravel(),
        r=np.eye(3).ravel(),
        p=np.hstack([matrix, np.zeros((3, 1))]).ravel(),
        binning_x=0,
        binning_y=0,
        roi=store.types["sensor_msgs/msg/RegionOfInterest"](
            x_offset=0, y_offset=0, height=0, width=0, do_rectify=False
        ),
    )


def _compressed_image(store: Typestore, header: Any, path: Path) -> Any:
    read_image(path)  # refuses an unreadable file
    kind = {".jpg": "jpeg", ".jpeg": "jpeg"}.get(path.suffix.lower(), path.suffix.lower().lstrip("."))
    data = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    return store.types[COMPRESSED_IMAGE](header=header, format=kind, data=data)


def _raw_image(store: Typestore, header: Any, path: Path) -> Any:
    image = read_image(path)
    height, width = image.shape[:2]
    return store.types[IMAGE](
        header=header, height=height, width=width, encoding="rgb8", is_bigendian=0, step=3 * width, data=image.ravel()
    )
