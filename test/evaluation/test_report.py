import json
import math
import re
from html.parser import HTMLParser

import pytest
from evaluation_stage import failed, image_of, inspection_of

from pad_ros.conveyor.policy import create_policy
from pad_ros.errors import EvaluationError
from pad_ros.evaluation.report import write_report
from pad_ros.evaluation.results_writer import ResultWriter, read_results
from pad_ros.evaluation.summary import format_ms, summarize


@pytest.fixture
def folder(tmp_path):
    """A good part, a bad one, one with a view missing, and one unreadable image."""
    with ResultWriter(tmp_path) as writer:
        for view in range(2):
            writer.add(f"good {view}", image_of(), inspection_of(0.5), "part g", view, 2, label="good")
        for view in range(2):
            writer.add(f"bad {view}", image_of(), inspection_of(2.0 - 1.5 * view), "part b", view, 2, label="scratch")
        writer.add("alone", image_of(), inspection_of(0.4), "part m", 0, 2, label="good")
        writer.add("<script>alert(1)</script>", None, failed(reason='<img src=x onerror="x">'))
    return tmp_path


class Page(HTMLParser):
    """Notes what the page holds, and that its tags are balanced."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.sources = [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.tags.append((tag, values.get("class", "")))
        self.sources += [values[key] for key in ("src", "href") if key in values]
        if tag not in {"meta", "input", "img"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def count(self, tag, *classes):
        return sum(t == tag and set(classes) <= set(c.split()) for t, c in self.tags)


def test_the_page_is_self_contained_and_complete(folder):
    text = write_report(folder, title="Car & Co").read_text()
    page = Page(text)
    assert page.count("details", "part") == 4
    assert page.count("details", "part", "rejected") == 3
    assert page.count("article", "view") == 6
    assert page.count("article", "view", "anomalous") == 1
    assert page.count("i", "absent") == 1
    assert len(page.sources) == 15  # three pictures of each readable image
    assert all(source.startswith("data:image/jpeg;base64,") for source in page.sources)
    assert not re.search(r"https?://|@import|url\(", text)
    assert "Car &amp; Co" in text
    assert "6 images, 4 parts: 3 rejected, 1 passed; 1 without result; median 21 ms per image" in text


def test_text_from_outside_is_escaped(folder):
    page = Page(write_report(folder, title="<b>x</b>").read_text())
    assert page.count("script") == 0
    assert page.count("img") == 15
    assert "<b>x</b>" not in (folder / "report.html").read_text()


def test_pictures_outside_the_folder_or_gone_are_not_embedded(folder, tmp_path_factory):
    rows = read_results(folder)
    secret = tmp_path_factory.mktemp("else") / "secret.jpg"
    secret.write_bytes((folder / rows[0]["view"]).read_bytes())
    rows[0]["view"] = str(secret)
    (folder / rows[1]["overlay"]).unlink()
    (folder / "results.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert len(Page(write_report(folder).read_text()).sources) == 13


def test_no_images_is_a_page_and_no_results_an_error(tmp_path):
    with pytest.raises(EvaluationError):
        write_report(tmp_path)
    ResultWriter(tmp_path).close()
    assert "0 images, 0 parts" in write_report(tmp_path).read_text()


def test_the_summary_follows_the_policy(folder):
    rows = read_results(folder)
    summary = summarize(rows)
    assert [part.part_id for part in summary.parts][:3] == ["part g", "part b", "part m"]
    assert [part.verdict.reject for part in summary.parts] == [False, True, True, True]
    assert "1 never came" in summary.parts[2].verdict.reason
    assert summary.stage_ms() == {"localization": 20.0, "render": 1.0, "total": 21.0}
    lenient = summarize(rows, create_policy({"name": "votes", "votes": 2, "max_unjudged": 1}))
    assert [part.verdict.reject for part in lenient.parts] == [False, False, False, True]


def test_the_summary_counts_each_view_once_and_refuses_unknown_statuses(folder):
    rows = read_results(folder)
    twice = summarize([*rows[:2], rows[0]])
    assert len(twice.rows) == 2
    with pytest.raises(EvaluationError, match="unknown status"):
        summarize([{**rows[0], "status": "FINE"}])
    assert math.isnan(summarize([]).median_ms)
    assert summarize([]).line() == "0 images, 0 parts: 0 rejected, 0 passed; 0 without result"


def test_format_ms():
    assert (format_ms(85.4), format_ms(999.7), format_ms(1130.0)) == ("85 ms", "1.0 s", "1.1 s")
