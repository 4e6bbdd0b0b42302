import numpy as np
import pytest
from dashboard_stage import view

from pad_ros.anomaly.part import UNSEEN
from pad_ros.dashboard.twin import TwinPoints, Twins
from pad_ros.errors import ConfigError
from pad_ros.product import Product
from pad_ros.splatting.surface import Surface


@pytest.fixture(scope="module")
def product(sample_product):
    return Product.load(sample_product)


def test_the_hottest_points_are_where_the_views_agree(product):
    twin = TwinPoints(product)
    points = np.frombuffer(twin.data, np.dtype([("place", "<f4", 3), ("radius", "<f4"), ("colour", "u1", 4)]))
    anchors = Surface(product.gaussians).anchors(1024)
    place = anchors[300]
    evidences = []
    for _ in range(3):
        evidence = np.full(len(anchors), 120, np.uint8)
        evidence[np.linalg.norm(anchors - place, axis=1) < 0.004] = 190
        evidence[::7] = UNSEEN
        evidences.append(evidence.tobytes())
    heat = np.frombuffer(twin.heat(evidences, anomalous=False), np.uint8)
    assert len(heat) == len(points)
    means = product.gaussians.means[product.gaussians.logit_opacities > 0]
    away = np.linalg.norm(means - place, axis=1)
    assert away[heat > 128].max() < 0.012 and (heat > 128).any()
    assert not heat[away > 0.02].any()
    assert np.abs(points["place"]).max() < 2.0 and (points["radius"] > 0).all()


def test_a_part_that_differs_nowhere_is_not_tinted(product):
    twin = TwinPoints(product)
    assert not any(twin.heat([bytes([120]) * 1024] * 3, anomalous=False))
    noise = np.random.default_rng(0).integers(110, 130, (5, 1024), np.uint8)
    assert max(twin.heat([row.tobytes() for row in noise], anomalous=False)) < 64


def test_evidence_of_another_product_is_refused(product):
    with pytest.raises(ConfigError, match="another product"):
        TwinPoints(product).heat([bytes([120]) * 10], anomalous=True)


def test_the_twin_is_the_one_that_judged(sample_product, product, tmp_path):
    asked = []

    def folders():
        asked.append(1)
        return [tmp_path / "gone", sample_product]

    twins = Twins(folders)
    assert twins.find(product.checksum).data
    assert twins.find(product.checksum) is twins.find(product.checksum) and len(asked) == 1
    assert twins.find(view("one").checksum) is None
