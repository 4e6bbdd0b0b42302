"""Finds Blender's Python and runs render workers in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

from pad_ros.errors import SynthesisError

ENVIRONMENT_VARIABLE = "PAD_BLENDER_PYTHON"
_ROOT = Path(__file__).resolve().parents[2]  # what `import pad_ros` needs on the path
_OLDEST = (5, 0)
_PROBE = "import bpy; print('bpy', *bpy.app.version[:2])"
_ADVICE = f"run `make blender`, which installs bpy, or set {ENVIRONMENT_VARIABLE} to a Python that has it"


def find_blender() -> str:
    """The Python that can `import bpy`: `PAD_BLENDER_PYTHON`, `.venv-blender`, or this one.

    Raises:
        SynthesisError: none can; says why.
    """
    named = os.environ.get(ENVIRONMENT_VARIABLE)
    prepared = [str(folder / ".venv-blender" / "bin" / "python") for folder in (Path.cwd(), _ROOT)]
    problems = []
    for candidate in [named] if named else [*dict.fromkeys(prepared), sys.executable]:
        problem = _problem(candidate)
        if problem is None:
            return candidate
        problems.append(f"{candidate} {problem}")
    where = f"{ENVIRONMENT_VARIABLE}={named}: " if named else ""
    raise SynthesisError(f"Blender is missing ({where}{'; '.join(problems)}): {_ADVICE}")


def blender_version(python: str) -> str:
    """Blender's version, as its Python package says."""
    code = "import importlib.metadata as m; print(m.version('bpy'))"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=False).stdout.strip()


def render_images(python: str, job: Mapping[str, Any], jobs: int = 1) -> Iterator[dict[str, Any]]:
    """Runs workers on a job (see `pad_ros.synthesis.render`); its images are dealt out one by one.

    Yields:
        Per image that now stands its path as `done`, and the seconds spent on it as `render` and `finish`.

    Raises:
        SynthesisError: a worker failed; with what it said.
    """
    hands = [hand for hand in (job["images"][nth::jobs] for nth in range(jobs)) if hand]
    threads = max(1, _cores() // max(1, len(hands)))
    said: SimpleQueue[tuple[subprocess.Popen[str], str | None]] = SimpleQueue()
    with ExitStack() as stack:
        tails: dict[subprocess.Popen[str], deque[str]] = {}
        for hand in hands:
            worker = stack.enter_context(_worker(python, {**job, "images": hand, "threads": threads}))
            tails[worker] = deque(maxlen=12)
            Thread(target=_listen, args=(worker, said), daemon=True).start()
        running = len(tails)
        while running:
            worker, line = said.get()
            if line is None:
                running -= 1
                if worker.wait() != 0:
                    last = " | ".join(tails[worker]) or "it said nothing"
                    raise SynthesisError(f"the Blender worker failed (exit {worker.returncode}): {last}")
            elif line.startswith('{"done"'):
                yield json.loads(line)
            elif line.startswith('{"error"'):
                raise SynthesisError(json.loads(line)["error"])
            else:
                tails[worker].append(line.strip())


@contextmanager
def _worker(python: str, job: Mapping[str, Any]) -> Iterator[subprocess.Popen[str]]:
    """A worker that is killed when its caller stops early."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "job.json"
        path.write_text(json.dumps(job))
        worker = subprocess.Popen(
            [python, "-m", "pad_ros.synthesis.render", str(path)],
            env={**os.environ, "PYTHONPATH": str(_ROOT), "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        try:
            yield worker
        finally:
            worker.kill()
            worker.wait()


def _cores() -> int:
    """The processors that this process may use; of the machine, where the system does not tell."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _listen(worker: subprocess.Popen[str], said: SimpleQueue[tuple[subprocess.Popen[str], str | None]]) -> None:
    assert worker.stdout is not None  # for the type checker: it is a pipe
    for line in worker.stdout:
        said.put((worker, line))
    said.put((worker, None))


def _problem(python: str) -> str | None:
    """Why a Python cannot be used, None if it can."""
    try:
        probe = subprocess.run([python, "-c", _PROBE], capture_output=True, text=True, check=False, timeout=120)
    except (OSError, subprocess.TimeoutExpired) as error:
        return "is not there" if isinstance(error, FileNotFoundError) else f"does not start ({error})"
    version = next((line.split()[1:] for line in probe.stdout.splitlines() if line.startswith("bpy ")), None)
    if version is None:
        lines = probe.stderr.strip().splitlines() or [f"exit {probe.returncode}"]
        return f"cannot import bpy ({lines[-1]})"
    if tuple(map(int, version)) < _OLDEST:
        return f"has bpy {'.'.join(version)}; {'.'.join(map(str, _OLDEST))} or newer is needed"
    return None
