import pytest
import yaml

from pad_ros.errors import BagError
from pad_ros.sources import bag
from pad_ros.sources.bag_metadata import COMPRESSED_IMAGE, IMAGE, find_image_topic


def test_missing_bag(tmp_path):
    with pytest.raises(BagError, match="not a rosbag2"):
        list(bag.read_bag(tmp_path / "none"))


def test_bag_without_images(recorded):
    metadata = yaml.safe_load((recorded / "metadata.yaml").read_text())
    rows = metadata["rosbag2_bagfile_information"]["topics_with_message_count"]
    rows[:] = [row for row in rows if "Image" not in row["topic_metadata"]["type"]]
    (recorded / "metadata.yaml").write_text(yaml.safe_dump(metadata))
    with pytest.raises(BagError, match="holds no images"):
        find_image_topic(recorded)


def metadata(folder, *topics):
    rows = [{"topic_metadata": {"name": name, "type": kind}, "message_count": 6} for name, kind in topics]
    content = {"rosbag2_bagfile_information": {"topics_with_message_count": rows}}
    (folder / "metadata.yaml").write_text(yaml.safe_dump(content))
    return folder


COLOUR = ("/camera/color/image_raw/compressed", COMPRESSED_IMAGE)
DEPTH = ("/camera/depth/image_rect_raw", IMAGE)


def test_only_the_graphs_image_topic_counts(tmp_path):
    bag_folder = metadata(tmp_path, COLOUR, DEPTH, ("/image_raw/other", IMAGE))
    for name in ("/camera/color/image_raw", "camera/color/image_raw"):
        found = find_image_topic(bag_folder, name)
        assert (found.name, found.transport, found.count) == (COLOUR[0], "compressed", 6)
    assert find_image_topic(bag_folder, "color/image_raw", "/camera").name == COLOUR[0]
    with pytest.raises(BagError, match=r"holds no /image_raw; it has /camera/color/image_raw/compressed \(Compressed"):
        find_image_topic(bag_folder)
    with pytest.raises(BagError, match=r"choose one, as in image_topic:=/camera/color/image_raw$"):
        find_image_topic(bag_folder)


def test_raw_images_come_before_compressed_ones(tmp_path):
    found = find_image_topic(metadata(tmp_path, ("/image_raw/compressed", COMPRESSED_IMAGE), ("/image_raw", IMAGE)))
    assert (found.name, found.transport) == ("/image_raw", "raw")


def test_a_wrong_count_is_a_warning_after_all_messages(recorded):
    content = yaml.safe_load((recorded / "metadata.yaml").read_text())
    content["rosbag2_bagfile_information"]["topics_with_message_count"][0]["message_count"] += 1
    (recorded / "metadata.yaml").write_text(yaml.safe_dump(content))
    warnings = []
    assert len(list(bag.read_bag(recorded, warnings.append))) == 12
    assert len(warnings) == 1 and "holds 12 messages, 13 by its metadata" in warnings[0]


@pytest.mark.parametrize("damage", ["truncated", "garbled", "missing", "metadata"])
def test_damaged_bag(recorded, damage):
    data = recorded / "bag.mcap"
    if damage == "truncated":
        data.write_bytes(data.read_bytes()[:500])
    elif damage == "garbled":
        content = bytearray(data.read_bytes())
        content[60:200] = bytes(140)
        data.write_bytes(content)
    elif damage == "missing":
        data.unlink()
    else:
        (recorded / "metadata.yaml").write_text("rosbag2_bagfile_information: [")
    with pytest.raises(BagError, match="damaged"):
        list(bag.read_bag(recorded))
