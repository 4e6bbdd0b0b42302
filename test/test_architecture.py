"""The floor plan: which room may know which (the contracts are in pyproject.toml)."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import pad_ros

ROOT = Path(pad_ros.__file__).resolve().parent.parent
PACKAGE = ROOT / "pad_ros"


def lint_imports(folder):
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint()", "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_imports_keep_the_contracts():
    pytest.importorskip("importlinter")
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout
    assert "3 kept, 0 broken" in done.stdout


@pytest.mark.parametrize(
    ("file", "line", "broken"),
    [
        ("common/files.py", "from pad_ros.dataset import classes", "No upward arrow"),
        ("graph/up.py", "from pad_ros.nodes import runner", "No upward arrow"),
        ("anomaly/regions.py", "from pad_ros.splatting import rasterize", "No upward arrow"),
        ("results.py", "import std_msgs", "Only nodes know ROS"),
        ("splatting/trainer.py", "import torch", "no PyTorch"),
    ],
)
def test_a_forbidden_arrow_breaks_them(file, line, broken, tmp_path):
    pytest.importorskip("importlinter")
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    for path in PACKAGE.rglob("*.py"):
        copy = tmp_path / "pad_ros" / path.relative_to(PACKAGE)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(path.read_text())
    with (tmp_path / "pad_ros" / file).open("a") as module:
        module.write(f"\n{line}\n")
    done = lint_imports(tmp_path)
    assert done.returncode != 0
    (verdict,) = (row for row in done.stdout.splitlines() if "BROKEN" in row)
    assert broken in verdict


def test_the_messages_are_imported_in_nodes_alone():
    # Generated at build time, they are not part of what import-linter sees.
    for path in PACKAGE.rglob("*.py"):
        if path.parent.name != "nodes":
            imports = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom))
            assert not any((node.module or "").startswith("pad_ros.msg") for node in imports), path


def test_every_room_says_what_it_is_for():
    for path in PACKAGE.glob("*/__init__.py"):
        says = ast.get_docstring(ast.parse(path.read_text()))
        assert says and len(says.splitlines()) <= 4, path


def test_nodes_are_small():
    for path in (PACKAGE / "nodes").glob("*.py"):
        assert len(path.read_text().splitlines()) < 200, path
