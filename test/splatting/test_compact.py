import dataclasses

import numpy as np
import pytest
from splat_scenes import CAMERA, POSE, psnr, random_gaussians

from pad_ros.errors import ProductError
from pad_ros.splatting.compact import is_compact, load_compact, round_to_compact, save_compact
from pad_ros.splatting.cpu import CpuRasterizer
from pad_ros.splatting.gaussians import Gaussians


def same(a, b):
    return all(np.array_equal(getattr(a, f.name), getattr(b, f.name)) for f in dataclasses.fields(Gaussians))


@pytest.mark.parametrize("degree", [0, 1, 3])
def test_a_picture_of_the_rounded_splats_is_the_same(degree):
    gaussians = random_gaussians(300, degree, seed=degree)
    rasterizer = CpuRasterizer(threads=1)
    pictures = [rasterizer.render(g, CAMERA, POSE) for g in (gaussians, round_to_compact(gaussians))]
    assert psnr(pictures[0].color, pictures[1].color) > 55.0
    assert psnr(pictures[0].transmittance, pictures[1].transmittance) > 55.0


@pytest.mark.parametrize("degree", [0, 2])
def test_rounding_happens_once(tmp_path, degree):
    gaussians = random_gaussians(200, degree, seed=4)
    save_compact(gaussians, tmp_path / "a.npz")
    first = load_compact(tmp_path / "a.npz")
    save_compact(first, tmp_path / "b.npz")
    assert same(first, round_to_compact(gaussians)) and same(first, load_compact(tmp_path / "b.npz"))
    assert is_compact(first) and not is_compact(gaussians)


def test_it_is_at_most_half_as_large_as_a_ply(tmp_path, product):
    save_compact(product.gaussians, tmp_path / "a.npz")
    product.gaussians.save_ply(tmp_path / "a.ply")
    assert (tmp_path / "a.npz").stat().st_size < 0.5 * (tmp_path / "a.ply").stat().st_size


def test_one_and_no_gaussians(tmp_path):
    one = random_gaussians(1, 1, seed=0)
    assert same(round_to_compact(one), one)  # a range of one value loses nothing
    save_compact(one.select(np.zeros(0, int)), tmp_path / "none.npz")
    assert len(load_compact(tmp_path / "none.npz")) == 0


def test_broken_files_are_named(tmp_path):
    path = tmp_path / "splats.npz"
    with pytest.raises(ProductError, match=r"splats\.npz.*missing"):
        load_compact(path)
    save_compact(random_gaussians(50, 1, seed=0), path)
    good = path.read_bytes()
    for data in (good[:-50], b"", b"PK", b"ply\n"):
        path.write_bytes(data)
        with pytest.raises(ProductError, match=r"splats\.npz"):
            load_compact(path)
    np.savez(path, weights=np.ones(3))
    with pytest.raises(ProductError, match="not a file of compact splats, no version"):
        load_compact(path)
    path.write_bytes(good)
    with np.load(path) as file:
        arrays = dict(file)
    for change, message in (
        ({"version": np.array(9)}, "version 9"),
        ({"means": arrays["means"][:-1]}, r"splats\.npz.*shape"),
        ({"quats_range": arrays["quats_range"][:1]}, "altered"),
        ({"quats_range": np.full_like(arrays["quats_range"], np.nan)}, "NaN or infinite quats"),
    ):
        np.savez(path, **{**arrays, **change})
        with pytest.raises(ProductError, match=message):
            load_compact(path)
