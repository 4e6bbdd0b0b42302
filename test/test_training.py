import dataclasses
import json
import math
import shutil
import sys
from dataclasses import replace

import numpy as np
import pytest
import yaml

from pad_ros.augmentation import line_image
from pad_ros.cli import main
from pad_ros.dataset.classes import read_class, write_transforms
from pad_ros.dataset.cutouts import read_cutouts
from pad_ros.errors import BuildError, ConfigError, DatasetError, TrainingError, WeightsError
from pad_ros.geometry import pose_error
from pad_ros.images import read_cutout, to_uint8, write_image
from pad_ros.inspector import Inspector
from pad_ros.lens import Lens, Undistorter
from pad_ros.product import Product
from pad_ros.profiles import load_profile
from pad_ros.results import Status
from pad_ros.splatting import checkpoint
from pad_ros.splatting.compact import is_compact
from pad_ros.splatting.rasterize import create_rasterizer
from pad_ros.splatting.settings import PRESETS, describe_settings
from pad_ros.training import HOLDOUT_EVERY, IMAGES_PER_VIEW, on_the_line, train_product

QUICK = {"iterations": 600, "max_gaussians": 8000, "initial_gaussians": 3000}


@pytest.fixture(scope="module")
def small_class(product, tmp_path_factory):
    """Photos of the sample's twin, from where its own photos were taken, at 240×240."""
    root = tmp_path_factory.mktemp("data") / "car"
    camera = product.camera.scaled(0.6)
    rasterizer = create_rasterizer({"name": "cpu"})
    poses = list(product.sfm_map.view_poses)
    for index, pose in enumerate(poses):
        rendering = rasterizer.render(product.gaussians, camera, pose)
        rgba = np.dstack([rendering.color, 1.0 - rendering.transmittance])
        write_image(root / "train" / "good" / f"{index}.png", np.rint(np.clip(rgba, 0, 1) * 255).astype(np.uint8))
    write_transforms(root / "transforms.json", camera, [(f"train/good/{i}.png", p) for i, p in enumerate(poses)])
    (root / "dataset.yaml").write_text(yaml.safe_dump({"unit": "m"}))
    return root


@pytest.fixture(scope="module")
def real_camera(product):
    """A camera of today: off-centre, with a lens that bends."""
    ideal = product.camera.scaled(0.6)
    return Lens(replace(ideal, cx=124.0, cy=118.0), "plumb_bob", (-0.25, 0.05, 0.002, -0.003, 0.0))


@pytest.fixture(scope="module")
def distorted_class(product, real_camera, tmp_path_factory):
    """The same photos, taken by that camera; what its lens sees beyond the ideal picture is white."""
    root = tmp_path_factory.mktemp("distorted") / "car"
    rasterizer, undistorter = create_rasterizer({"name": "cpu"}), Undistorter(real_camera)
    poses = list(product.sfm_map.view_poses)
    for index, pose in enumerate(poses):
        rendering = rasterizer.render(product.gaussians, real_camera.camera, pose)
        color = undistorter.distort(to_uint8(255.0 * rendering.color), 255)
        alpha = undistorter.distort(1.0 - rendering.transmittance)
        write_image(root / "images" / f"{index}.png", np.dstack([color, to_uint8(255.0 * alpha)]))
    write_transforms(root / "transforms.json", real_camera, [(f"images/{i}.png", p) for i, p in enumerate(poses)])
    return root


@pytest.fixture(scope="module")
def quick_profile(tmp_path_factory):
    profile = load_profile("cpu")
    profile["name"] = "quick"
    profile["splatting"]["trainer"] = {"preset": "fast", **QUICK}
    path = tmp_path_factory.mktemp("profile") / "quick.yaml"
    path.write_text(yaml.safe_dump(profile))
    return path


@pytest.mark.slow
def test_pad_train_makes_a_product_that_inspects(small_class, quick_profile, tmp_path, capsys):
    folder = tmp_path / "product"
    assert main(["train", str(small_class), "-o", str(folder), "--profile", str(quick_profile)]) == 0
    trained = Product.load(folder)
    assert (trained.name, trained.unit) == ("car", "m")
    trainer = trained.profile["splatting"]["trainer"]  # every setting, whatever the preset comes to mean
    assert trainer == describe_settings(dataclasses.replace(PRESETS["fast"], **QUICK))
    assert (folder / "splats.npz").is_file() and is_compact(trained.gaussians)
    held_out = trained.provenance["views"]["held_out_for_threshold"]
    assert held_out < len(trained.calibration.scores) <= IMAGES_PER_VIEW * held_out
    assert trained.calibration.independent < len(trained.calibration.scores)  # images of one view are alike
    assert trained.calibration.part.limit(1) > trained.calibration.part.limit(9)
    assert (folder / "preview.png").is_file() and not (folder / ".training").exists()

    photos = [str(small_class / "train" / "good" / f"{index}.png") for index in (0, 7, 14)]
    assert main(["inspect", str(folder), *photos, "-o", str(tmp_path / "out"), "--save-maps"]) == 0
    assert len((tmp_path / "out" / "results.jsonl").read_text().splitlines()) == 3
    assert (tmp_path / "out" / "report.html").is_file()

    before = trained.calibration.threshold
    assert main(["calibrate", str(folder), str(small_class / "train"), "--false-reject-rate", "0.2"]) == 0
    after = Product.load(folder).calibration
    assert after.false_reject_rate == 0.2 and after.threshold != before

    assert main(["render", str(folder), "--turntable", str(tmp_path / "turn.mp4")]) == 0
    assert (tmp_path / "turn.mp4").stat().st_size > 10_000
    assert "threshold" in capsys.readouterr().out


def overlap(one, other):
    return (one & other).sum() / (one | other).sum()


@pytest.mark.slow
def test_a_product_of_distorted_photos_inspects_distorted_images(
    distorted_class, real_camera, product, quick_profile, tmp_path
):
    data = read_class(distorted_class)
    trained = train_product(data, load_profile(str(quick_profile)), tmp_path / "p")
    assert yaml.safe_load((tmp_path / "p" / "product.yaml").read_text())["schema_version"] == 3
    trained = Product.load(tmp_path / "p")
    assert (trained.lens, trained.camera) == (real_camera, real_camera.camera)
    inspector = Inspector(trained)
    for view in data.train[HOLDOUT_EVERY - 1 :: 4 * HOLDOUT_EVERY]:  # held out
        image, alpha = read_cutout(view.path)
        inspection = inspector.inspect(image)
        assert inspection.status == Status.OK and not inspection.anomalous, inspection.reason
        degrees, distance = pose_error(inspection.pose.object_from_camera, view.object_from_camera)
        assert degrees < 1.0 and distance < 0.01
        # The twin lies over the part in the pixels that came in.
        assert overlap(inspection.reference.mask, alpha > 0.5) > 0.9


class StopError(Exception):
    pass


@pytest.mark.slow
def test_training_goes_on_after_an_interruption(small_class, quick_profile, tmp_path, monkeypatch, caplog):
    """Stopped while splats are trained, the second run uses the first one's map and what it had trained."""
    data, profile = read_class(small_class), load_profile(str(quick_profile))
    profile["splatting"]["trainer"]["iterations"] = 300
    monkeypatch.setattr(checkpoint.Checkpoint.__init__, "__defaults__", (0.0,))  # after each iteration

    def stop_at(title):
        def progress(done, total, remark):
            seen.append((title, done))
            if (title, done) == ("splats", 100) and stopping:
                raise StopError

        return progress

    seen, stopping = [], True
    with pytest.raises(StopError):
        train_product(data, profile, tmp_path / "p", stage=stop_at)
    assert seen[0][0] == "map" and not (tmp_path / "p" / "product.yaml").exists()
    seen, stopping = [], False
    stopped = train_product(data, profile, tmp_path / "p", stage=stop_at)
    assert seen[0] == ("splats", 100) and {title for title, _ in seen} == {"splats", "threshold"}
    whole = train_product(data, profile, tmp_path / "q")
    assert stopped.checksum == whole.checksum  # of the manifest, which has those of the files
    assert sorted(path.name for path in (tmp_path / "p").iterdir()) == sorted(
        p.name for p in (tmp_path / "q").iterdir()
    )
    assert all("localised wrongly" in record.message for record in caplog.records)  # nothing of the training


@pytest.mark.slow
def test_stopped_training_of_other_settings_is_not_used(small_class, quick_profile, tmp_path, caplog):
    data, profile = read_class(small_class), load_profile(str(quick_profile))

    def stop(title):
        def progress(done, total, remark):
            seen.append(title)
            if title == "splats":
                raise StopError

        return progress

    seen = []
    for iterations in (300, 301):
        profile["splatting"]["trainer"]["iterations"] = iterations
        with pytest.raises(StopError):
            train_product(data, profile, tmp_path / "p", stage=stop)
    assert seen.count("splats") == 2 and seen.index("splats") < len(seen) - 1 - seen[::-1].index("map")
    assert "stopped training of other settings or data" in caplog.text


def test_the_command_line_replaces_the_profiles_preset_and_rasterizer(small_class, monkeypatch, tmp_path, capsys):
    asked = []

    def train(data, profile, folder, **keywords):
        asked.append(profile["splatting"]["trainer"])
        raise TrainingError("far enough")

    monkeypatch.setattr("pad_ros.cli.train.train_product", train)
    for arguments in ([], ["--preset", "paper"], ["--rasterizer", "cuda"]):
        main(["train", str(small_class), "-o", str(tmp_path / "p"), *arguments])
    assert asked == [{"preset": "fast"}, {"preset": "paper"}, {"preset": "fast", "rasterizer": "cuda"}]
    monkeypatch.undo()
    assert main(["train", str(small_class), "-o", str(tmp_path / "p"), "--preset", "best"]) == 1
    assert "no preset 'best'; choose one of fast, paper" in capsys.readouterr().err


@pytest.mark.parametrize(("group", "part"), [("localization", "map"), ("splatting", "trainer")])
def test_a_misspelt_setting_is_refused_before_any_work(small_class, tmp_path, group, part):
    profile = load_profile("cpu")
    profile[group][part]["itterations"] = 3
    with pytest.raises(ConfigError, match=rf"{group}\.{part}.*itterations"):
        train_product(read_class(small_class), profile, tmp_path / "p")
    assert not (tmp_path / "p").exists()


def test_what_a_profile_lacks_is_said_before_any_work(small_class, tmp_path, monkeypatch):
    data = read_class(small_class)
    monkeypatch.setenv("PAD_WEIGHTS", str(tmp_path))
    profile = load_profile("cpu")
    profile["background"]["segmentation"] = {"name": "birefnet"}
    with pytest.raises(WeightsError, match="pad weights fetch birefnet"):
        train_product(data, profile, tmp_path / "product")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(BuildError, match="needs PyTorch, which is not here: `make paper`"):
        train_product(data, load_profile("paper"), tmp_path / "product")
    assert not (tmp_path / "product").exists()


def test_a_missing_gpu_is_said_before_any_work(small_class, monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert main(["train", str(small_class), "-o", str(tmp_path / "p"), "--rasterizer", "cuda"]) == 1
    assert "needs an NVIDIA GPU" in capsys.readouterr().err
    assert not (tmp_path / "p").exists()


def test_too_few_views(small_class, tmp_path):
    data = read_class(small_class)
    del data.train[5:]
    with pytest.raises(DatasetError, match="5 training views, at least 12"):
        read_cutouts(data)


def test_distorted_photos_become_what_the_ideal_camera_would_see(distorted_class, real_camera, product):
    data = read_class(distorted_class)
    assert data.lens == real_camera
    rasterizer = create_rasterizer({"name": "cpu"})
    for view, cutout in list(zip(data.train, read_cutouts(data), strict=True))[::20]:
        rendering = rasterizer.render(product.gaussians, data.camera, view.object_from_camera)
        ideal = to_uint8(255.0 * rendering.color).astype(int)
        bent, bent_alpha = read_cutout(view.path)
        assert np.abs(cutout.image - ideal).mean() < 0.7 * np.abs(bent - ideal).mean()
        part = rendering.transmittance < 0.5
        assert overlap(cutout.alpha > 0.5, part) > 0.995 > 0.99 > overlap(bent_alpha > 0.5, part)
        assert cutout.alpha.min() == 0.0 and cutout.alpha.max() <= 1.0


def test_a_part_that_the_lens_cuts_off_is_worth_a_word(small_class, tmp_path, caplog):
    """A pincushion lens shows less than its ideal camera would: at the border of that one's picture is nothing."""
    root = shutil.copytree(small_class, tmp_path / "car")
    content = json.loads((root / "transforms.json").read_text())
    (root / "transforms.json").write_text(json.dumps({**content, "k1": 0.3}))
    read_cutouts(read_class(root))
    assert not caplog.text
    image, alpha = read_cutout(root / "train" / "good" / "3.png")
    rgba = np.dstack([image, to_uint8(255.0 * alpha)])
    first = np.flatnonzero(alpha.any(axis=0))[0] + 20
    rgba = np.concatenate([rgba[:, first:], np.full_like(rgba[:, :first], (255, 255, 255, 0))], axis=1)
    write_image(root / "train" / "good" / "3.png", rgba)  # the part runs out of the picture
    read_cutouts(read_class(root))
    assert f"in 1 of {len(content['frames'])} photos the part reaches the edge of what the lens shows" in caplog.text


def test_photos_of_several_cameras_are_brought_into_one(distorted_class, tmp_path):
    """Half of the photos say another focal length: what they show is brought to that of all."""
    root = shutil.copytree(distorted_class, tmp_path / "car")
    content = json.loads((root / "transforms.json").read_text())
    for frame in content["frames"][::2]:
        frame["fl_x"] = frame["fl_y"] = 1.1 * content["fl_x"]
        frame["camera_angle_x"] = 2 * math.atan(0.5 * content["w"] / frame["fl_x"])
    (root / "transforms.json").write_text(json.dumps(content))
    mixed, alone = read_class(root), read_class(distorted_class)
    assert not mixed.lens.distorted and alone.camera.fx < mixed.camera.fx < 1.1 * alone.camera.fx
    areas = [[cutout.alpha.sum() for cutout in read_cutouts(data)] for data in (mixed, alone)]
    ratios = np.array(areas[0]) / areas[1] * (alone.camera.fx / mixed.camera.fx) ** 2
    np.testing.assert_allclose(ratios[::2], 1 / 1.1**2, rtol=0.04)  # a longer lens shows things larger
    np.testing.assert_allclose(ratios[1::2], 1.0, rtol=0.04)


def test_photos_that_are_not_cut_out_are_refused_before_any_work(small_class, tmp_path):
    root = shutil.copytree(small_class, tmp_path / "car")
    photos = root / "train" / "good"
    cutout = read_cutouts(read_class(root))[3]
    write_image(photos / "3.png", line_image(cutout.image, cutout.alpha, None, np.random.default_rng(0)))
    with pytest.raises(DatasetError, match=r"1 of \d+ photos are not cut out, as 3\.png: cut the part out"):
        train_product(read_class(root), load_profile("cpu"), tmp_path / "p")
    write_image(photos / "3.png", np.full((240, 240, 3), 255, np.uint8))
    with pytest.raises(DatasetError, match=r"3\.png: there is no part in it"):
        train_product(read_class(root), load_profile("cpu"), tmp_path / "p")
    assert not (tmp_path / "p").exists()


def test_views_for_the_threshold_are_as_on_the_line(small_class, product):
    data = read_class(small_class)
    scaled = replace(product, lens=Lens(data.camera))
    cutouts = read_cutouts(data)[:2]
    images = on_the_line(scaled, cutouts, seed=3)
    assert len(images) == 2 * IMAGES_PER_VIEW
    for index, image in enumerate(images):
        cutout = cutouts[index // IMAGES_PER_VIEW]
        inside, outside = cutout.alpha > 0.999, cutout.alpha < 0.001
        correlation = np.corrcoef(image[inside].ravel(), cutout.image[inside].ravel())[0, 1]
        assert correlation > 0.9 and image[outside].std() > 5 and image[outside].mean() < 230
    assert all(map(np.array_equal, images, on_the_line(scaled, cutouts, seed=3)))
