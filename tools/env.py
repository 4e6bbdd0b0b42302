"""Prepares the environments of the checkout: `env.py env` makes .venv, `env.py blender` makes .venv-blender.

`env.py torch`, `paper` and `cluster` add to .venv. Needs Python and, for .venv, a C++ compiler; uses the standard
library only. Every step is skipped when its inputs have not changed since the last time, so calling it again costs a
fraction of a second.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
REQUIREMENTS = ROOT / "requirements"
PYTHONS = ("3.12", "3.11", "3.13", "3.10")  # that the ROS wheels exist for, the best tested first
BLENDER_PYTHONS = ("3.11", "3.13")  # that bpy's wheels exist for
# NetVLAD's code, which no package index has; what it needs is installed already. $HLOC names another source.
HLOC = "https://github.com/cvg/Hierarchical-Localization/archive/c13273bd0ecc2917a35910fd843712a1c6243193.zip"
# Variables of another ROS installation or virtual environment that would leak into this one.
FOREIGN = (
    *("PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "AMENT_PREFIX_PATH", "CMAKE_PREFIX_PATH", "COLCON_PREFIX_PATH"),
    *("RMW_IMPLEMENTATION", "ROS_DISTRO", "_ROS_WHEELS_BOOTSTRAP_COMPLETE"),
)
PROBE = """
import os, sys, sysconfig
print("%d.%d" % sys.version_info[:2], os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))
"""


class SetupError(Exception):
    """The environment cannot be made; the message is one line that says what to do."""


def say(text: str) -> None:
    """Tells the user what happens now."""
    print(f"[env] {text}", flush=True)


def run(command: list[str | Path], what: str, env: dict[str, str] | None = None) -> None:
    """Runs a command quietly; its output goes to build/env.log and its end is shown when it fails.

    Raises:
        SetupError: the command failed.
    """
    started = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    with (BUILD / "env.log").open("a") as log:
        log.write(f"$ {' '.join(map(str, command))}\n{done.stdout}\n")
    if done.returncode:
        print("\n".join(done.stdout.splitlines()[-15:]), file=sys.stderr)
        raise SetupError(f"{what} failed (exit {done.returncode}); the whole output is in {BUILD / 'env.log'}")
    say(f"{what}: {time.monotonic() - started:.1f} s")


def output_of(command: list[str | Path]) -> str | None:
    """What a command prints, or None when it cannot be run or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def find_uv() -> Path | None:
    """Uv from the path or from .venv-uv, if it is there and runs."""
    for candidate in (shutil.which("uv"), ROOT / ".venv-uv" / "bin" / "uv"):
        if candidate and output_of([candidate, "--version"]):
            return Path(candidate)
    return None


def has_module(*names: str) -> bool:
    """Whether this Python can import the modules (Debian splits some off)."""
    return all(importlib.util.find_spec(name) for name in names)


def check_machine(compiler: bool) -> None:
    """Checks what cannot be installed without root, all at once.

    Raises:
        SetupError: something is missing; names the Debian packages.
    """
    missing = []
    if compiler and not any(shutil.which(name) for name in (os.environ.get("CXX", "c++"), "g++", "clang++")):
        missing.append("build-essential")
    if not (find_uv() or has_module("ensurepip", "venv") or has_module("pip")):
        missing.append("python3-venv")
        if compiler and not Path(sysconfig.get_path("include"), "Python.h").exists():
            missing.append("python3-dev")
    if missing:
        raise SetupError(f"missing on this machine; do: sudo apt install {' '.join(missing)}")


def install_uv() -> Path:
    """Installs uv into .venv-uv.

    Raises:
        SetupError: the installation failed.
    """
    private = ROOT / ".venv-uv"
    shutil.rmtree(private, ignore_errors=True)
    if has_module("ensurepip", "venv"):
        run([sys.executable, "-m", "venv", private], "making .venv-uv")
        run([private / "bin" / "python", "-m", "pip", "install", "-q", "uv"], "installing uv")
    else:
        run([sys.executable, "-m", "pip", "install", "-q", "--target", private, "uv"], "installing uv")
    return private / "bin" / "uv"


def probe(python: str | Path) -> tuple[str, bool] | None:
    """Version (`3.11`) of an interpreter and whether its C headers are there; None when it does not run."""
    words = (output_of([python, "-c", PROBE]) or "").split()
    return (words[0], words[1] == "True") if len(words) == 2 else None


def make_venv(uv: Path, venv: Path, versions: tuple[str, ...], needs_headers: bool) -> None:
    """Makes a virtual environment unless a usable one is there.

    Takes $PYTHON, this Python or one on the path; else a Python that uv downloads.

    Raises:
        SetupError: no usable Python, on this machine or to be downloaded.
    """
    current = probe(venv / "bin" / "python")
    if current and current[0] in versions:
        return
    if asked := os.environ.get("PYTHON"):
        candidates = [asked]
    else:
        candidates = [sys.executable, *(found for v in versions if (found := shutil.which(f"python{v}")))]
    without_headers = None
    for python in candidates:
        version, has_headers = probe(python) or ("", False)
        if version not in versions:
            continue
        if has_headers or not needs_headers:
            run([uv, "venv", "-q", "--clear", "--python", python, venv], f"making {venv.name} with Python {version}")
            return
        without_headers = python
    if asked:
        raise SetupError(f"PYTHON={asked} is not one of {', '.join(versions)} with its C headers (pythonX.Y-dev)")
    try:
        command: list[str | Path] = [uv, "venv", "-q", "--clear", "--managed-python", "--python", versions[0], venv]
        run(command, f"making {venv.name} with a downloaded Python {versions[0]}")
    except SetupError:
        if without_headers:
            raise SetupError(f"{without_headers} has no C headers; do: sudo apt install python3-dev") from None
        raise SetupError(f"no Python {' or '.join(versions)} found; install one, or name it: make PYTHON=…") from None


def hash_of(paths: list[Path], *more: str) -> str:
    """One checksum of files' names and contents, and of further strings."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    for text in more:
        digest.update(f"\0{text}".encode())
    return digest.hexdigest()


def relocate_ros_wheels(venv: Path) -> None:
    """Replaces the build machine's Python and NumPy include folders in the ROS wheels' CMake files by this venv's."""
    code = "import numpy, sysconfig; print(sysconfig.get_path('include'), numpy.get_include(), sep='\\n')"
    include, numpy_include = (output_of([venv / "bin" / "python", "-c", code]) or "\n").splitlines()
    built = r"/opt/python/cp\d+-cp\d+"
    for path in venv.glob("share/*/cmake/*.cmake"):
        text = path.read_text()
        new = re.sub(built + r"/lib/python3\.\d+/site-packages/numpy/_core/include", numpy_include, text)
        new = re.sub(built + r"/include/python3\.\d+", include, new)
        if new != text:  # written beside and renamed: the file may be a hard link into uv's cache
            copy = path.with_suffix(".new")
            copy.write_text(new)
            copy.replace(path)


def build_package(venv: Path) -> None:
    """Builds the messages and the rasterizer with colcon and installs them into the venv.

    The venv is the ROS wheels' prefix too, and they set LD_LIBRARY_PATH to its lib folder: installed there, the
    messages need nothing sourced. The checkout goes on sys.path before the installed half, so its modules are live.
    """
    command: list[str | Path] = [venv / "bin" / "colcon", "--log-base", BUILD / "log", "build"]
    command += ["--base-paths", ROOT, "--build-base", BUILD, "--install-base", venv, "--merge-install"]
    command += ["--symlink-install", "--event-handlers", "console_direct+", "--cmake-args", "-G", "Ninja"]
    command += ["-DCMAKE_BUILD_TYPE=Release", "-DBUILD_TESTING=OFF", f"-DPython3_EXECUTABLE={venv}/bin/python"]
    env = dict(AMENT_PREFIX_PATH=str(venv), CMAKE_PREFIX_PATH=str(venv), PATH=f"{venv}/bin:{os.environ['PATH']}")
    run(command, "building the messages and the rasterizer", {**os.environ, **env})
    (site_packages,) = venv.glob("lib/python3.*/site-packages")
    (site_packages / "pad_ros.pth").write_text(
        "import os, sys; os.environ.setdefault('AMENT_PREFIX_PATH', sys.prefix); "
        f"{str(ROOT)!r} in sys.path or sys.path.insert(len(sys.path) - 1, {str(ROOT)!r})\n"
    )


def make_env() -> None:
    """Makes .venv: ROS 2 and Python packages, the messages, the rasterizer and `pad`.

    Raises:
        SetupError: something is missing, or a step failed.
    """
    venv = ROOT / ".venv"
    stamp = venv / "pad_ros.json"
    requirements = [REQUIREMENTS / f"{group}.txt" for group in ("core", "ros", "build", "dev", "lock")]
    sources = [ROOT / "package.xml", ROOT / "CMakeLists.txt", ROOT / "tools" / "executable.py.in"]
    sources += [*ROOT.glob("msg/*"), *ROOT.glob("srv/*"), *ROOT.glob("pad_ros/*/csrc/*")]
    shared = " ".join(
        sorted(str(path) for folder in ("config", "launch", "sample") for path in (ROOT / folder).rglob("*"))
    )
    wanted = {"packages": hash_of([*requirements, Path(__file__)], str(ROOT)), "build": hash_of(sources, shared)}
    done = json.loads(stamp.read_text()) if stamp.exists() and probe(venv / "bin" / "python") else {}
    if done == wanted:
        return say("environment is up to date")
    check_machine(compiler=True)
    stamp.unlink(missing_ok=True)
    if done.get("packages") != wanted["packages"]:
        uv = find_uv() or install_uv()
        make_venv(uv, venv, PYTHONS, needs_headers=True)
        install: list[str | Path] = [uv, "pip", "install", "-q", "--python", venv / "bin" / "python"]
        for path in requirements:
            install += ["-c" if path.stem == "lock" else "-r", path]
        run(install, "installing ROS 2 and the Python packages")
        relocate_ros_wheels(venv)
        shutil.rmtree(BUILD / "pad_ros", ignore_errors=True)  # configured for the packages of before
    build_package(venv)
    run([venv / "bin" / "python", "-c", "import rclpy, pad_ros.msg as m; m.AnomalyResult()"], "checking the messages")
    stamp.write_text(json.dumps(wanted))
    say("environment is ready in .venv")


def make_torch() -> None:
    """Adds PyTorch and gsplat to .venv, for splats as differentiable functions and for training on CUDA.

    Raises:
        SetupError: a step failed.
    """
    _add("PyTorch and gsplat (4.5 GB)", "torch")


def make_paper() -> None:
    """Adds what the networks of the paper run on to .venv, PyTorch included; all but hloc where that is out of reach.

    Raises:
        SetupError: a step failed.
    """
    _add("PyTorch and the networks' libraries (4.9 GB)", "torch", "paper")
    venv, source = ROOT / ".venv", os.environ.get("HLOC") or HLOC
    if list(venv.glob("lib/python3.*/site-packages/hloc-*.dist-info")):
        return say("hloc: up to date")
    install: list[str | Path] = [find_uv() or install_uv(), "pip", "install", "-q", "--python", venv / "bin" / "python"]
    try:
        run([*install, "--no-deps", f"hloc @ {source}" if "://" in source else source], "installing hloc")
    except SetupError:
        say(f"hloc cannot be had from {source}: retrieval 'netvlad' will not run, the rest will;")
        say("carry its repository over and say `HLOC=FOLDER make paper`, or take retrieval 'votes'")


def make_cluster() -> None:
    """Adds Dask and Ray to .venv, for the jobs of `pad evaluate` on a cluster.

    Raises:
        SetupError: a step failed.
    """
    _add("Dask and Ray (300 MB)", "cluster")


def make_postgres() -> None:
    """Adds the driver for PostgreSQL to .venv.

    Raises:
        SetupError: a step failed.
    """
    _add("the driver for PostgreSQL", "postgres")


def _add(what: str, *groups: str) -> None:
    """Installs further groups of requirements into .venv, bound to the lock's versions."""
    venv = ROOT / ".venv"
    stamp = venv / f"{groups[-1]}.json"
    files = [REQUIREMENTS / f"{group}.txt" for group in groups]
    bounds = [path for path in (REQUIREMENTS / "lock.txt", REQUIREMENTS / f"{groups[-1]}-lock.txt") if path.is_file()]
    overrides = REQUIREMENTS / f"{groups[-1]}-overrides.txt"
    given = [*files, *bounds, *([overrides] if overrides.is_file() else [])]
    wanted = {"packages": hash_of([*given, Path(__file__)], str(ROOT))}
    if stamp.exists() and json.loads(stamp.read_text()) == wanted:
        return say(f"{what}: up to date")
    install: list[str | Path] = [find_uv() or install_uv(), "pip", "install", "-q", "--python", venv / "bin" / "python"]
    for file in files:
        install += ["-r", file]
    for bound in bounds:
        install += ["-c", bound]
    run([*install, *(["--overrides", overrides] if overrides in given else [])], f"installing {what}")
    stamp.write_text(json.dumps(wanted))
    say(f"{what}: ready in .venv")


def make_blender() -> None:
    """Makes .venv-blender: Blender as a Python module, for `pad synth`.

    Raises:
        SetupError: no usable Python, or a step failed.
    """
    venv = ROOT / ".venv-blender"
    stamp = venv / "pad_ros.json"
    wanted = {"packages": hash_of([REQUIREMENTS / "blender.txt", Path(__file__)], str(ROOT))}
    if stamp.exists() and json.loads(stamp.read_text()) == wanted and probe(venv / "bin" / "python"):
        return say("Blender is up to date")
    check_machine(compiler=False)
    uv = find_uv() or install_uv()
    make_venv(uv, venv, BLENDER_PYTHONS, needs_headers=False)
    install: list[str | Path] = [uv, "pip", "install", "-q", "--python", venv / "bin" / "python"]
    run([*install, "-r", REQUIREMENTS / "blender.txt"], "installing Blender (350 MB)")
    if output_of([venv / "bin" / "python", "-c", "import bpy"]) is None:
        libraries = "libgl1 libice6 libsm6 libxfixes3 libxi6 libxkbcommon0 libxrender1 libxxf86vm1"
        raise SetupError(f"Blender does not start; it may lack libraries: sudo apt install {libraries}")
    stamp.write_text(json.dumps(wanted))
    say("Blender is ready in .venv-blender")


def main() -> int:
    """Makes the environment named on the command line; one clear line when it cannot."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    makers = {
        "env": make_env,
        "torch": make_torch,
        "paper": make_paper,
        "cluster": make_cluster,
        "postgres": make_postgres,
        "blender": make_blender,
    }
    parser.add_argument("what", choices=makers)
    what = parser.parse_args().what
    for name in FOREIGN:
        os.environ.pop(name, None)
    BUILD.mkdir(exist_ok=True)
    with (BUILD / "env.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two makes at once: the second waits, then finds everything done
        try:
            makers[what]()
        except SetupError as error:
            print(f"[env] error: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
