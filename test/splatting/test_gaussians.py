import numpy as np
import pytest
from splat_scenes import random_gaussians

from pad_ros.errors import ProductError
from pad_ros.splatting.gaussians import Gaussians

PARAMETERS = ("means", "quats", "log_scales", "logit_opacities", "sh")


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_ply_round_trip(tmp_path, degree):
    gaussians = random_gaussians(17, degree, seed=degree)
    gaussians.save_ply(tmp_path / "splats.ply")
    loaded = Gaussians.load_ply(tmp_path / "splats.ply")
    assert (len(loaded), loaded.sh_degree) == (17, degree)
    for name in PARAMETERS:
        np.testing.assert_array_equal(getattr(loaded, name), getattr(gaussians, name))


def test_ply_layout_is_that_of_3dgs(tmp_path):
    gaussians = random_gaussians(3, 1, seed=0)
    gaussians.save_ply(tmp_path / "splats.ply")
    header, body = (tmp_path / "splats.ply").read_bytes().split(b"end_header\n")
    names = [line.split()[-1] for line in header.decode().splitlines() if line.startswith("property float")]
    assert names[:10] == ["x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2", "f_rest_0"]
    assert names[18:] == ["opacity", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"]
    table = np.frombuffer(body, "<f4").reshape(3, len(names))
    # Channel by channel: the three first-degree coefficients of red come first.
    np.testing.assert_array_equal(table[:, 9:12], gaussians.sh[:, 1:, 0])
    np.testing.assert_array_equal(table[:, 15:18], gaussians.sh[:, 1:, 2])


def test_properties_in_another_order_and_unknown_ones(tmp_path):
    path = tmp_path / "splats.ply"
    random_gaussians(4, 0, seed=1).save_ply(path)
    header, body = path.read_bytes().split(b"end_header\n")
    lines = header.decode().splitlines()
    table = np.frombuffer(body, "<f4").reshape(4, -1)
    reordered = [*lines[:3], "property float confidence", *lines[:2:-1], "end_header", ""]
    extended = np.concatenate([np.ones((4, 1), np.float32), table[:, ::-1]], axis=1)
    path.write_bytes("\n".join(reordered).encode() + extended.tobytes())
    np.testing.assert_array_equal(Gaussians.load_ply(path).quats, random_gaussians(4, 0, seed=1).quats)


def broken(data: bytes, kind: str) -> bytes:
    if kind == "truncated":
        return data[:-5]
    if kind == "header only":
        return data[:60]
    if kind == "empty":
        return b""
    if kind == "no opacity":
        return data.replace(b"float opacity", b"float opacitx")
    if kind == "ascii":
        return data.replace(b"binary_little_endian", b"ascii")
    if kind == "lists":
        return data.replace(b"property float nx", b"property list uchar int nx")
    if kind == "count":
        return data.replace(b"vertex 6", b"vertex -6")
    if kind == "nan":
        return data[:-4] + np.float32(np.nan).tobytes()
    raise AssertionError(kind)


@pytest.mark.parametrize("kind", ["truncated", "header only", "empty", "no opacity", "ascii", "lists", "count", "nan"])
def test_broken_files_are_named(tmp_path, kind):
    path = tmp_path / "splats.ply"
    random_gaussians(6, 1, seed=2).save_ply(path)
    path.write_bytes(broken(path.read_bytes(), kind))
    with pytest.raises(ProductError, match=r"splats\.ply"):
        Gaussians.load_ply(path)


def test_missing_file(tmp_path):
    with pytest.raises(ProductError, match="cannot be read"):
        Gaussians.load_ply(tmp_path / "none.ply")


def test_arrays_that_do_not_fit_are_refused():
    g = random_gaussians(5, 0, seed=3)
    with pytest.raises(ProductError, match="quats"):
        Gaussians(g.means, g.quats[:4], g.log_scales, g.logit_opacities, g.sh)
    with pytest.raises(ProductError, match="coefficients"):
        Gaussians(g.means, g.quats, g.log_scales, g.logit_opacities, np.zeros((5, 2, 3)))
