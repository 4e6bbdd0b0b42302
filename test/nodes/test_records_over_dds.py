"""The records of a running graph: complete whatever is killed, and the same as `pad inspect` writes."""

import os
import signal
from collections import Counter

import fake_node
import numpy as np
import pytest

pytestmark = [pytest.mark.ros, pytest.mark.slow]
pytest.importorskip("pad_ros.nodes.watcher", reason="needs rclpy and the built messages")

from graph_harness import Driver, raw, running, write_messages  # noqa: E402
from sqlalchemy import select  # noqa: E402

from pad_ros.cli import main  # noqa: E402
from pad_ros.graph.restarts import RestartPolicy  # noqa: E402
from pad_ros.images import read_image, write_image  # noqa: E402
from pad_ros.nodes.convert import image_from_message, stamp_of  # noqa: E402
from pad_ros.records.models import Answer, DecisionRow, ProductRow, View  # noqa: E402
from pad_ros.records.store import Store  # noqa: E402
from pad_ros.sources import bag  # noqa: E402

GOOD, BAD = 50, 200
START = 1_700_000_000 * 10**9


def picture(code):
    return np.full((fake_node.HEIGHT, fake_node.WIDTH, 3), code, np.uint8)


def rows(folder, table):
    with Store(folder, must_exist=True).session() as session:
        return session.scalars(select(table).order_by(table.id)).all()


def test_the_graph_and_the_command_line_write_the_same_record(sample_product, sample_bag, tmp_path, monkeypatch):
    images = [image_from_message(message) for _, message in bag.read_images(sample_bag)]
    images = [images[0], images[len(images) // 2], images[0] * 0]
    replayed = write_messages(tmp_path / "bag", [raw(image) for image in images])
    arguments = {"product": sample_product, "bag": replayed, "rate": 1000, "records": tmp_path / "a", "station": "s"}
    with running(monkeypatch, arguments, {"records": {"keep_passes": 1.0}}, fake=False) as listener:
        assert listener.until(lambda: len(listener.commands) >= 3, 120)
        assert listener.until(lambda: len(rows(tmp_path / "a", View)) >= 3)
    for index, image in enumerate(images):
        write_image(tmp_path / "images" / f"{index}.png", image)
    words = ["inspect", str(sample_product), str(tmp_path / "images"), "-o", str(tmp_path / "out")]
    assert main([*words, "--records", str(tmp_path / "b"), "--station", "s"]) == 0
    here, there = sorted(rows(tmp_path / "a", View), key=lambda view: view.stamp), rows(tmp_path / "b", View)
    own = {"id", "uid", "recorded", "image", "picture", "stamp", "arrival", "part_id", "timings", "pose", "score"}
    for one, other, image in zip(here, there, images, strict=True):
        for name in set(View.__table__.columns.keys()) - own:
            assert getattr(one, name) == getattr(other, name), name
        assert (one.score is None) == (other.score is None)
        assert one.score is None or one.score == pytest.approx(other.score, rel=1e-3)
        assert (one.pose is None) == (other.pose is None) == (one.status != "OK")
        if one.pose is not None:
            assert np.allclose(one.pose, other.pose, atol=1e-6)
            assert set(one.timings) == set(other.timings)
        found = [[(r.number, r.kind, r.x, r.y, r.width, r.height, r.area) for r in v.regions] for v in (one, other)]
        assert found[0] == found[1]
        assert (read_image(tmp_path / "a" / one.picture) == image).all()
    assert [view.status for view in here][:2] == ["OK", "OK"] and any(view.regions for view in here)
    known = [[(p.name, p.checksum, p.threshold, p.scores) for p in rows(tmp_path / k, ProductRow)] for k in "ab"]
    assert known[0] == known[1] and len(known[0]) == 1
    decisions = rows(tmp_path / "a", DecisionRow)
    assert sorted(d.arrivals for d in decisions) == sorted([view.arrival] for view in here)
    assert {a.decision_uid for a in rows(tmp_path / "a", Answer) if a.taken} == {d.uid for d in decisions}
    words = ["records", "replay", str(tmp_path / "a"), "--product", str(sample_product)]
    assert main(words) == 0


@pytest.mark.usefixtures("fake_product")
def test_what_is_killed_loses_no_record_and_writes_none_twice(tmp_path, monkeypatch):
    folder, count = tmp_path / "records", 40
    arguments = {"product": "fake", "records": folder}
    overrides = {"conveyor": {"plc_log": str(tmp_path / "plc.jsonl")}}
    policy = RestartPolicy(first_delay_s=0.2)
    with running(monkeypatch, arguments, overrides, policy=policy) as listener:
        listener.restarts = True
        driver = Driver(listener)
        driver.wait(but=-1)
        for index in range(count):
            driver.send(picture(BAD if index % 4 == 0 else GOOD), START + index * 10**8, part=f"part {index}")
            if victim := {10: "records", 25: "conveyor"}.get(index):
                # A picture is kept before: so it is seen whether it stays.
                assert listener.until(lambda: any(view.picture for view in rows(folder, View)))
                os.kill(listener.processes.process(victim).pid, signal.SIGKILL)
            listener.for_a_while(0.05)
        assert listener.until(lambda: len({m.part_id for m in listener.commands}) >= count)
        assert listener.until(lambda: len(rows(folder, View)) >= count and len(rows(folder, Answer)) >= count)
        driver.wait(but=-1)  # the records node has found the camera again
        driver.send(picture(BAD), START + count * 10**8, part="last")
        assert listener.until(lambda: len(rows(folder, View)) > count and len(rows(folder, Answer)) > count)
        listener.for_a_while(1.5)  # what comes twice would come now
    views, decisions, answers = (rows(folder, table) for table in (View, DecisionRow, Answer))
    assert Counter(view.part_id for view in views) == Counter(["last", *(f"part {index}" for index in range(count))])
    assert Counter(d.part_id for d in decisions) == Counter(view.part_id for view in views)
    assert sorted(d.sequence for d in decisions) == list(range(1, count + 2))
    assert sorted(a.decision_uid for a in answers) == sorted(d.uid for d in decisions)
    assert {d.part_id for d in decisions if d.reject} == {"last", *(f"part {index}" for index in range(0, count, 4))}
    assert {m.part_id: m.reject for m in listener.commands} == {d.part_id: d.reject for d in decisions}
    stamps = {stamp_of(m.header): m.score for m in listener.results}
    assert {view.stamp: view.score for view in views} == stamps
    kept = [view for view in views if view.picture]
    assert all((folder / view.picture).is_file() for view in kept)
    # Images are not repeated, as results are: a node that is busy starting misses some.
    assert "last" in {view.part_id for view in kept}
    assert {view.part_id for view in kept} & {"part 0", "part 4", "part 8"}
