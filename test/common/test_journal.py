import errno
import os
import subprocess
import sys
import threading

import pytest

from pad_ros.common import files
from pad_ros.common import journal as journals
from pad_ros.common.journal import Journal


def test_lines_outlive_a_kill(tmp_path):
    code = (
        "import os, sys; from pad_ros.common.journal import Journal\n"
        "journal = Journal(sys.argv[1])\n"
        "for line in ('one', 'two'): journal.add(line)\n"
        "os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path / "j")]).returncode == -9
    journal = Journal(tmp_path / "j")
    assert journal.lines == ["one", "two"]


def test_half_a_line_does_not_count_and_does_not_spoil_the_next(tmp_path):
    (tmp_path / "j").write_text("one\ntw")
    Journal(tmp_path / "j").add("three")
    assert Journal(tmp_path / "j").lines == ["one", "three"]


def test_the_file_stays_small_and_keeps_the_last(tmp_path):
    journal = Journal(tmp_path / "j", keep=10)
    for index in range(1000):
        journal.add(str(index))
        assert len((tmp_path / "j").read_text().split()) <= 20
    assert Journal(tmp_path / "j", keep=10).lines[-10:] == [str(index) for index in range(990, 1000)]


def test_several_threads_lose_no_line(tmp_path):
    journal = Journal(tmp_path / "j", keep=1000)
    threads = [threading.Thread(target=lambda n=n: [journal.add(f"{n} {i}") for i in range(200)]) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(Journal(tmp_path / "j", keep=1000).lines) == sorted(f"{n} {i}" for n in range(4) for i in range(200))


def test_without_a_path_nothing_is_kept():
    journal = Journal(None)
    journal.add("one")
    assert journal.lines == []


def test_a_full_disk_leaves_no_half_a_line(tmp_path, monkeypatch):
    path = tmp_path / "log"
    files.append_whole(path, "one\n")
    real = files.open if hasattr(files, "open") else open

    class Full:
        def __init__(self, *arguments, **keywords):
            self.file = real(*arguments, **keywords)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def __getattr__(self, name):
            return getattr(self.file, name)

        def write(self, data):
            return self.file.write(data[:2])

    monkeypatch.setattr(files, "open", Full, raising=False)
    with pytest.raises(OSError) as error:
        files.append_whole(path, "second\n")
    assert error.value.errno == errno.ENOSPC
    assert path.read_text() == "one\n"
    monkeypatch.undo()
    files.append_whole(path, "third\n")
    assert path.read_text() == "one\nthird\n"
    assert os.path.getsize(path) == 10


def full(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_what_a_full_disk_did_not_take_is_written_in_its_order_with_what_it_takes(tmp_path, monkeypatch):
    journal = Journal(tmp_path / "journal")
    journal.add("one")
    monkeypatch.setattr(journals, "append_whole", full)
    for line in ("two", "three"):
        with pytest.raises(OSError, match="No space"):
            journal.add(line)
    assert Journal(tmp_path / "journal").lines == ["one"]
    monkeypatch.undo()
    journal.add("four")
    assert Journal(tmp_path / "journal").lines == ["one", "two", "three", "four"]


def test_a_full_disk_does_not_keep_a_process_from_starting(tmp_path, monkeypatch):
    path = tmp_path / "journal"
    path.write_text("one\nhalf a li")
    monkeypatch.setattr(journals, "write_text", full)
    journal = Journal(path)
    assert journal.lines == ["one"]
    with pytest.raises(OSError, match="No space"):
        journal.add("two")
    monkeypatch.undo()
    journal.add("three")
    assert path.read_text() == "one\ntwo\nthree\n"
    monkeypatch.setattr(journals, "write_text", full)
    with pytest.raises(OSError, match="No space"):
        Journal(tmp_path / "new")
