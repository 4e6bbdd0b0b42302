import json
import threading

import pytest
from dashboard_stage import Line


@pytest.fixture
def products(tmp_path):
    for name in ("cube", "sphere"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "product.yaml").write_text(name)
    (tmp_path / "notes").mkdir()
    return tmp_path


def operation(line):
    return json.loads(line.state.snapshot())["operation"]


def test_buttons_call_the_services():
    line = Line()
    line.pass_part("one", bad=(0,))
    assert all(answer.success for answer in (line.operations.acknowledge(), line.operations.enable(False)))
    assert line.operations.reset().success
    assert line.services.calls == [("conveyor/acknowledge", None), ("conveyor/enable", False), ("conveyor/reset", None)]
    assert json.loads(line.state.snapshot())["counters"] == {"parts": 0, "rejected": 0}


def test_counters_stay_when_the_conveyor_keeps_its_own():
    line = Line()
    line.pass_part("one")
    line.services.refuses["conveyor/reset"] = "busy"
    assert line.operations.reset().message == "busy"
    assert json.loads(line.state.snapshot())["counters"]["parts"] == 1


def test_a_product_is_changed_while_nothing_is_judged(products):
    line = Line(products)
    line.all_well()
    line.state.heard("records", "ok", "running", {})
    assert line.operations.products() == ["cube", "sphere"]
    assert line.operations.change("sphere").success
    folder = str(products / "sphere")
    nodes = ("localization", "background", "anomaly", "conveyor", "records")
    reloads = [(f"{node}/reload_product", folder) for node in nodes]
    assert line.services.calls == [("conveyor/enable", False), *reloads, ("conveyor/enable", True)]
    assert operation(line)["state"] == "done" and {s["state"] for s in operation(line)["steps"]} == {"done"}


def test_after_a_failure_nothing_is_judged(products):
    line = Line(products)
    line.all_well()
    line.state.heard("records", "ok", "running", {})
    line.services.refuses["background/reload_product"] = "truncated"
    assert "truncated" in line.operations.change("sphere").message
    assert [service for service, _ in line.services.calls] == [
        "conveyor/enable",
        "localization/reload_product",
        "background/reload_product",
    ]
    assert [step["state"] for step in operation(line)["steps"]] == ["done", "done", "failed", *["skipped"] * 4]
    assert operation(line)["state"] == "failed"


def test_nothing_is_changed_where_inspection_cannot_be_stopped(products):
    line = Line(products)
    line.all_well()
    line.services.refuses["conveyor/enable"] = "no"
    assert not line.operations.change("sphere").success
    assert len(line.services.calls) == 1


def test_a_line_that_stood_still_before_stays_so(products):
    line = Line(products)
    line.all_well(enabled="false")
    assert line.operations.change("sphere").success
    assert ("conveyor/enable", True) not in line.services.calls


def test_a_change_that_succeeds_starts_what_one_that_failed_had_stopped(products):
    line = Line(products)
    line.all_well()
    line.services.refuses["localization/reload_product"] = "truncated"
    assert not line.operations.change("sphere").success
    line.all_well(enabled="false")  # as the conveyor says now
    line.services.refuses.clear()
    assert line.operations.change("cube").success
    assert line.services.calls[-1] == ("conveyor/enable", True)
    line.services.calls.clear()
    line.services.refuses["localization/reload_product"] = "truncated"
    line.all_well()
    assert not line.operations.change("sphere").success
    line.services.refuses.clear()
    assert line.operations.enable(False).success  # the operator wants it stopped
    line.all_well(enabled="false")
    assert line.operations.change("cube").success
    assert ("conveyor/enable", True) not in line.services.calls


@pytest.mark.parametrize("name", ["notes", "..", "../cube", "", "/etc"])
def test_only_products_at_hand_can_be_chosen(products, name):
    line = Line(products / "..")
    assert not line.operations.change(name).success
    assert not line.services.calls


def test_inspection_is_not_started_in_the_middle_of_a_change(products):
    line = Line(products)
    line.all_well()
    reached, go_on = threading.Event(), threading.Event()

    def hold(service):
        if service == "anomaly/reload_product":
            reached.set()
            assert go_on.wait(10)

    line.services.before = hold
    change = threading.Thread(target=line.operations.change, args=("sphere",))
    change.start()
    assert reached.wait(10)
    assert "under way" in line.operations.enable(True).message
    assert not line.operations.change("cube").success
    go_on.set()
    change.join(10)
    assert line.operations.enable(True).success
