import pytest
import yaml

from pad_ros.errors import BagError
from pad_ros.sources import bag


def test_missing_bag(tmp_path):
    with pytest.raises(BagError, match="not a rosbag2"):
        list(bag.read_bag(tmp_path / "none"))


def test_bag_without_images(recorded):
    metadata = yaml.safe_load((recorded / "metadata.yaml").read_text())
    rows = metadata["rosbag2_bagfile_information"]["topics_with_message_count"]
    rows[:] = [row for row in rows if "Image" not in row["topic_metadata"]["type"]]
    (recorded / "metadata.yaml").write_text(yaml.safe_dump(metadata))
    with pytest.raises(BagError, match="holds no images"):
        list(bag.read_bag(recorded))


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
