"""Finds Blender's Python and runs the render worker in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pad_ros.errors import SynthesisError

ENVIRONMENT_VARIABLE = "PAD_BLENDER_PYTHON"
_ROOT = Path(__file__).resolve().parents[2]  # what `import pad_ros` needs on the path


def find_blender() -> str:
    """The Python that can `import bpy`: `PAD_BLENDER_PYTHON`, `.venv-blender`, or this one.

    Raises:
        SynthesisError: none can.
    """
    named = os.environ.get(ENVIRONMENT_VARIABLE)
    folders = [Path.cwd(), _ROOT]
    candidates = [named] if named else [str(folder / ".venv-blender" / "bin" / "python") for folder in folders]
    for candidate in [*candidates, *([] if named else [sys.executable])]:
        if _has_bpy(candidate):
            return candidate
    where = f"{ENVIRONMENT_VARIABLE}={named}" if named else f"looked for {candidates[0]} and in this environment"
    raise SynthesisError(f"Blender is missing ({where}): run `make blender`, which installs bpy, or set the variable")


def blender_version(python: str) -> str:
    """Blender's version, as its Python package says."""
    code = "import importlib.metadata as m; print(m.version('bpy'))"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=False).stdout.strip()


def render_images(python: str, job: dict[str, Any]) -> Iterator[str]:
    """Runs the worker on a job (see `pad_ros.synthesis.render`) and yields each image's path once it stands.

    Raises:
        SynthesisError: the worker failed; with the last lines it wrote.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "job.json"
        path.write_text(json.dumps(job))
        command = [python, "-m", "pad_ros.synthesis.render", str(path)]
        environment = {**os.environ, "PYTHONPATH": str(_ROOT), "PYTHONUNBUFFERED": "1"}
        worker = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        )
        said: deque[str] = deque(maxlen=12)
        try:
            assert worker.stdout is not None  # for the type checker: it is a pipe
            for line in worker.stdout:
                if line.startswith('{"done"'):
                    yield json.loads(line)["done"]
                else:
                    said.append(line.strip())
            if worker.wait() != 0:
                raise SynthesisError(f"the Blender worker failed (exit {worker.returncode}): " + " | ".join(said))
        finally:  # also when the caller stops early
            worker.kill()
            worker.wait()


def _has_bpy(python: str) -> bool:
    code = "import importlib.util as u, sys; sys.exit(u.find_spec('bpy') is None)"
    try:
        return subprocess.run([python, "-c", code], capture_output=True, check=False).returncode == 0
    except OSError:
        return False
