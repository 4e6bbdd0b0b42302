import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from pad_ros.dataset.classes import list_classes, read_class, write_test_poses, write_transforms
from pad_ros.errors import DatasetError
from pad_ros.geometry import Camera, look_at
from pad_ros.images import read_cutout, write_image

CAMERA = Camera.from_horizontal_angle(0.7, 32, 24)
UP = np.array([0.0, 0.0, 1.0])


def grey(value, channels=3):
    return np.full((24, 32, channels), value, dtype=np.uint8)


def pose(index):
    return look_at(np.array([3.0, index + 1.0, 2.0]), np.zeros(3), UP)


@pytest.fixture
def mad_sim(tmp_path):
    """MAD-Sim as published: other file paths than the files have, none of our extras."""
    root = tmp_path / "01Gorilla"
    for index in range(3):
        write_image(root / "train" / "good" / f"{index}.png", grey(index))
    write_transforms(root / "transforms.json", CAMERA, [(f"./train/r_{i}", pose(i)) for i in range(3)])
    for name in ("0", "2", "10"):
        write_image(root / "test" / "good" / f"{name}.png", grey(9))
        write_image(root / "test" / "Stains" / f"{name}.png", grey(9))
        mask = np.zeros((24, 32), np.uint8)
        mask[3:5, 6:9] = 255
        write_image(root / "ground_truth" / "Stains" / f"{name}_mask.png", mask)
    return root


def test_reads_mad_sim_unchanged(mad_sim):
    data = read_class(mad_sim)
    assert [view.path.name for view in data.train] == ["0.png", "1.png", "2.png"]
    np.testing.assert_allclose(data.train[1].object_from_camera, pose(1), atol=1e-12)
    assert data.camera.fx == pytest.approx(CAMERA.fx)
    assert [view.path.name for view in data.test if view.anomalous] == ["0.png", "2.png", "10.png"]
    stained = data.test[0]
    assert stained.defect == "Stains" and stained.object_from_camera is None
    assert stained.read_ground_truth((24, 32)).sum() == 6
    assert not data.test[-1].read_ground_truth((24, 32)).any()


def test_our_extras_are_read_back(mad_sim):
    entry = {"file": "test/good/2.png", "part_id": "p7", "view_index": 4, "view_count": 9, "defect": "good"}
    write_test_poses(mad_sim / "test_poses.json", [{**entry, "object_from_camera": pose(5)}])
    view = next(v for v in read_class(mad_sim).test if v.path.parts[-2:] == ("good", "2.png"))
    assert (view.part_id, view.view_index, view.view_count) == ("p7", 4, 9)
    np.testing.assert_allclose(view.object_from_camera, pose(5), atol=1e-12)


def test_background_free_variants_are_found_where_there_are_any(mad_sim):
    write_image(mad_sim / "test_background_free" / "Stains" / "2.png", grey(255, 4))
    found = {view.path.relative_to(mad_sim).as_posix(): view.background_free_path for view in read_class(mad_sim).test}
    assert found.pop("test/Stains/2.png") == mad_sim / "test_background_free" / "Stains" / "2.png"
    assert set(found.values()) == {None}


def test_poses_are_written_whole_or_not_at_all(mad_sim, monkeypatch):
    before, write_text = (mad_sim / "transforms.json").read_text(), Path.write_text

    def killed(path, text, **how):
        write_text(path, text[:50], **how)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_text", killed)
    with pytest.raises(KeyboardInterrupt):
        write_transforms(mad_sim / "transforms.json", CAMERA, [("train/good/0.png", pose(0))])
    assert (mad_sim / "transforms.json").read_text() == before


def test_zero_padded_names(mad_sim):
    for index in range(3):
        source = mad_sim / "train" / "good" / f"{index}.png"
        source.rename(source.with_name(f"{index:03d}.png"))
    assert read_class(mad_sim).train[2].path.name == "002.png"


def test_alpha_of_a_cutout(tmp_path):
    rgba = grey(255, 4)
    rgba[:, :16, 3] = 0
    write_image(tmp_path / "a.png", rgba)
    image, alpha = read_cutout(tmp_path / "a.png")
    assert image.shape == (24, 32, 3)
    assert alpha is not None and alpha[:, :16].max() == 0 and alpha[:, 16:].min() == 1


def test_list_classes(mad_sim, tmp_path):
    assert list_classes(tmp_path) == [mad_sim] == list_classes(mad_sim)
    with pytest.raises(DatasetError, match=r"transforms\.json"):
        list_classes(mad_sim / "test")
    shutil.copytree(mad_sim, tmp_path / ".trash")
    assert list_classes(tmp_path) == [mad_sim]


def test_masks_of_any_format_are_found_and_hidden_files_are_not(mad_sim):
    folder = mad_sim / "ground_truth" / "Stains"
    (folder / "0_mask.png").rename(folder / "0_mask.PNG")
    (folder / "2_mask.png").rename(folder / "2.bmp")
    for hidden in ("ground_truth/Stains/._10_mask.png", "test/Stains/._0.png", "test/.Stains/0.png"):
        (mad_sim / hidden).parent.mkdir(exist_ok=True)
        (mad_sim / hidden).write_bytes(b"\0\5\x16\7")
    views = [view for view in read_class(mad_sim).test if view.anomalous]
    assert [view.mask_path.name for view in views] == ["0_mask.PNG", "2.bmp", "10_mask.png"]


def damaged(transforms, change):
    change(transforms)
    return transforms


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("frames"), "no frames"),
        (lambda t: t.update(frames=[]), "no frames"),
        (lambda t: t.pop("camera_angle_x"), "camera_angle_x"),
        (lambda t: t.update(camera_angle_x=float("nan")), "camera_angle_x"),
        (lambda t: t["frames"][1].pop("transform_matrix"), "frame 1: no transform_matrix"),
        (lambda t: t["frames"][1].update(transform_matrix=[[float("nan")] * 4] * 4), "frame 1.*rigid"),
        (lambda t: t["frames"][1].update(transform_matrix="up"), "frame 1.*rigid"),
        (lambda t: t["frames"].append(dict(t["frames"][0], file_path="gone")), "frame 3: no image"),
    ],
)
def test_broken_poses_name_the_frame(mad_sim, change, message):
    path = mad_sim / "transforms.json"
    path.write_text(json.dumps(damaged(json.loads(path.read_text()), change)))
    with pytest.raises(DatasetError, match=message):
        read_class(mad_sim)


def test_data_set_without_poses(mad_sim):
    (mad_sim / "transforms.json").unlink()
    with pytest.raises(DatasetError, match="missing"):
        read_class(mad_sim)


def test_truncated_poses(mad_sim):
    path = mad_sim / "transforms.json"
    path.write_text(path.read_text()[:100])
    with pytest.raises(DatasetError, match="unreadable"):
        read_class(mad_sim)


def test_anomalous_image_without_mask(mad_sim):
    (mad_sim / "ground_truth" / "Stains" / "2_mask.png").unlink()
    view = read_class(mad_sim).test[1]
    with pytest.raises(DatasetError, match="no ground-truth mask"):
        view.read_ground_truth((24, 32))
