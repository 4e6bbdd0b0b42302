"""Installs the part of pad_ros that needs no ROS: `pip install .` gives the library, the `pad` command and the sample.

The ROS package is built by CMakeLists.txt (`colcon build`).
"""

from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent


def requirements(group: str) -> list[str]:
    """The requirements of one group, without the reasons."""
    lines = (ROOT / "requirements" / f"{group}.txt").read_text().splitlines()
    return [stripped for line in lines if (stripped := line.partition("#")[0].strip())]


def shared_files() -> list[tuple[str, list[str]]]:
    """What `pad_ros.common.resources.share_folder` promises: each folder of `share/pad_ros` with its files."""
    folders: dict[str, list[str]] = {}
    for top in ("config", "launch", "msg", "sample", "srv"):
        for path in sorted((ROOT / top).rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                file = path.relative_to(ROOT)
                folders.setdefault(f"share/pad_ros/{file.parent}", []).append(str(file))
    return list(folders.items())


setup(
    name="pad_ros",
    version="0.1.0",
    description="Visual inspection of parts in unknown pose",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(include=["pad_ros", "pad_ros.*"]),
    package_data={"pad_ros": ["**/csrc/*", "**/*.css", "**/*.yaml", "**/static/*", "**/*.onnx", "**/*.npz"]},
    data_files=shared_files(),
    install_requires=requirements("core"),
    entry_points={"console_scripts": ["pad = pad_ros.cli:main"]},
)
