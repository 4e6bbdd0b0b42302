"""What a rosbag2's metadata says of it; needs YAML alone, for launch files run in the system's Python."""

from __future__ import annotations

from pathlib import Path

import yaml

from pad_ros.errors import BagError

IMAGE, COMPRESSED_IMAGE = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"


def count_images(path: Path | str) -> int:
    """How many images a rosbag2 holds.

    Raises:
        BagError: missing, damaged, or without images.
    """
    topics = topics_of(path)
    transport = bag_transport(path)
    wanted = COMPRESSED_IMAGE if transport == "compressed" else IMAGE
    return sum(count for kind, count in topics.values() if kind == wanted)


def bag_transport(path: Path | str) -> str:
    """Whether a rosbag2 holds "raw" or "compressed" images ("raw" when both).

    Raises:
        BagError: missing, damaged, or without images.
    """
    kinds = {kind for kind, count in topics_of(path).values() if count}
    if IMAGE in kinds:
        return "raw"
    if COMPRESSED_IMAGE in kinds:
        return "compressed"
    raise BagError(f"{path}: holds no images; it has {', '.join(sorted(kinds)) or 'no messages'}")


def topic_types(path: Path | str) -> dict[str, str]:
    """Topic to message type, of the topics that have messages.

    Raises:
        BagError: missing or damaged.
    """
    return {topic: kind for topic, (kind, count) in topics_of(path).items() if count}


def topics_of(path: Path | str) -> dict[str, tuple[str, int]]:
    """Topic to (type, number of messages).

    Raises:
        BagError: missing or damaged.
    """
    metadata = Path(path) / "metadata.yaml"
    if not metadata.is_file():
        raise BagError(f"{path}: not a rosbag2: no metadata.yaml in it")
    try:
        rows = yaml.safe_load(metadata.read_text())["rosbag2_bagfile_information"]["topics_with_message_count"]
        return {
            row["topic_metadata"]["name"]: (row["topic_metadata"]["type"], int(row["message_count"])) for row in rows
        }
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise BagError(f"{metadata}: damaged ({' '.join(str(error).split())}); record or copy the bag again") from None
