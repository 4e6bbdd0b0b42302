import struct
from dataclasses import replace

import cv2
import numpy as np
import pytest
import yaml
from mcap.reader import make_reader

from pad_ros.dataset.classes import ClassData
from pad_ros.errors import BagError, ImageError
from pad_ros.lens import Lens
from pad_ros.sources import bag
from pad_ros.sources.bag_metadata import find_image_topic
from pad_ros.sources.bag_writer import START_NS, write_bag


def test_compressed_images_keep_the_files_bytes(class_data, recorded):
    images = list(bag.read_images(recorded))
    expected = [class_data.test[i].path.read_bytes() for i in (1, 0, 3, 2)]  # part by part, view by view
    assert [bytes(image.data) for _, image in images] == expected
    assert {image.format for _, image in images} == {"png"}
    assert np.diff([stamp for stamp, _ in images]).tolist() == [5 * 10**8] * 3


def test_raw_images_have_the_files_pixels(class_data, tmp_path):
    assert write_bag(class_data, tmp_path / "raw", parts=["a"], compressed=False) == 2
    assert find_image_topic(tmp_path / "raw").transport == "raw"
    _, image = next(bag.read_images(tmp_path / "raw"))
    pixels = np.frombuffer(image.data, np.uint8).reshape(30, 40, 3)
    assert (pixels == cv2.imread(str(class_data.test[3].path))[..., ::-1]).all()
    assert (image.encoding, image.step) == ("rgb8", 120)


def test_every_image_comes_with_part_view_and_camera_info_of_the_same_stamp(recorded):
    store = bag.message_types()
    messages = [(m, store.deserialize_cdr(m.data, m.type)) for m in bag.read_bag(recorded)]
    assert [m.topic for m, _ in messages] == ["/part_view", "/camera_info", "/image_raw/compressed"] * 4
    for message, content in messages:
        assert content.header.stamp.sec * 10**9 + content.header.stamp.nanosec == message.stamp
    views = [(c.part_id, c.view_index, c.view_count) for m, c in messages if m.topic == "/part_view"]
    assert views == [("b", 0, 2), ("b", 1, 2), ("a", 0, 2), ("a", 1, 2)]
    info = messages[1][1]
    # CameraInfo counts pixel centres from 0, the core's camera from 0.5.
    assert info.k.tolist() == [50.0, 0.0, 19.5, 0.0, 51.0, 14.5, 0.0, 0.0, 1.0]


def test_camera_info_says_what_the_lens_does(class_data, tmp_path):
    lens = Lens(class_data.camera, "equidistant", (0.1, 0.2, 0.0, 0.0))
    write_bag(replace(class_data, lens=lens), tmp_path / "bent")
    store = bag.message_types()
    message = next(m for m in bag.read_bag(tmp_path / "bent") if m.topic == "/camera_info")
    info = store.deserialize_cdr(message.data, message.type)
    assert (info.distortion_model, info.d.tolist()) == ("equidistant", [0.1, 0.2, 0.0, 0.0])


def test_an_independent_mcap_reader_reads_it_and_its_schemas(recorded):
    with open(recorded / "bag.mcap", "rb") as stream:
        reader = make_reader(stream)
        summary = reader.get_summary()
        schemas = {schema.name: (schema.encoding, schema.data.decode()) for schema in summary.schemas.values()}
        messages = list(reader.iter_messages())
    encoding, text = schemas["pad_ros/msg/PartView"]
    assert encoding == "ros2msg"
    assert "string part_id" in text
    assert {channel.message_encoding for channel in summary.channels.values()} == {"cdr"}
    assert {index.compression for index in summary.chunk_indexes} == {"zstd"}
    assert len(messages) == 12
    assert struct.unpack_from("<i", messages[0][2].data, 4)[0] == START_NS // 10**9


def test_metadata_is_what_ros2_bag_play_needs(recorded):
    info = yaml.safe_load((recorded / "metadata.yaml").read_text())["rosbag2_bagfile_information"]
    assert (info["storage_identifier"], info["relative_file_paths"], info["message_count"]) == (
        "mcap",
        ["bag.mcap"],
        12,
    )
    for row in info["topics_with_message_count"]:
        topic = row["topic_metadata"]
        assert topic["serialization_format"] == "cdr"
        assert topic["type_description_hash"].strip().startswith("RIHS01_")
        assert topic["offered_qos_profiles"][0]["reliability"] == "reliable"


def test_same_images_make_the_same_bag(class_data, recorded, tmp_path):
    write_bag(class_data, tmp_path / "again" / "bag")
    assert (tmp_path / "again" / "bag" / "bag.mcap").read_bytes() == (recorded / "bag.mcap").read_bytes()


def test_existing_folder_is_not_overwritten(class_data, recorded):
    before = (recorded / "bag.mcap").read_bytes()
    with pytest.raises(BagError, match="exists already"):
        write_bag(class_data, recorded)
    assert (recorded / "bag.mcap").read_bytes() == before


def test_unreadable_image_leaves_no_half_a_bag(class_data, tmp_path):
    class_data.test[-1].path.write_bytes(b"\x89PNG")
    with pytest.raises(ImageError, match=r"a0\.png"):
        write_bag(class_data, tmp_path / "out" / "bag")
    assert list((tmp_path / "out").iterdir()) == []


def test_unknown_part_and_bad_rate(class_data, tmp_path):
    with pytest.raises(BagError, match="no part c; it has b, a"):
        write_bag(class_data, tmp_path / "x", parts=["a", "c"])
    with pytest.raises(BagError, match="> 0"):
        write_bag(class_data, tmp_path / "x", rate_hz=0)


def test_class_without_test_images(class_data, tmp_path):
    with pytest.raises(BagError, match="no test images"):
        write_bag(ClassData(tmp_path, class_data.lens, [], []), tmp_path / "x")
