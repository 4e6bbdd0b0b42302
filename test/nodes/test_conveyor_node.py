import subprocess
import sys

import pytest

pytestmark = pytest.mark.ros
station = pytest.importorskip("pad_ros.nodes.station", reason="needs the ROS messages")

from pad_ros.conveyor.decisions import DecisionJournal  # noqa: E402
from pad_ros.nodes.product_node import identity_of  # noqa: E402


def test_without_records_the_node_does_not_wait_for_the_database_to_load():
    loaded = "import sys, pad_ros.nodes.conveyor; print('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True).stdout == "False\n"


def test_records_are_kept_where_a_folder_is_named(tmp_path):
    journal = DecisionJournal("")
    values = {"records": "", "station": "line 1"}
    unrecorded = station.open_records(values.get, journal)
    unrecorded.close()
    assert unrecorded.fault == "" and not any(tmp_path.iterdir())
    values["records"] = str(tmp_path)
    station.open_records(values.get, journal).close()
    assert any(tmp_path.iterdir())


@pytest.mark.usefixtures("fake_product")
def test_a_node_without_product_takes_none_also_when_it_is_told_to_read_it_again(monkeypatch):
    assert identity_of("fake").name == "fake"
    monkeypatch.chdir("fake")  # a product, but nobody named it
    assert identity_of("") is None
