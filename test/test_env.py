"""tools/env.py: what it says when something is missing, and what it changes."""

import importlib.util
import os
import shutil
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest

import pad_ros

TOOL = Path(pad_ros.__file__).resolve().parent.parent / "tools" / "env.py"
SPEC = importlib.util.spec_from_file_location("pad_ros_env_tool", TOOL)
env = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(env)


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    monkeypatch.setattr(env, "ROOT", tmp_path)
    monkeypatch.setattr(env, "BUILD", tmp_path)
    return tmp_path


def test_a_missing_compiler_is_named_with_its_package(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None if "+" in name else "/usr/bin/" + name)
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(env.SetupError, match="sudo apt install build-essential"):
        env.check_machine(compiler=True)
    env.check_machine(compiler=False)


def test_a_python_without_venv_and_pip_needs_its_packages(monkeypatch):
    monkeypatch.setattr(env, "find_uv", lambda: None)
    monkeypatch.setattr(env, "has_module", lambda *names: False)
    with pytest.raises(env.SetupError, match="python3-venv"):
        env.check_machine(compiler=False)


def test_a_python_that_cannot_be_used_is_refused_by_name(checkout, monkeypatch):
    monkeypatch.setenv("PYTHON", "/nowhere/python9")
    with pytest.raises(env.SetupError, match="PYTHON=/nowhere/python9"):
        env.make_venv(Path("uv"), checkout / ".venv", env.PYTHONS, needs_headers=True)


def test_a_failed_step_says_which_and_shows_its_end(checkout, capfd):
    with pytest.raises(env.SetupError, match=r"counting sheep failed \(exit 3\).*env.log"):
        env.run([sys.executable, "-c", "print('last words'); raise SystemExit(3)"], "counting sheep")
    assert "last words" in capfd.readouterr().err
    assert "last words" in (checkout / "env.log").read_text()


def test_relocation_rewrites_both_folders_and_leaves_the_cache_alone(tmp_path):
    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (venv / "bin" / "python").chmod(0o755)
    built = "/opt/python/cp311-cp311"
    before = f'"{built}/include/python3.11;{built}/lib/python3.11/site-packages/numpy/_core/include"'
    cached = tmp_path / "cached.cmake"
    cached.write_text(before)
    linked = venv / "share" / "std_msgs" / "cmake" / "std_msgsExport.cmake"
    linked.parent.mkdir(parents=True)
    os.link(cached, linked)

    for _ in range(2):  # the second time changes nothing
        env.relocate_ros_wheels(venv)
        assert linked.read_text() == f'"{sysconfig.get_path("include")};{np.get_include()}"'
    assert cached.read_text() == before


def test_torch_is_installed_once_and_bound_to_the_lock(checkout, monkeypatch):
    monkeypatch.setattr(env, "REQUIREMENTS", checkout)
    monkeypatch.setattr(env, "__file__", str(checkout / "torch.txt"))
    monkeypatch.setattr(env, "find_uv", lambda: Path("uv"))
    (checkout / ".venv").mkdir()
    for name in ("torch.txt", "lock.txt"):
        (checkout / name).write_text("torch\n")
    commands = []
    monkeypatch.setattr(env, "run", lambda command, what: commands.append(list(map(str, command))))
    env.make_torch()
    env.make_torch()
    assert len(commands) == 1
    assert commands[0][-4:] == ["-r", str(checkout / "torch.txt"), "-c", str(checkout / "lock.txt")]
    (checkout / "torch.txt").write_text("torch>=3\n")
    env.make_torch()
    assert len(commands) == 2


def test_the_papers_packages_are_bound_and_overridden_and_hloc_may_be_out_of_reach(checkout, monkeypatch, capsys):
    monkeypatch.setattr(env, "REQUIREMENTS", checkout)
    monkeypatch.setattr(env, "__file__", str(checkout / "torch.txt"))
    monkeypatch.setattr(env, "find_uv", lambda: Path("uv"))
    monkeypatch.delenv("HLOC", raising=False)
    packages = checkout / ".venv" / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    for name in ("torch", "paper", "lock", "paper-lock", "paper-overrides"):
        (checkout / f"{name}.txt").write_text("torch\n")
    commands = []

    def run(command, what):
        commands.append(list(map(str, command)))
        if "hloc" in what:
            raise env.SetupError("no network")

    monkeypatch.setattr(env, "run", run)
    env.make_paper()
    assert [Path(word).stem for word in commands[0][6:]] == [
        *("-r", "torch", "-r", "paper", "-c", "lock", "-c", "paper-lock", "--overrides", "paper-overrides")
    ]
    assert commands[1][-2:] == ["--no-deps", f"hloc @ {env.HLOC}"]
    assert "hloc cannot be had" in capsys.readouterr().out
    monkeypatch.setenv("HLOC", "/media/stick/hloc")
    env.make_paper()  # tries again, and that alone
    assert len(commands) == 3 and commands[2][-1] == "/media/stick/hloc"
    (packages / "hloc-1.5.dist-info").mkdir()
    env.make_paper()
    assert len(commands) == 3


def test_the_checksum_sees_names_contents_and_order(checkout):
    one, two = checkout / "one", checkout / "two"
    one.write_text("a")
    two.write_text("b")
    first = env.hash_of([one, two])
    assert env.hash_of([two, one]) == first
    assert env.hash_of([one, two], "more") != first
    two.write_text("c")
    assert env.hash_of([one, two]) != first
