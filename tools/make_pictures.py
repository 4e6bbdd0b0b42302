"""Makes the pictures of README and docs from `sample/` and the data set that `make sample` renders.

Use: .venv/bin/python tools/make_pictures.py
"""

from pathlib import Path

import cv2
import numpy as np

from pad_ros.dataset import read_class
from pad_ros.evaluation.overlay import draw_overlay
from pad_ros.evaluation.results_writer import encode_jpeg
from pad_ros.images import read_image
from pad_ros.inspector import Inspector
from pad_ros.product import Product

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "images"
CLASS = ROOT / "data" / "sample" / "off_road_car"
# One part of each kind, in the view with the largest visible defect.
KINDS = ("added", "removed", "colour")


def main() -> None:
    """Writes docs/images/demo.jpg and docs/images/dataset.jpg."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    data = read_class(CLASS)
    inspector = Inspector(Product.load(ROOT / "sample" / "product"))
    shape = (data.camera.height, data.camera.width)
    rows = []
    for kind in KINDS:
        views = [view for view in data.test if view.defect == kind]
        image = read_image(max(views, key=lambda view: view.read_ground_truth(shape).sum()).path)
        inspection = inspector.inspect(image)
        if inspection.reference is not None:
            rows.append(np.concatenate([image, inspection.reference.image, draw_overlay(image, inspection)], axis=1))
    (PICTURES / "demo.jpg").write_bytes(encode_jpeg(np.concatenate(rows)))

    chosen = [data.train[i].path for i in (0, 30, 60, 90)]
    chosen += [next(v.path for v in data.test if v.defect == kind) for kind in ("good", *KINDS)]
    tiles = [cv2.resize(read_image(path), (300, 300), interpolation=cv2.INTER_AREA) for path in chosen]
    sheet = np.concatenate([np.concatenate(tiles[:4], axis=1), np.concatenate(tiles[4:], axis=1)])
    (PICTURES / "dataset.jpg").write_bytes(encode_jpeg(sheet))


if __name__ == "__main__":
    main()
