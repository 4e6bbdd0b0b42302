import json

import pytest

from pad_ros.conveyor.decision import Decision
from pad_ros.conveyor.plc import create_plc
from pad_ros.errors import ConfigError

DECISION = Decision("car 1", True, "1 of 9 views anomalous", float("nan"), 9, 1.0, 2.5, 7)


def test_log_appends_json_lines(tmp_path):
    path = tmp_path / "plc" / "log.jsonl"
    for _ in range(2):
        plc = create_plc({"name": "log", "path": str(path)})
        plc.send(DECISION)
        plc.close()
        plc.close()
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(rows) == 2
    assert rows[0] == {
        "part_id": "car 1",
        "reject": True,
        "reason": "1 of 9 views anomalous",
        "score": None,
        "views": 9,
        "stamp_s": 1.0,
        "gate_time_s": 2.5,
        "sequence": 7,
    }


def test_log_without_a_path_goes_to_stdout(capsys):
    plc = create_plc({"name": "log"})
    plc.send(DECISION)
    plc.close()
    assert json.loads(capsys.readouterr().out)["part_id"] == "car 1"


def test_none_is_silent(capsys):
    create_plc({"name": "none"}).send(DECISION)
    assert capsys.readouterr().out == ""


def test_bad_settings_are_refused(tmp_path):
    with pytest.raises(ConfigError):
        create_plc({"name": "modbus"})
    with pytest.raises(ConfigError, match="cannot be written"):
        create_plc({"name": "log", "path": str(tmp_path)})
