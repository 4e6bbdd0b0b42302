"""What a rosbag2's metadata says of it; needs YAML alone, for launch files run in the system's Python."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from pad_ros.errors import BagError

IMAGE, COMPRESSED_IMAGE = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"


@dataclass(frozen=True)
class ImageTopic:
    """The topic of a bag that is the graph's image topic; its transport is "raw" or "compressed"."""

    name: str
    transport: str
    count: int  # by the metadata, which may be wrong


def find_image_topic(path: Path | str, image_topic: str = "", namespace: str = "") -> ImageTopic:
    """Finds the images that a graph takes among those of a rosbag2; raw ones first.

    Args:
        path: the bag's folder.
        image_topic: the graph's image topic; empty: image_raw.
        namespace: the graph's; the topic may have been recorded with it or without.

    Raises:
        BagError: missing, damaged, or without such images; lists those that it has.
    """
    wanted = (image_topic or "image_raw").strip("/")
    names = (wanted, f"{namespace.strip('/')}/{wanted}")
    topics = topics_of(path)
    for transport, kind, end in (("raw", IMAGE, ""), ("compressed", COMPRESSED_IMAGE, "/compressed")):
        for topic, (found, count) in topics.items():
            if found == kind and count and topic.strip("/") in [name + end for name in names]:
                return ImageTopic(topic, transport, count)
    images = {t: k for t, (k, count) in topics.items() if count and k in (IMAGE, COMPRESSED_IMAGE)}
    if not images:
        kinds = sorted({kind for kind, count in topics.values() if count})
        raise BagError(f"{path}: holds no images; it has {', '.join(kinds) or 'no messages'}")
    listed = ", ".join(f"{topic} ({kind.rpartition('/')[2]})" for topic, kind in sorted(images.items()))
    example = min(images).removesuffix("/compressed")
    raise BagError(f"{path}: holds no /{wanted}; it has {listed}: choose one, as in image_topic:={example}")


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
