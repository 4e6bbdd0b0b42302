import re
from pathlib import Path

import pytest

from pad_ros.dashboard.operations import RELOADED
from pad_ros.dashboard.texts import LANGUAGES, choose_language, table, texts
from pad_ros.graph.description import NODES
from pad_ros.results import RegionKind, Status

ROOM = Path(__file__).parents[2] / "pad_ros" / "dashboard"


def test_every_text_is_there_in_every_language_and_speaks_of_the_same():
    for key, row in table().items():
        assert set(row) == set(LANGUAGES), key
        assert all(text.strip() for text in row.values()), key
        assert len({frozenset(re.findall(r"\{\w+\}", text)) for text in row.values()}) == 1, key


def test_languages_differ():
    same = {key for key, row in table().items() if row["en"] == row["de"]}
    assert same <= {"fault.node"}  # no word of its own


def test_every_text_that_the_page_uses_is_in_the_table():
    words = texts("en")
    for path in (ROOM / "static").glob("*.html"):
        keys = set(re.findall(r"\[\[([\w.]+)\]\]", path.read_text()))
        assert keys - {"language", "note"} <= set(words), path.name
    script = (ROOM / "static" / "page.js").read_text()
    assert set(re.findall(r'text\("([\w.]+)"', script)) <= set(words)
    assert set(re.findall(r'"(fault\.\w+)"', (ROOM / "faults.py").read_text())) <= set(words)
    wanted = {f"node.{name}" for name in NODES} | {f"status.{s.name}" for s in Status if s != Status.OK}
    wanted |= {f"kind.{kind.name.lower()}" for kind in RegionKind} | {f"node.{name}" for name in RELOADED}
    wanted |= {f"view.{state}" for state in ("good", "bad", "unjudged", "waiting")}
    wanted |= {f"state.{state}" for state in ("ok", "warn", "error", "silent", "starting")}
    wanted |= {f"step.{state}" for state in ("waiting", "running", "done", "failed", "skipped")}
    wanted |= {
        f"{what}.{name}"
        for name in ("acknowledge", "disable", "enable", "reset", "change")
        for what in ("button", "done")
    }
    assert wanted <= set(words)


def test_no_word_of_the_page_is_written_elsewhere():
    for path in (ROOM / "static").glob("*.html"):
        bare = re.sub(r"\[\[[^\]]*\]\]|<[^>]*>", " ", path.read_text())
        assert not re.findall(r"[A-Za-z]{2,}", re.sub(r"(?s)<!doctype.*?<body", "", bare)), path.name


@pytest.mark.parametrize(
    ("wanted", "accepted", "chosen"),
    [
        ("auto", "de-AT,de;q=0.9,en;q=0.8", "de"),
        ("auto", "fr, en;q=0.3, de;q=0.5", "de"),
        ("auto", "fr", "en"),
        ("auto", "", "en"),
        ("auto", "de;q=nonsense,;;", "en"),
        ("en", "de", "en"),
    ],
)
def test_the_browsers_language_is_taken_unless_one_is_given(wanted, accepted, chosen):
    assert choose_language(wanted, accepted) == chosen
