import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from pad_ros.adapting import calibrate_product
from pad_ros.anomaly.calibration import Calibration
from pad_ros.augmentation import belt_image
from pad_ros.cli import main
from pad_ros.errors import ConfigError, TrainingError
from pad_ros.images import write_image
from pad_ros.product import Product


def grey_of(image):
    return np.repeat(image.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)


def test_good_images_of_something_else_do_not_calibrate(product):
    rng = np.random.default_rng(0)
    nothing = np.zeros((product.camera.height, product.camera.width), np.float32)
    belts = [belt_image(np.zeros((*nothing.shape, 3), np.uint8), nothing, rng).astype(np.uint8) for _ in range(8)]
    with pytest.raises(TrainingError, match="only 0 of 8"):
        calibrate_product(product, belts, 0.01)


def test_images_of_another_nature_do_not_calibrate(sample_product, sample_images, tmp_path, capsys):
    """They are named, all of them, and the product stays as it is."""
    folder = shutil.copytree(sample_product, tmp_path / "product")
    good = [image for part, _, image in sample_images if part == "off_road_car_09"]
    images = {f"{index}.png": image for index, image in enumerate(good)}
    images |= {"grey.png": grey_of(good[0]), "grey too.png": grey_of(good[1]), "small.png": good[0][:200, :200].copy()}
    for name, image in images.items():
        write_image(tmp_path / "images" / name, image)
    (tmp_path / "images" / "broken.png").write_bytes((tmp_path / "images" / "0.png").read_bytes()[:999])
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert main(["calibrate", str(folder), str(tmp_path / "images")]) == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert "4 of 13 images are none of this product's; leave them out: " in said
    grey = f"{tmp_path}/images/grey too.png, {tmp_path}/images/grey.png"
    for part in (f"check the camera's mode: {grey}", "200x200", f"(999 bytes): {tmp_path}/images/broken.png"):
        assert part in said
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_threshold_that_grows_much_is_asked_for(sample_product, product, tmp_path, capsys, monkeypatch):
    folder = shutil.copytree(sample_product, tmp_path / "product")
    before, old = (folder / "product.yaml").read_bytes(), product.calibration.threshold
    write_image(tmp_path / "image.png", np.zeros((4, 4, 3), np.uint8))
    words = ["calibrate", str(folder), *[str(tmp_path / "image.png")] * 10]

    def calibrated(factor):
        scores = (0.9 * factor * old,) * 9
        risen = replace(product, calibration=Calibration(factor * old, 0.01, scores))
        monkeypatch.setattr("pad_ros.cli.calibrate.calibrate_product", lambda *_: risen)

    calibrated(3.0)
    assert main(words) == 1
    said = capsys.readouterr().err
    assert f"9 of 9 images are above the old threshold: it would rise from {old:.4g} to {3 * old:.4g}" in said
    assert "Then say --yes" in said
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    for answer in ("n\n", "\n", ""):  # the last is the end of the input
        monkeypatch.setattr("builtins.input", _answering(answer))
        assert main(words) == 1 and "nothing was changed" in capsys.readouterr().err
    assert (folder / "product.yaml").read_bytes() == before
    monkeypatch.setattr("builtins.input", _answering("Y\n"))
    assert main(words) == 0
    said = "from 9 good images (1 more could not be judged), 9 of which the old one would have rejected"
    assert said in capsys.readouterr().out and Product.load(folder).calibration.threshold == pytest.approx(3 * old)
    calibrated(9.0)
    assert main([*words, "--yes"]) == 0
    calibrated(2.0)  # to less than the threshold that stands now, which nobody asks about
    assert main(words) == 0 and Product.load(folder).calibration.threshold == pytest.approx(2 * old)


def _answering(text):
    def ask(question):
        assert "defective parts below it will pass" in question
        if not text:
            raise EOFError
        return text.strip()

    return ask


def test_images_of_the_line_correct_the_threshold_that_training_made(product, sample_images):
    """A handful is enough, the second time starts from training again, and parts are calibrated as well."""
    good = [image for part, _, image in sample_images if part == "off_road_car_09"]
    first = calibrate_product(product, good[:4], 0.01).calibration
    assert len(first.scores) == 4
    assert product.calibration.training is not None and first.training == product.calibration.training
    again = calibrate_product(replace(product, calibration=first), good[:4], 0.01).calibration
    assert again == first
    assert first.part is not None and first.prediction != product.calibration.prediction
    least = product.profile["calibration"]["least_threshold"]
    assert first.threshold == product.calibration.threshold == least < product.calibration.training.threshold
    with pytest.raises(ConfigError, match="3 good images or more, got 2"):
        calibrate_product(product, good[:2], 0.01)
