import os
import subprocess
import sys

import pytest

from pad_ros.errors import BuildError
from pad_ros.splatting import library

VERSION = library._VERSION


@pytest.fixture
def fresh(monkeypatch, tmp_path):
    """No prebuilt library, an empty cache, and a small source instead of the real ones."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    sources = tmp_path / "csrc"
    sources.mkdir()
    function = f"int pad_version() {{return {VERSION};}}"
    (sources / "api.cpp").write_text(f'extern "C" __attribute__((visibility("default"))) {function}')
    monkeypatch.setattr(library, "SOURCES", sources)
    monkeypatch.setattr(library, "PREBUILT", tmp_path / "libpad_splatting.so")
    library.load_library.cache_clear()
    yield tmp_path
    library.load_library.cache_clear()


def test_compiles_once(fresh, monkeypatch):
    library.load_library()
    library.load_library.cache_clear()
    monkeypatch.setattr(library, "_compile", lambda *_: pytest.fail("compiled again"))
    assert library.load_library().pad_version() == VERSION


def test_changed_sources_are_compiled_again(fresh):
    library.load_library()
    source = library.SOURCES / "api.cpp"
    source.write_text(source.read_text().replace(f"return {VERSION}", "return 99"))
    library.load_library.cache_clear()
    with pytest.raises(BuildError, match="version 99"):
        library.load_library()


def test_prebuilt_library_is_taken(fresh, monkeypatch):
    library._compile("c++", library.PREBUILT)
    monkeypatch.setattr(library, "_compile", lambda *_: pytest.fail("compiled"))
    assert library.load_library().pad_version() == VERSION


def test_broken_prebuilt_library_is_replaced(fresh):
    library.PREBUILT.write_bytes(b"not a library")
    assert library.load_library().pad_version() == VERSION


def test_no_compiler(fresh, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(BuildError, match=r"no-such-compiler.*C\+\+17"):
        library.load_library()


def test_compiler_error(fresh):
    (library.SOURCES / "api.cpp").write_text("nonsense")
    with pytest.raises(BuildError, match="could not compile"):
        library.load_library()


def test_processes_that_start_at_once_share_one_build(fresh):
    code = (
        "import sys; from pathlib import Path; from pad_ros.splatting import library as l;"
        "l.SOURCES = Path(sys.argv[1]); l.PREBUILT = Path('none.so'); print(l.load_library().pad_version())"
    )
    command = [sys.executable, "-c", code, str(library.SOURCES)]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [run.communicate()[0].strip() for run in runs] == [str(VERSION)] * 3
    assert len(list((fresh / "cache" / "pad_ros").glob("*.so"))) == 1


def test_prebuilt_library_that_is_older_than_the_sources_is_not_taken(fresh):
    library._compile("c++", library.PREBUILT)
    source = library.SOURCES / "api.cpp"
    source.write_text(source.read_text().replace(f"return {VERSION}", "return 99"))
    os.utime(library.PREBUILT, (0, 0))
    with pytest.raises(BuildError, match="version 99"):
        library.load_library()
