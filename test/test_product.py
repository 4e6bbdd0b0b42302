import dataclasses
import errno
import functools
import hashlib
import itertools
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from pad_ros.errors import ProductError
from pad_ros.lens import Lens
from pad_ros.product import Product
from pad_ros.splatting.compact import round_to_compact


@pytest.fixture
def folder(sample_product, tmp_path):
    """A copy to damage."""
    return shutil.copytree(sample_product, tmp_path / "product")


def test_save_and_load_give_the_same_product(product, tmp_path):
    saved = product.save(tmp_path / "copy")
    loaded = Product.load(tmp_path / "copy")
    assert loaded.checksum == saved.checksum
    assert (loaded.name, loaded.unit, loaded.camera, loaded.profile) == (
        product.name,
        product.unit,
        product.camera,
        product.profile,
    )
    assert loaded.calibration == product.calibration
    np.testing.assert_array_equal(loaded.gaussians.means, product.gaussians.means)
    np.testing.assert_array_equal(loaded.sfm_map.points, product.sfm_map.points)


def test_a_lens_is_stored_where_there_is_one(product, folder):
    """Products without keep their manifest, to the letter; those with are none for readers that know of no lens."""
    before = yaml.safe_load((folder / "product.yaml").read_text())
    product.save(folder)
    after = yaml.safe_load((folder / "product.yaml").read_text())
    assert after["schema_version"] == before["schema_version"] == 2
    assert list(after) == list(before) and after["camera"] == before["camera"]

    lens = Lens(product.camera, "plumb_bob", (-0.25, 0.1, 0.0, 0.0, 0.0))
    dataclasses.replace(product, lens=lens).save(folder)
    manifest = yaml.safe_load((folder / "product.yaml").read_text())
    assert manifest["schema_version"] == 3
    assert manifest["lens"] == {"model": "plumb_bob", "coefficients": [-0.25, 0.1, 0.0, 0.0, 0.0]}
    assert (Product.load(folder).lens, Product.load(folder).camera) == (lens, product.camera)


def test_splats_are_stored_as_they_are_compact_where_that_loses_nothing(product, tmp_path):
    rounded = dataclasses.replace(product, gaussians=round_to_compact(product.gaussians))
    finer = dataclasses.replace(product.gaussians, means=product.gaussians.means * np.float32(1.000001))
    exact = dataclasses.replace(product, gaussians=finer)
    for saved, file, other in ((exact, "splats.ply", "splats.npz"), (rounded, "splats.npz", "splats.ply")):
        saved.save(tmp_path / "product")  # the second replaces the first
        assert (tmp_path / "product" / file).is_file() and not (tmp_path / "product" / other).exists()
        loaded = Product.load(tmp_path / "product").gaussians
        for name in ("means", "quats", "log_scales", "logit_opacities", "sh"):
            np.testing.assert_array_equal(getattr(loaded, name), getattr(saved.gaussians, name))


def test_compact_splats_are_checked_like_the_other_files(product, tmp_path):
    dataclasses.replace(product, gaussians=round_to_compact(product.gaussians)).save(tmp_path)
    (tmp_path / "splats.npz").write_bytes((tmp_path / "splats.npz").read_bytes()[:-9])
    with pytest.raises(ProductError, match=r"splats\.npz.*truncated"):
        Product.load(tmp_path)


def test_products_of_the_first_version_still_load(folder, product):
    path = folder / "product.yaml"
    manifest = yaml.safe_load(path.read_text())
    manifest["schema_version"] = 1
    files = manifest["files"]
    if "splats.npz" in files:
        (folder / "splats.npz").unlink()
        product.gaussians.save_ply(folder / "splats.ply")
        data = (folder / "splats.ply").read_bytes()
        del files["splats.npz"]
        files["splats.ply"] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    path.write_text(yaml.safe_dump(manifest))
    np.testing.assert_array_equal(Product.load(folder).gaussians.means, product.gaussians.means)


def test_the_preview_survives_a_new_calibration(product, folder):
    before = (folder / "preview.png").read_bytes()
    product.save(folder)
    assert (folder / "preview.png").read_bytes() == before
    Product.load(folder)


def test_no_product(tmp_path):
    with pytest.raises(ProductError, match="pad train"):
        Product.load(tmp_path)


@pytest.mark.parametrize("name", ["splats", "map.npz", "calibration.yaml"])
def test_truncated_missing_and_altered_files_are_named(folder, name):
    name = next(path.name for path in folder.iterdir() if path.name.startswith(name))
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data[: len(data) // 2])
    with pytest.raises(ProductError, match=f"{name}.*truncated"):
        Product.load(folder)
    altered = bytearray(data)
    altered[len(data) // 2] ^= 1
    (folder / name).write_bytes(bytes(altered))
    with pytest.raises(ProductError, match=f"{name}.*checksum"):
        Product.load(folder)
    (folder / name).unlink()
    with pytest.raises(ProductError, match=f"{name}.*missing"):
        Product.load(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.update(schema_version=99), "schema version 99"),
        (lambda m: m.pop("camera"), "camera"),
        (lambda m: m["camera"].update(fx=-1.0), "intrinsics"),
        (lambda m: m.update(lens={"model": "thin_prism", "coefficients": []}), "no lens model 'thin_prism'"),
        (lambda m: m.update(lens={"model": "equidistant", "coefficients": [0.1]}), "4 finite coefficients"),
        (lambda m: m.update(lens={"distortion": [0.1]}), "distortion"),
        (lambda m: m.update(lens=[0.1]), "altered"),
        (lambda m: m.pop("files"), "files"),
        (lambda m: m["profile"].pop("anomaly"), "anomaly"),
    ],
)
def test_incomplete_manifests_say_what_is_wrong(folder, change, message):
    path = folder / "product.yaml"
    manifest = yaml.safe_load(path.read_text())
    change(manifest)
    path.write_text(yaml.safe_dump(manifest))
    with pytest.raises(ProductError, match=message):
        Product.load(folder)


@pytest.mark.parametrize("content", ["", "name: [", "just words", "\x00\x01"])
def test_a_manifest_that_is_no_manifest(folder, content):
    (folder / "product.yaml").write_text(content)
    with pytest.raises(ProductError, match=r"product\.yaml"):
        Product.load(folder)


@pytest.mark.parametrize("lasting", [True, False], ids=["full", "one failure"])
def test_a_disk_that_fills_up_leaves_the_product_as_it_was(folder, product, monkeypatch, lasting):
    """Whichever call it is that fails, among them those that give the new files their names."""
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    changed = dataclasses.replace(product, calibration=dataclasses.replace(product.calibration, threshold=9.0))
    for room in itertools.count():  # so many calls go well
        with monkeypatch.context() as patch:
            calls = iter([True] * room + [False] * (1 if not lasting else 10**6))
            for name in ("mkdir", "open", "write_bytes", "write_text", *(() if lasting else ("replace",))):
                patch.setattr(Path, name, functools.partialmethod(_while_there_is_room, calls, getattr(Path, name)))
            try:
                changed.save(folder, preview=np.zeros((4, 4, 3), np.uint8))
                break
            except ProductError as error:
                assert "cannot be written there (No space left on device)" in str(error)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before, room
        assert Product.load(folder).calibration == product.calibration
    assert room > 5
    assert Product.load(folder).calibration.threshold == 9.0
    assert {path.name for path in folder.iterdir()} == set(before)


def test_a_new_calibration_leaves_the_other_files_alone(folder, product):
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    dataclasses.replace(product, calibration=dataclasses.replace(product.calibration, threshold=9.0)).save(folder)
    after = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert {name for name in before if after[name] != before[name]} == {"calibration.yaml", "product.yaml"}


def _while_there_is_room(path, calls, original, *arguments, **keywords):
    if not next(calls, True):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return original(path, *arguments, **keywords)


def test_a_place_where_nothing_can_be_written_is_said(product, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ProductError, match=r"file/product: the product cannot be written there \(Not a directory\)"):
        product.save(tmp_path / "file" / "product")
