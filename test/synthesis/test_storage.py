import errno
import shutil
import subprocess
import zlib
from types import SimpleNamespace

import numpy as np
import pytest

from pad_ros.common.files import write_text
from pad_ros.errors import SynthesisError
from pad_ros.images import encode_png
from pad_ros.synthesis import storage


@pytest.mark.parametrize("keep", [0, 5, 40, -12, -1])
def test_a_png_that_ends_early_never_takes_its_name(tmp_path, keep):
    path, partial = tmp_path / "a.png", tmp_path / "a.png.partial"
    data = encode_png(np.zeros((20, 20, 3), np.uint8))
    partial.write_bytes(data[:keep])
    with pytest.raises(OSError, match="only a part"):
        storage.settle_png(partial, path)
    assert not path.exists()
    partial.write_bytes(data)
    storage.settle_png(partial, path)
    assert path.read_bytes() == data and not partial.exists()


def test_a_png_keeps_its_picture_alone(tmp_path):
    data = encode_png(np.zeros((20, 20, 3), np.uint8))
    note = b"tEXttime\x0000:01"
    chunk = (len(note) - 4).to_bytes(4, "big") + note + zlib.crc32(note).to_bytes(4, "big")
    (tmp_path / "a.partial").write_bytes(data[:33] + chunk + data[33:])
    storage.settle_png(tmp_path / "a.partial", tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes() == data


def test_too_little_space_says_how_much_is_needed_and_free(monkeypatch, tmp_path):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=30_000_000))
    storage.require_space(tmp_path / "not" / "yet", 29_000_000)
    with pytest.raises(SynthesisError, match=r"needs about 2\.5 GB .* has 30\.0 MB left"):
        storage.require_space(tmp_path / "not" / "yet", 2_500_000_000)


def test_a_full_disk_is_named(tmp_path):
    with pytest.raises(SynthesisError, match=r"mask\.png: the disk is full.*run again"), storage.clear_errors(tmp_path):
        raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "mask.png"))


def test_blenders_own_error_on_a_full_disk_is_told_from_others(monkeypatch, tmp_path):
    error = RuntimeError("Error: Render error (cannot save)\n")
    assert "cannot save" in storage.explain(tmp_path / "a.png", error)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=4096))
    assert "disk is full" in storage.explain(tmp_path / "a.png", error)


def test_checksums_are_sha256sums_and_tell_what_differs(tmp_path):
    for name in ("b.png", "sub/a.png", "gone.png"):
        write_text(tmp_path / name, name)
    own = storage.write_checksums(tmp_path)
    lines = (tmp_path / storage.CHECKSUMS).read_text().splitlines()
    assert [line.split("  ")[1] for line in lines] == ["b.png", "gone.png", "sub/a.png"]
    if shutil.which("sha256sum"):
        subprocess.run(["sha256sum", "-c", "--strict", storage.CHECKSUMS], cwd=tmp_path, check=True)
    assert storage.differing_files(tmp_path, own) == []
    (tmp_path / "sub" / "a.png").write_text("other")
    (tmp_path / "gone.png").unlink()
    (tmp_path / "new.png").write_text("new")
    assert storage.differing_files(tmp_path, own) == ["gone.png", "new.png", "sub/a.png"]
    assert storage.differing_files(tmp_path, "other") == [storage.CHECKSUMS]
