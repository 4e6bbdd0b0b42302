"""The committed sample through the real nodes, as separate processes over DDS: what `make demo` does."""

import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

pytestmark = [pytest.mark.ros, pytest.mark.slow]
pytest.importorskip("pad_ros.nodes.watcher", reason="needs rclpy and the built messages")

from graph_harness import raw, running, write_messages  # noqa: E402

from pad_ros.anomaly.part import Level  # noqa: E402
from pad_ros.anomaly.part_calibration import PartCalibration, general_prior  # noqa: E402
from pad_ros.conveyor.policy import PolicyChoice, ViewVerdict  # noqa: E402
from pad_ros.evaluation.results_writer import read_results  # noqa: E402
from pad_ros.graph import up  # noqa: E402
from pad_ros.inspector import Inspector  # noqa: E402
from pad_ros.lens import Lens, Undistorter  # noqa: E402
from pad_ros.nodes import demo  # noqa: E402
from pad_ros.nodes.convert import image_from_message, stamp_of  # noqa: E402
from pad_ros.nodes.verdicts import inspection_from_message  # noqa: E402
from pad_ros.product import Product  # noqa: E402
from pad_ros.results import Status  # noqa: E402
from pad_ros.sources import bag  # noqa: E402
from pad_ros.sources.bag_metadata import find_image_topic  # noqa: E402


def test_demo_judges_every_image_of_the_sample(sample_product, sample_bag, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("ROS_DOMAIN_ID", up.ros_environment(isolated=True)["ROS_DOMAIN_ID"])
    assert demo.run_demo(sample_product, sample_bag, tmp_path) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    rows = read_results(tmp_path)
    count = find_image_topic(sample_bag).count
    parts = {row["part_id"] for row in rows}
    assert len(rows) == len({(row["part_id"], row["view_index"]) for row in rows}) == count
    assert len(parts) >= 3
    assert {row["status"] for row in rows} == {"OK"}
    assert last.startswith(f"{count} images, {len(parts)} parts: ")
    assert "0 without result; median" in last
    assert " 0 rejected" not in last  # there are good parts and defective ones
    assert " 0 passed" not in last
    assert "data:image" in (tmp_path / "report.html").read_text()


def test_nodes_and_core_say_the_same_and_bad_images_are_answered(sample_product, sample_bag, tmp_path, monkeypatch):
    inspector = Inspector(Product.load(sample_product))
    images = [image_from_message(message) for _, message in bag.read_images(sample_bag)]
    good = [images[0], images[len(images) // 2], images[-1]]
    dark = images[0] * 0  # no part in it
    small = images[0][: inspector.camera.height // 2]
    fields = [raw(good[0]), raw(dark), raw(good[1]), raw(small), raw(good[0], encoding="32FC3"), raw(good[2])]
    replayed = write_messages(tmp_path / "bag", fields)
    with running(monkeypatch, {"product": sample_product, "bag": replayed, "rate": 1000}, fake=False) as listener:
        assert listener.until(lambda: len(listener.results) >= len(fields), 120)
        assert listener.processes.watch() == ""
    results = sorted(listener.results, key=lambda message: stamp_of(message.header))
    assert len(results) == len(fields)
    assert results[1].status in (Status.NOT_LOCALIZED, Status.NO_OBJECT)
    assert [results[index].status for index in (3, 4)] == [Status.BAD_IMAGE] * 2
    judged = 0
    for image, message in zip(good, (results[0], results[2], results[5]), strict=True):
        expected = inspector.inspect(image)
        judged += expected.status == Status.OK
        assert (message.status, message.anomalous) == (expected.status, expected.anomalous)
        assert message.score == pytest.approx(expected.score, rel=1e-3, nan_ok=True)
        assert message.inliers == (expected.pose.inliers if expected.pose else 0)
        assert len(message.regions) == len(expected.regions)
        differences = np.frombuffer(message.evidence, np.uint8).astype(int) - np.frombuffer(expected.evidence, np.uint8)
        assert np.mean(np.abs(differences) > 1) < 0.01  # the pose's quaternion rounds
        assert message.product == inspector.product.name
        assert message.product_checksum == inspector.product.checksum
    assert judged >= 2  # else this compares nothing


def test_the_conveyor_fuses_views_as_the_core_does(sample_product, sample_images, tmp_path, monkeypatch):
    """The policy `fused` in the node, over DDS, against the same policy on the core's inspections."""
    product = Product.load(sample_product)
    rows = {count: general_prior(count) for count in range(1, 4)}
    part = PartCalibration(0.01, Level(0.5, 0.3), rows)
    knowing = replace(product, calibration=replace(product.calibration, part=part))
    knowing.save(tmp_path / "product")
    chosen = [(part_id, view, image) for part_id, view, image in sample_images if view < 2]
    bag_of_views = write_messages(
        tmp_path / "bag", [raw(image) for _, _, image in chosen], [(part_id, view, 2) for part_id, view, _ in chosen]
    )
    arguments = {"product": tmp_path / "product", "bag": bag_of_views, "rate": 1000}
    count = len({part_id for part_id, _, _ in chosen})
    with running(monkeypatch, arguments, {"conveyor": {"policy": "fused"}}, fake=False) as listener:
        heard = lambda: len(listener.commands) >= count and len(listener.results) >= len(chosen)  # noqa: E731
        assert listener.until(heard, 120)
    policy, inspector = PolicyChoice("fused").create(knowing), Inspector(knowing)
    for command in listener.commands:
        inspections = [inspector.inspect(image) for part_id, _, image in chosen if part_id == command.part_id]
        results = [m for m in listener.results if m.part_id == command.part_id]
        sent = [ViewVerdict(m.view_index, Status(m.status), m.score, m.anomalous, bytes(m.evidence)) for m in results]
        said = policy.judge(sent)
        assert (command.reject, command.reason) == (said.reject, said.reason)
        core = [ViewVerdict(n, i.status, i.score, i.anomalous, i.evidence) for n, i in enumerate(inspections)]
        assert policy.judge(core).suspicion == pytest.approx(said.suspicion, rel=0.05)
    assert {command.reject for command in listener.commands} == {True, False}


def test_every_node_undoes_the_lens_and_results_are_in_the_images_pixels(
    sample_product, sample_bag, tmp_path, monkeypatch
):
    straight = Product.load(sample_product)
    lens = Lens(straight.camera, "plumb_bob", (-0.25, 0.0, 0.0, 0.0, 0.0))
    replace(straight, lens=lens).save(tmp_path / "product")
    inspector, undistorter = Inspector(Product.load(tmp_path / "product")), Undistorter(lens)
    images = [undistorter.distort(image_from_message(message), 130) for _, message in bag.read_images(sample_bag)]
    images = [images[0], images[len(images) // 2]]
    replayed = write_messages(tmp_path / "bag", [raw(image) for image in images])
    arguments = {"product": tmp_path / "product", "bag": replayed, "rate": 1000}
    with running(monkeypatch, arguments, fake=False) as listener:
        assert listener.until(lambda: len(listener.results) >= 2 <= len(listener.heatmaps), 120)
    expected = [inspector.inspect(image) for image in images]
    assert any(inspection.regions for inspection in expected)  # else this compares little
    for message, inspection in zip(sorted(listener.results, key=_stamp), expected, strict=True):
        assert message.status == inspection.status == Status.OK
        assert message.score == pytest.approx(inspection.score, rel=1e-3)
        found = inspection_from_message(message).regions
        assert [(r.kind, r.box, r.area) for r in found] == [(r.kind, r.box, r.area) for r in inspection.regions]
    for message, inspection in zip(sorted(listener.heatmaps, key=_stamp), expected, strict=True):
        heat = np.frombuffer(message.data, np.float32).reshape(message.height, message.width)
        assert np.abs(heat - inspection.anomaly_map).max() < 0.01 * inspection.anomaly_map.max()


def _stamp(message):
    return stamp_of(message.header)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_real_nodes_end_quietly_on_a_signal(sample_product, number):
    process = subprocess.Popen(
        [sys.executable, "-m", "pad_ros.nodes.localization", "--ros-args", "-p", f"product:={sample_product}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=up.ros_environment(isolated=True),
    )
    assert "ready" in process.stdout.readline()
    process.send_signal(number)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert output == ""


def test_truncated_product_is_refused_by_the_node(sample_product, tmp_path):
    for file in sample_product.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    splats = tmp_path / "splats.npz"
    splats.write_bytes(splats.read_bytes()[:-100])
    command = [sys.executable, "-m", "pad_ros.nodes.anomaly", "--ros-args", "-p", f"product:={tmp_path}"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, env=up.ros_environment(isolated=True))
    assert ended.returncode == 1
    assert "splats.npz" in ended.stderr
    assert "truncated" in ended.stderr
    assert "Traceback" not in ended.stderr
