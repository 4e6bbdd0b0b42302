"""Installs the part of pad_ros that needs no ROS: `pip install .` gives the library and the `pad` command.

The ROS package is built by CMakeLists.txt (`colcon build`).
"""

from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent


def requirements(group: str) -> list[str]:
    """The requirements of one group, without the reasons."""
    lines = (ROOT / "requirements" / f"{group}.txt").read_text().splitlines()
    return [stripped for line in lines if (stripped := line.partition("#")[0].strip())]


setup(
    name="pad_ros",
    version="0.1.0",
    description="Visual inspection of parts in unknown pose",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(include=["pad_ros", "pad_ros.*"]),
    package_data={"pad_ros": ["**/csrc/*", "**/*.css", "**/*.onnx", "**/*.npz"]},
    data_files=[
        ("share/pad_ros/config/profiles", sorted(str(p.relative_to(ROOT)) for p in ROOT.glob("config/profiles/*")))
    ],
    install_requires=requirements("core"),
    entry_points={"console_scripts": ["pad = pad_ros.cli:main"]},
)
