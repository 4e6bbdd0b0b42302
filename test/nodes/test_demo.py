"""`pad demo` over DDS, with a fake inspector in the nodes."""

import json
import shutil

import fake_node
import numpy as np
import pytest

pytestmark = [pytest.mark.ros, pytest.mark.slow]
pytest.importorskip("pad_ros.nodes.watcher", reason="needs rclpy and the built messages")

from graph_harness import fake_command, write_messages  # noqa: E402

from pad_ros.errors import BagError, ProductError  # noqa: E402
from pad_ros.graph import up  # noqa: E402
from pad_ros.images import encode_png, read_image  # noqa: E402
from pad_ros.nodes import demo  # noqa: E402


@pytest.fixture(autouse=True)
def fake_nodes(monkeypatch):
    monkeypatch.setattr(up, "command", fake_command)
    # run_demo sets these for itself; take them back afterwards.
    for name in ("ROS_DOMAIN_ID", "ROS_AUTOMATIC_DISCOVERY_RANGE"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def _bag(folder, *codes):
    pictures = [np.full((fake_node.HEIGHT, fake_node.WIDTH, 3), code, np.uint8) for code in codes]
    views = [(f"part{index // 2}", index % 2, 2) for index in range(len(codes))]
    return write_messages(folder, [encode_png(picture) for picture in pictures], views)


def test_replay_shows_each_verdict_and_leaves_a_report(sample_product, product, tmp_path, capsys):
    bag = _bag(tmp_path / "bag", 20, 30, 40, 200, 50, 60)
    assert demo.run_demo(sample_product, bag, tmp_path / "out") == 0
    said = capsys.readouterr().out
    lines = said.splitlines()
    assert lines[-1].startswith("6 images, 3 parts: 1 rejected, 2 passed; 0 without result; median ")
    assert lines[-1].endswith("per image")
    assert sum(" view " in line and "/6 " in line for line in lines) == 6
    assert sum("left" in line for line in lines) >= 4
    assert "  part part1: REJECT (1 of 2 views anomalous (worst: view 1))" in lines
    views = [index for index, line in enumerate(lines) if " view " in line and "/6 " in line]
    verdicts = [index for index, line in enumerate(lines) if line.startswith("  part ")]
    assert all(verdict > view for verdict, view in zip(verdicts, views[1::2], strict=True))  # after their last view
    assert {"  part part0: pass (0 of 2 views anomalous)", "  part part2: pass (0 of 2 views anomalous)"} <= set(lines)
    rows = [json.loads(line) for line in (tmp_path / "out" / "results.jsonl").read_text().splitlines()]
    assert {(row["part_id"], row["view_index"]): row["score"] for row in rows} == {
        ("part0", 0): 20.0,
        ("part0", 1): 30.0,
        ("part1", 0): 40.0,
        ("part1", 1): 200.0,
        ("part2", 0): 50.0,
        ("part2", 1): 60.0,
    }
    for row in rows:
        assert read_image(tmp_path / "out" / row["overlay"]).shape == (fake_node.HEIGHT, fake_node.WIDTH, 3)
        assert abs(int(read_image(tmp_path / "out" / row["view"])[0, 0, 0]) - row["score"]) <= 2
        assert list(row["timings"])[-1] == "total"
    report = (tmp_path / "out" / "report.html").read_text()
    assert "part1" in report and f"<title>{product.name}" in report


def test_an_image_without_result_makes_it_fail(sample_product, tmp_path, capsys):
    bag = _bag(tmp_path / "bag", 20, fake_node.NOT_LOCALIZED)
    assert demo.run_demo(sample_product, bag, tmp_path / "out") == 1
    said = capsys.readouterr().out
    assert "NOT_LOCALIZED: no evidence" in said
    assert "2 images, 1 part: 1 rejected, 0 passed; 1 without result" in said


def test_a_node_that_fails_is_said_and_leaves_no_report(sample_product, tmp_path, capsys):
    broken = shutil.copytree(sample_product, tmp_path / "broken")  # the fake inspector goes by the name
    (tmp_path / "out").mkdir()
    for name in ("results.jsonl", "report.html"):
        (tmp_path / "out" / name).write_text("of the last run")
    assert demo.run_demo(broken, _bag(tmp_path / "bag", 20, 30), tmp_path / "out") == 1
    assert not (tmp_path / "out" / "report.html").exists()
    said = capsys.readouterr().err
    assert "cannot start (exit code 1); its log says why: cannot configure: " in said
    assert "broken: truncated; copy the product again" in said
    assert "Traceback" not in (tmp_path / "out" / "nodes.log").read_text()


@pytest.mark.parametrize("broken", ["product", "bag", "no bag"])
def test_what_cannot_be_used_is_refused_and_the_last_run_stays(broken, sample_product, tmp_path):
    product = shutil.copytree(sample_product, tmp_path / "product")
    bag = _bag(tmp_path / "bag", 20, 30)
    for name in {"product": ["product/map.npz"], "bag": [f"bag/{path.name}" for path in bag.glob("*.mcap")]}.get(
        broken, []
    ):
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-100])
    out = tmp_path / "out"
    out.mkdir()
    (out / "results.jsonl").write_text("of the last run")
    with pytest.raises((BagError, ProductError)):
        demo.run_demo(product, tmp_path / "none" if broken == "no bag" else bag, out)
    assert [path.name for path in out.iterdir()] == ["results.jsonl"]
    assert (out / "results.jsonl").read_text() == "of the last run"
