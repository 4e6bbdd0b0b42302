import errno
import os

import pytest

from pad_ros.common.files import partial_path, replacing, shown, sweep, write_text
from pad_ros.errors import PadError, WriteError


def test_a_file_appears_whole_and_its_folder_with_it(tmp_path):
    path = tmp_path / "new" / "a.json"
    with replacing(path, ".json") as partial:
        partial.write_text("half")
        assert partial.suffix == ".json" and not path.exists()
    assert path.read_text() == "half"
    assert [each.name for each in path.parent.iterdir()] == ["a.json"]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old ü")
    with pytest.raises(OSError, match="disk full"), replacing(path) as partial:
        partial.write_text("new")
        raise OSError("disk full")
    assert path.read_text(encoding="utf-8") == "old ü"
    assert [each.name for each in tmp_path.iterdir()] == ["a.txt"]


def test_what_cannot_be_written_says_which_file_and_why(tmp_path):
    path = tmp_path / "a.txt"
    full = pytest.raises(WriteError, match=r"a\.txt: cannot be written \(No space left on device\)")
    with full as raised, replacing(path) as partial:
        partial.write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert raised.value.errno == errno.ENOSPC and isinstance(raised.value, PadError)  # and an OSError for who asks
    assert list(tmp_path.iterdir()) == []
    path.write_text("")
    with pytest.raises(WriteError, match=r"b\.txt: cannot be written \(File exists\)"):
        write_text(path / "b.txt", "")


def test_names_that_are_no_utf8_can_be_shown_and_written(tmp_path):
    name = os.fsdecode(b"gr\xfcn.png")
    assert shown(tmp_path / name) == f"{tmp_path}/gr\\xfcn.png" and shown("grün.png") == "grün.png"
    write_text(tmp_path / "a.txt", name)
    assert (tmp_path / "a.txt").read_text(encoding="utf-8").startswith("gr\\")


def test_sweep_removes_what_killed_runs_left(tmp_path):
    for name in ("a.png", "a.png.17.partial.png", "sub/b.17.partial", "sub/b"):
        write_text(tmp_path / name, name)
    sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["a.png", "b"]


def test_two_processes_write_to_different_places(tmp_path, monkeypatch):
    mine = partial_path(tmp_path / "a.png")
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert partial_path(tmp_path / "a.png") != mine
