from pathlib import Path

import pytest

from pad_ros.cli import main


@pytest.mark.parametrize(
    "line",
    [
        "pad up product:=sample/product --bag sample/bag wait_for_results:=3",
        "pad up --bag sample/bag product:=sample/product wait_for_results:=3",
        "pad up product:=sample/product wait_for_results:=3 --bag sample/bag",
    ],
)
def test_up_takes_its_arguments_in_any_order(line, monkeypatch):
    asked = {}
    monkeypatch.setattr("pad_ros.cli.up.run_graph", lambda **arguments: asked.update(arguments) or 0)
    assert main(line.split()[1:]) == 0
    assert asked == {"bag": Path("sample/bag"), "overrides": ["product:=sample/product", "wait_for_results:=3"]}
