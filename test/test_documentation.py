"""What the documentation shows works as it is written."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import pad_ros
from pad_ros.anomaly import backbone
from pad_ros.background import segmentation
from pad_ros.conveyor import plc
from pad_ros.conveyor.decision import Decision
from pad_ros.inspector import Inspector
from pad_ros.profiles import load_profile
from pad_ros.results import Status

ROOT = Path(pad_ros.__file__).resolve().parent.parent
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()


@pytest.fixture
def example(tmp_path, monkeypatch):
    """Puts an example's file on the path and its line into the table; returns the name for a profile."""

    def add(table, name):
        ((module, kind),) = re.findall(rf'"{name}": "pad_ros\.([\w.]+):(\w+)"', ARCHITECTURE)
        (code,) = re.findall(rf"```python\n(class {kind}:.*?)```", ARCHITECTURE, re.DOTALL)
        assert f"`pad_ros/{module.replace('.', '/')}.py`" in ARCHITECTURE
        (tmp_path / f"example_{name}.py").write_text(code)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setitem(table, name, f"example_{name}:{kind}")
        return {"name": name}

    return add


def with_stage(product, group, part, settings):
    profile = {**product.profile, group: {**product.profile[group], part: settings}}
    return replace(product, profile=profile, provenance={})


def test_a_segmenter_is_added_as_documented(example, product, sample_images):
    settings = example(segmentation.IMPLEMENTATIONS, "silhouette")
    inspection = Inspector(with_stage(product, "background", "segmentation", settings)).inspect(sample_images[0][2])
    assert inspection.status == Status.OK
    np.testing.assert_array_equal(inspection.background.object_mask, inspection.reference.mask)


def test_a_backbone_is_added_as_documented(example, product, sample_images):
    settings = example(backbone.IMPLEMENTATIONS, "pixels")
    changed = with_stage(product, "anomaly", "backbone", settings)
    with_features = with_stage(changed, "anomaly", "comparison", load_profile("fast")["anomaly"]["comparison"])
    inspection = Inspector(with_features).inspect(sample_images[9][2])
    assert inspection.status == Status.OK and inspection.score > 0


def test_a_plc_driver_is_added_as_documented(example, capsys):
    driver = plc.create_plc(example(plc.IMPLEMENTATIONS, "siren"))
    for reject, said in ((True, "\a"), (False, "")):
        driver.send(Decision("part", reject, "", 1.0, 1, 0.0, 0.0))
        assert capsys.readouterr().out == said
    driver.close()


def test_the_picture_of_the_architecture_is_drawn_from_todays_imports():
    pytest.importorskip("grimp")
    tool = [sys.executable, str(ROOT / "tools" / "draw_architecture.py"), "--check"]
    done = subprocess.run(tool, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "path", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda path: path.name
)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#\s]+)", path.read_text()):
        if "://" not in target:
            assert (path.parent / target).exists(), target
