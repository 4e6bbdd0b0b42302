"""A stand-in for Blender's Python: starts at once, "renders" grey images, and can fail like a full disk."""

import stat
import sys
import textwrap
from pathlib import Path

WORKER = """
import json, os, sys
from pathlib import Path
import numpy as np
from pad_ros.images import write_image
sys.path[:0] = [{root!r}]

job = json.loads(Path(sys.argv[3]).read_text())
log = Path({log!r})
for number, row in enumerate(job["images"]):
    path = Path(row["path"])
    if number == {fail_after}:
        print(json.dumps({{"error": f"{{path}}: the disk is full"}}), flush=True)
        sys.exit(1)
    level = 10 + sum(path.read_bytes() if path.is_file() else row["path"].encode()) % 200
    write_image(path, np.full((job["resolution"],) * 2 + (4 if row["cutout"] else 3,), level, np.uint8))
    with log.open("a") as file:
        file.write(f"{{os.getpid()}} {{job['threads']}} {{path}}\\n")
    print(json.dumps({{"done": row["path"], "render": 0.0, "finish": 0.0}}), flush=True)
"""


def write_python(path: Path, shell: str) -> str:
    """An executable that stands for a Python; `shell` sees its arguments."""
    path.write_text("#!/bin/sh\n" + textwrap.dedent(shell))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def stand_in(folder: Path, fail_after: int = -1) -> tuple[str, Path]:
    """The stand-in's path, and the log of what it rendered: a line of process, threads and path per image."""
    log = folder / "log"
    log.touch()
    script = folder / "worker.py"
    root = str(Path(__file__).resolve().parents[2])
    script.write_text(WORKER.format(root=root, log=str(log), fail_after=fail_after))
    python = write_python(
        folder / "python",
        f"""
        case "$1$2" in
          -cimport\\ bpy*) echo "bpy 5 0";;
          -c*) echo 5.0.1;;
          *) exec {sys.executable} {script} "$@";;
        esac
        """,
    )
    return python, log
