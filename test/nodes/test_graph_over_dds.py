"""The nodes as separate processes over DDS, with a fake inspector: what may happen to an image."""

import cv2
import fake_node
import numpy as np
import pytest

pytestmark = [pytest.mark.ros, pytest.mark.slow, pytest.mark.usefixtures("fake_product")]
pytest.importorskip("pad_ros.nodes.watcher", reason="needs rclpy and the built messages")

from graph_harness import raw, running, write_messages  # noqa: E402
from lifecycle_msgs.msg import Transition  # noqa: E402
from lifecycle_msgs.srv import ChangeState, GetState  # noqa: E402

from pad_ros.dataset.classes import write_transforms  # noqa: E402
from pad_ros.geometry import Camera  # noqa: E402
from pad_ros.images import encode_png  # noqa: E402
from pad_ros.nodes.convert import mask_from_message, stamp_of  # noqa: E402
from pad_ros.results import Status  # noqa: E402


def picture(code, size=(fake_node.HEIGHT, fake_node.WIDTH)):
    return np.full((*size, 3), code, np.uint8)


def statuses(listener):
    return {stamp_of(m.header): Status(m.status) for m in listener.results}


def by_stamp(listener):
    return sorted(listener.results, key=lambda message: stamp_of(message.header))


def test_every_image_has_exactly_one_result_whatever_is_wrong_with_it(tmp_path, monkeypatch):
    nan = np.full((fake_node.HEIGHT, fake_node.WIDTH, 3), np.nan, np.float32).view(np.uint8)
    images = [
        raw(picture(50)),
        raw(picture(0), encoding="32FC3", step=12 * fake_node.WIDTH, data=nan.reshape(-1)),
        raw(picture(fake_node.NOT_LOCALIZED)),
        raw(picture(50, (48, 64))),
        raw(picture(fake_node.LOCALIZE_CRASH)),
        raw(picture(50), data=picture(50).reshape(-1)[:100]),
        raw(picture(fake_node.SEPARATE_CRASH)),
        raw(picture(50), encoding="16UC1"),
        raw(picture(fake_node.NO_OBJECT)),
        raw(picture(50), height=0, width=0, step=0, data=np.zeros(0, np.uint8)),
        raw(picture(fake_node.JUDGE_CRASH)),
        raw(picture(200)),
    ]
    bad, crash = Status.BAD_IMAGE, Status.ERROR
    expected = [
        Status.OK,
        bad,
        Status.NOT_LOCALIZED,
        bad,
        crash,
        bad,
        crash,
        bad,
        Status.NO_OBJECT,
        bad,
        crash,
        Status.OK,
    ]
    views = [("p", index, len(images)) for index in range(len(images))]
    bag = write_messages(tmp_path / "bag", images, views)
    arguments = {"product": "fake", "bag": bag, "rate": 1000}  # all at once, no back-pressure
    with running(monkeypatch, arguments) as listener:
        count = len(images)
        assert listener.until(lambda: len(listener.results) >= count and listener.commands)
        # Downstream never waits: there is a pose for each image, good or not, and a mask for each good pose.
        localized = expected.count(Status.OK) + len(("SEPARATE_CRASH", "NO_OBJECT", "JUDGE_CRASH"))
        assert listener.until(
            lambda: (len(listener.poses), len(listener.masks), len(listener.heatmaps)) == (count, localized, 2)
        )
        # The bag player's end may come before it is heard.
        staying = {f"/{name}: inspection" for name in ("localization", "background", "anomaly", "conveyor")}
        assert listener.until(lambda: staying <= {s.name for array in listener.diagnostics for s in array.status})
        listener.for_a_while(1.5)  # a second result would come now
        assert listener.processes.watch() == ""
    results = by_stamp(listener)
    assert [Status(message.status) for message in results] == expected
    assert [(m.part_id, m.view_index, m.view_count) for m in results] == views
    for message in results:
        assert message.product == "fake"
        assert message.header.frame_id == "camera_optical_frame"
        assert (message.reason == "") == (message.status == Status.OK)
        assert message.anomalous == (message.status != Status.OK or message.score > message.threshold)
    good, last = results[0], results[-1]
    assert list(good.stages) == ["localization", "render", "background", "anomaly", "total"]
    assert good.milliseconds[-1] == pytest.approx(sum(good.milliseconds[:-1]), rel=1e-4)
    assert (good.camera_pose.position.x, good.inliers) == (1.0, 50)
    assert (last.score, last.threshold, last.regions[0].kind, last.regions[0].area) == (200.0, 100.0, 1, 12)
    heat = np.frombuffer(
        next(m for m in listener.heatmaps if stamp_of(m.header) == stamp_of(last.header)).data, np.float32
    )
    assert (heat == 200.0).all()
    (command,) = listener.commands
    assert (command.part_id, command.reject, command.views, command.score) == ("p", True, 2, 200.0)
    assert command.header == last.header
    assert command.sequence == 1
    keys = {value.key for array in listener.diagnostics for status in array.status for value in status.values}
    assert keys >= {"rate (Hz)", "latency p50 (ms)", "latency p95 (ms)", "queue", "drops", "failures", "product"}


def test_bag_of_compressed_images_faster_than_they_are_judged(tmp_path, monkeypatch):
    count = 120  # more than the depth of the QoS
    images = [encode_png(picture(10 + index)) for index in range(count)]
    images[7] = images[7][:40]
    images[8] = b""
    views = [(f"part {index // 10}", index % 10, 10) for index in range(count)]
    bag = write_messages(tmp_path / "bag", images, views)
    arguments = {"product": "fake", "bag": bag, "rate": 1000, "namespace": "line1"}
    with running(
        monkeypatch, arguments, {n: {"queue_size": 500} for n in ("localization", "background", "anomaly")}
    ) as listener:
        assert listener.until(lambda: len(listener.results) >= count and len(listener.commands) >= 12)
    assert len(statuses(listener)) == len(listener.results) == count
    assert [index for index, m in enumerate(by_stamp(listener)) if m.status == Status.BAD_IMAGE] == [7, 8]
    assert [m.score for m in by_stamp(listener)][9:] == [10.0 + index for index in range(9, count)]
    verdicts = {command.part_id: command.reject for command in listener.commands}
    # Part 0 has unreadable images; from 101 on the score is above the threshold.
    assert verdicts == {f"part {k}": k == 0 or k >= 9 for k in range(12)}
    assert [command.sequence for command in listener.commands] == list(range(1, 13))


def test_overflow_of_a_queue_is_said_at_once_and_loses_no_result(tmp_path, monkeypatch):
    images = [raw(picture(50)) for _ in range(40)]
    bag = write_messages(tmp_path / "bag", images)
    with running(
        monkeypatch, {"product": "fake", "bag": bag, "rate": 1000}, {"localization": {"queue_size": 2}}
    ) as listener:
        assert listener.until(lambda: len(listener.results) >= 40)
    found = statuses(listener)
    assert len(found) == len(listener.results) == 40
    assert set(found.values()) == {Status.OK, Status.ERROR}
    assert "queue of 2 images is full" in next(m.reason for m in listener.results if m.status == Status.ERROR)
    assert all(message.part_id.startswith("image ") for message in listener.results)  # no part_view: a part each


def test_folder_as_camera_with_an_unreadable_file(tmp_path, monkeypatch):
    for name, code in (("a", 50), ("c", 200)):
        cv2.imwrite(str(tmp_path / f"{name}.png"), picture(code))
    (tmp_path / "b.png").write_bytes(b"\x89PNG but no more")
    arguments = {"product": "fake", "source": tmp_path, "rate": 50, "wait_for_results": 1}
    with running(monkeypatch, arguments, {"camera": {"product": ""}}) as listener:
        assert listener.until(lambda: len(listener.results) >= 3 and len(listener.commands) >= 3)
        assert listener.processes.watch() == ""
    assert [m.status for m in by_stamp(listener)] == [Status.OK, Status.BAD_IMAGE, Status.OK]
    assert sorted(command.reject for command in listener.commands) == [False, True, True]


def test_class_of_another_camera_is_refused_with_the_reason(tmp_path, monkeypatch):
    for folder in ("train/good", "test/good"):
        (tmp_path / folder).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / folder / "0.png"), picture(50))
    other = Camera(fake_node.WIDTH, fake_node.HEIGHT, 200.0, 200.0, fake_node.WIDTH / 2, fake_node.HEIGHT / 2)
    write_transforms(tmp_path / "transforms.json", other, [("train/good/0.png", np.eye(4))])
    arguments = {"product": "fake", "source": tmp_path, "image_transport": "compressed"}
    with running(monkeypatch, arguments, {"camera": {"product": ""}}) as listener:
        assert listener.until(lambda: len(listener.results) >= 1)
    (result,) = listener.results
    assert (result.status, result.part_id) == (Status.BAD_IMAGE, "good/0")
    assert "camera_info has fx, fy, cx, cy = [200.0" in result.reason


def test_loop_goes_on_with_new_stamps(tmp_path, monkeypatch):
    images = [raw(picture(code)) for code in (20, 30, 40)]
    bag = write_messages(tmp_path / "bag", images, [("p", index, 3) for index in range(3)])
    arguments = {"product": "fake", "bag": bag, "rate": 1000, "loop": "true", "wait_for_results": 2}
    with running(monkeypatch, arguments) as listener:
        assert listener.until(lambda: len(listener.results) >= 8 and len(listener.commands) >= 2)
        assert listener.processes.watch() == ""
    assert [command.part_id for command in listener.commands[:2]] == ["p", "p (round 2)"]
    results = by_stamp(listener)
    assert len({stamp_of(message.header) for message in results}) == len(results)
    assert [message.score for message in results[:8]] == [20.0, 30.0, 40.0, 20.0, 30.0, 40.0, 20.0, 30.0]


def test_dead_neighbour_leads_to_timeout_not_to_silence(tmp_path, monkeypatch):
    bag = write_messages(tmp_path / "bag", [raw(picture(50)) for _ in range(3)])
    arguments = {"product": "fake", "bag": bag, "rate": 1000}
    overrides = {"anomaly": {"join_timeout": 1.0}, "bag_player": {"wait_for_subscribers": 2}}
    with running(monkeypatch, arguments, overrides, without=("background",)) as listener:
        assert listener.until(lambda: len(listener.results) >= 3)
    assert set(statuses(listener).values()) == {Status.TIMEOUT}
    assert "object_mask" in listener.results[0].reason


def test_life_cycle_by_a_manager(tmp_path, monkeypatch):
    arguments = {"product": "fake", "autostart": "false", "namespace": "line"}
    others = ("background", "anomaly", "conveyor")
    with running(monkeypatch, arguments, without=others) as listener:
        change = listener.node.create_client(ChangeState, "localization/change_state")
        get = listener.node.create_client(GetState, "localization/get_state")
        assert listener.until(lambda: change.service_is_ready() and get.service_is_ready())

        def call(client, request):
            future = client.call_async(request)
            assert listener.until(future.done)
            return future.result()

        def state():
            return call(get, GetState.Request()).current_state.label

        assert state() == "unconfigured"
        for transition, label in (
            (Transition.TRANSITION_CONFIGURE, "inactive"),
            (Transition.TRANSITION_ACTIVATE, "active"),
            (Transition.TRANSITION_DEACTIVATE, "inactive"),
            (Transition.TRANSITION_ACTIVATE, "active"),
        ):
            assert call(change, ChangeState.Request(transition=Transition(id=transition))).success
            assert state() == label
        assert listener.processes.watch() == ""


def test_masks_are_those_of_the_stage(tmp_path, monkeypatch):
    bag = write_messages(tmp_path / "bag", [raw(picture(50)), raw(picture(fake_node.NO_OBJECT))])
    with running(monkeypatch, {"product": "fake", "bag": bag, "rate": 1000}) as listener:
        assert listener.until(lambda: len(listener.masks) >= 2)
    found = [mask_from_message(m) for m in sorted(listener.masks, key=lambda m: stamp_of(m.header))]
    half = fake_node.WIDTH // 2
    assert found[0][:, :half].all()
    assert not found[0][:, half:].any()
    assert not found[1].any()
