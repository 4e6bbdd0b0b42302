"""`pad synth`, with a stand-in for Blender."""

import warnings

import pytest
import yaml
from stand_in_blender import stand_in

from pad_ros.cli import main, synth
from pad_ros.synthesis import blender
from pad_ros.synthesis.assembly import Assembly
from pad_ros.synthesis.vehicles import build_vehicle

SMALL = ["--resolution", "16", "--samples", "1", "--train", "2", "--objects", "1", "--views", "2"]


@pytest.fixture
def out(monkeypatch, tmp_path):
    monkeypatch.setenv(blender.ENVIRONMENT_VARIABLE, stand_in(tmp_path)[0])
    return tmp_path / "out"


def noted(out):
    return yaml.safe_load((out / "dataset.yaml").read_text())


def test_a_class_with_varied_conditions(out, capsys):
    arguments = ["synth", str(out), "--class", "off_road_car", "--vary", "light,camera", "--jobs", "2", *SMALL]
    assert main(arguments) == 0
    assert noted(out)["settings"]["vary"] == ["camera", "light"]
    assert list(noted(out)["classes"]) == ["off_road_car"]
    assert main(["synth", str(out), "--verify"]) == 0
    assert "off_road_car: as rendered" in capsys.readouterr().out
    (out / "off_road_car" / "transforms.json").write_text("{}")
    assert main(["synth", str(out), "--verify"]) == 1
    assert "off_road_car/transforms.json: differs" in capsys.readouterr().out


def test_the_table_tells_what_stands(out, capsys):
    assert main(["synth", str(out), "--class", "off_road_car", *SMALL]) == 0
    _, row = capsys.readouterr().out.splitlines()[:2]
    statistics = noted(out)["classes"]["off_road_car"]["statistics"]
    assert row.split()[:2] == ["off_road_car", "88"] and row.split()[4] == f"{statistics['complexity']:.1f}"
    assert main(["synth", str(out), "--table"]) == 0
    markdown = capsys.readouterr().out.splitlines()
    assert len(markdown) == 3 and markdown[0].startswith("| class")


def test_a_model_file_with_missing_parts(monkeypatch, out, tmp_path, capsys):
    asked = []

    def read_model(path, library, leave_out, strict):
        asked.append((path.name, library, leave_out, strict))
        warnings.warn("10030.mpd: 2 parts are missing", stacklevel=1)
        return Assembly("10030", build_vehicle("off_road_car").parts[:10])

    monkeypatch.setattr(synth, "read_model", read_model)
    options = ["--model", str(tmp_path / "10030.mpd"), "--ldraw", str(tmp_path), "--leave-out", "fig*"]
    assert main(["synth", str(out), *options, *SMALL]) == 0
    assert asked == [("10030.mpd", tmp_path, ("fig*",), False)]
    assert "pad synth: 10030.mpd: 2 parts are missing\n" in capsys.readouterr().err
    assert noted(out)["classes"]["10030"]["source"] == "10030.mpd"
    assert list(noted(out)["classes"]) == ["10030"]  # the model alone, not the nine classes too


def test_previews_of_all_vehicles_by_default(monkeypatch, out):
    built = []
    monkeypatch.setattr(synth, "write_preview", lambda out, a, settings: built.append(a.name))
    monkeypatch.setattr(synth, "build_vehicle", lambda name: Assembly(name, ()))
    assert main(["synth", str(out), "--preview"]) == 0
    assert len(built) == len(set(built)) == 9
    assert main(["synth", str(out), "--preview", "--class", "all"]) == 0
    assert built[9:] == built[:9] and not out.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--class", "submarine"], "submarine"),
        (["--vary", "weather"], "weather"),
        (["--class", "off_road_car", "--jobs", "0"], "jobs"),
        (["--class", "off_road_car", "--samples", "0"], "samples"),
        (["--model", "model.step"], "model.step"),
        (["--verify"], "holds no data set"),
        (["--table"], "holds no data set"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(out, capsys, options, message):
    assert main(["synth", str(out), *options]) == 1
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert not out.exists()
