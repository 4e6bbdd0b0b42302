import os

import pytest
from stand_in_blender import stand_in, write_python

from pad_ros.errors import SynthesisError
from pad_ros.synthesis.blender import ENVIRONMENT_VARIABLE, find_blender, render_images


def job(folder, count):
    rows = [{"path": str(folder / f"{number}.png"), "cutout": False} for number in range(count)]
    return {"resolution": 4, "images": rows}


@pytest.mark.parametrize(
    ("shell", "message"),
    [
        ("echo 'ModuleNotFoundError: No module named bpy' >&2; exit 1", "cannot import bpy .*No module named bpy"),
        ("exit 139", "cannot import bpy .exit 139"),
        ("echo bpy 4 1", "has bpy 4.1; 5.0 or newer"),
    ],
)
def test_a_python_that_cannot_render_is_refused(monkeypatch, tmp_path, shell, message):
    python = write_python(tmp_path / "python", shell)
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, python)
    with pytest.raises(SynthesisError, match=message) as caught:
        find_blender()
    assert python in str(caught.value) and "make blender" in str(caught.value) and "\n" not in str(caught.value)


def test_a_python_that_is_not_there(monkeypatch):
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, "no-such-python")
    with pytest.raises(SynthesisError, match="no-such-python is not there"):
        find_blender()


def test_the_named_python_is_taken(monkeypatch, tmp_path):
    python, _ = stand_in(tmp_path)
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, python)
    assert find_blender() == python


def test_a_failing_worker_is_reported_with_what_it_said(tmp_path):
    python = write_python(tmp_path / "python", "echo starting; echo bad news >&2; exit 3")
    with pytest.raises(SynthesisError, match=r"exit 3\): starting | bad news"):
        list(render_images(python, job(tmp_path, 1)))


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_images_are_dealt_to_workers_once_each(tmp_path, jobs):
    python, log = stand_in(tmp_path)
    reports = list(render_images(python, job(tmp_path / "images", 7), jobs))
    lines = [line.split() for line in log.read_text().splitlines()]
    assert len({pid for pid, _, _ in lines}) == jobs
    assert sorted(path for _, _, path in lines) == sorted(report["done"] for report in reports)
    assert len(reports) == len(set(path for _, _, path in lines)) == 7
    assert {int(threads) for _, threads, _ in lines} == {max(1, len(os.sched_getaffinity(0)) // jobs)}


def test_one_workers_failure_ends_them_all(tmp_path):
    python, _ = stand_in(tmp_path, fail_after=2)
    with pytest.raises(SynthesisError, match="disk is full"):
        list(render_images(python, job(tmp_path / "images", 10), 2))
    assert len(list((tmp_path / "images").iterdir())) in (2, 3, 4)
