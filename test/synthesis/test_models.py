import pytest

from pad_ros.errors import SynthesisError
from pad_ros.synthesis import models
from pad_ros.synthesis.models import read_model


@pytest.mark.parametrize(
    ("name", "reader"),
    [("a.MPD", "ldraw"), ("a.ldr", "ldraw"), ("a.dat", "ldraw"), ("a.glb", "gltf"), ("a.glTF", "gltf")],
)
def test_the_suffix_decides(tmp_path, monkeypatch, name, reader):
    (tmp_path / name).touch()
    for kind in ("ldraw", "gltf"):
        monkeypatch.setattr(models, f"read_{kind}", lambda *arguments, kind=kind: (kind, arguments))
    kind, arguments = read_model(tmp_path / name, "library", ["x"], True)
    assert kind == reader
    assert arguments == ((tmp_path / name, "library", ["x"], True) if kind == "ldraw" else (tmp_path / name, ["x"]))


def test_other_kinds_and_missing_files_are_refused(tmp_path):
    (tmp_path / "a.obj").touch()
    with pytest.raises(SynthesisError, match=r"a.obj: unknown kind of model; LDraw \(.ldr, .mpd, .dat\) or glTF"):
        read_model(tmp_path / "a.obj")
    with pytest.raises(SynthesisError, match=r"b.glb: no such file"):
        read_model(tmp_path / "b.glb")


def test_a_folder_is_no_model(tmp_path):
    (tmp_path / "a.mpd").mkdir()
    with pytest.raises(SynthesisError, match="no such file"):
        read_model(tmp_path / "a.mpd")
