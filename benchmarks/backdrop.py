"""How much of the verdicts on photographs is due to bits of the backdrop that were cut out with the part.

    python benchmarks/backdrop.py REAL/Temple --product PRODUCT

Photographs are cut out by their brightness, so what is as dark as the backdrop and lies beside the part, or in its
holes, is part in some of them and not in others. The twin has none of it: it is at no place in 3D. In a composite it
is a difference that everybody sees, and the image is called good. Counted are the pixels of the object mask that are
darker than 60 of 255 where the twin is transparent; the map is then taken without what is within 6 pixels of them.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from splatting import machine

from pad_ros.anomaly.regions import create_score
from pad_ros.common.progress import progress_bar
from pad_ros.dataset.classes import read_class
from pad_ros.evaluation.metrics import auroc, pixel_scores
from pad_ros.images import read_image
from pad_ros.inspector import Inspector
from pad_ros.product import Product
from pad_ros.results import Status

_DARK = 60  # of 255
_TRANSPARENT = 0.2  # residual transmittance of the twin
_BESIDE = 13  # pixels across
_SHOWS = 12  # pixels: as much as the score looks at


def main(argv: Sequence[str] | None = None) -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", metavar="DATASET/CLASS", type=Path)
    parser.add_argument("--product", type=Path, required=True)
    arguments = parser.parse_args(argv)
    product, data = Product.load(arguments.product), read_class(arguments.root)
    inspector, score = Inspector(product), create_score(product.profile["anomaly"]["score"])
    maps, cleaned, truths, bits = [], [], [], []
    with progress_bar("backdrop") as progress:
        for number, view in enumerate(data.test):
            image = read_image(view.path)
            part, truth = view.read_object_mask(image.shape[:2]), view.read_ground_truth(image.shape[:2])
            inspection = inspector.inspect(image)
            if inspection.status == Status.OK:
                left = part & ~truth & (image.max(axis=2) < _DARK) & (inspection.reference.transmittance > _TRANSPARENT)
                beside = cv2.dilate(left.astype(np.uint8), np.ones((_BESIDE, _BESIDE), np.uint8)) > 0
                maps.append(inspection.anomaly_map)
                cleaned.append(np.where(beside & ~truth, 0, inspection.anomaly_map).astype(np.float32))
                truths.append(truth)
                sizes = cv2.connectedComponentsWithStats(left.astype(np.uint8))[2][1:, cv2.CC_STAT_AREA]
                bits.append(max(sizes, default=0))
            progress(number + 1, len(data.test), view.path.stem)
    anomalous = np.array([truth.any() for truth in truths])
    shows = np.array(bits) >= _SHOWS
    print(machine())
    print(
        f"{data.name}: {len(truths)} of {len(data.test)} images judged; bits of {_SHOWS} pixels and more in "
        f"{np.count_nonzero(shows & ~anomalous)} of {np.count_nonzero(~anomalous)} good ones and "
        f"{np.count_nonzero(shows & anomalous)} of {np.count_nonzero(anomalous)} anomalous ones"
    )
    print("| the map | image AUROC | pixel AUROC | AUPRO |\n|---|---:|---:|---:|")
    for name, of in (("as it is", maps), ("without the bits", cleaned)):
        pixels = pixel_scores(of, truths)
        image = auroc(np.array([score(one) for one in of]), anomalous)
        print(f"| {name} | {image:.3f} | {pixels.auroc:.3f} | {pixels.aupro:.3f} |")


if __name__ == "__main__":
    main()
