import cv2
import numpy as np
import pytest

from pad_ros.anomaly.backbone import create_backbone
from pad_ros.anomaly.comparison import create_comparison
from pad_ros.anomaly.learned import CHANNELS, LEVELS, LearnedComparison, features_input, network_input
from pad_ros.anomaly.views import Views
from pad_ros.errors import ConfigError, ImageError, NoObjectError, ProductError

HEIGHT, WIDTH = 90, 130


onnx = pytest.importorskip("onnx")


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A network of the learned one's signature: its logit is what a shift by a pixel does not explain."""
    from onnx import TensorProto, helper, numpy_helper

    weight = np.zeros((1, CHANNELS, 1, 1), np.float32)
    weight[0, 9] = 20.0
    axes = [1, CHANNELS, "h", "w"]
    graph = helper.make_graph(
        [helper.make_node("Conv", ["input", "weight", "bias"], ["logits"])],
        "stand-in",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, axes)],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 1, "h", "w"])],
        [numpy_helper.from_array(weight, "weight"), numpy_helper.from_array(np.array([-5], np.float32), "bias")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = tmp_path_factory.mktemp("weights") / "difference.onnx"
    onnx.save(model, str(path))
    return str(path)


@pytest.fixture(scope="module")
def comparison(weights):
    return learned(weights=weights)


def learned(**settings):
    return create_comparison({"name": "learned", **settings}, {"name": "efficientnet_lite0"})


def scene(defect=False, shift=0.0, seed=0):
    """A part of coloured tiles on a grey belt; with a tile in another colour."""
    rng = np.random.default_rng(7)
    tiles = np.kron(rng.integers(40, 220, (6, 8, 3)), np.ones((10, 10, 1)))
    image = np.full((HEIGHT, WIDTH, 3), 128.0)
    image[15:75, 25:105] = tiles
    if defect:
        image[38:46, 58:68] = (250, 20, 250)
    move = np.array([[1, 0, shift], [0, 1, 0]], np.float64)
    image = cv2.warpAffine(image, move, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
    return np.clip(image + np.random.default_rng(seed).normal(0, 2, image.shape), 0, 255).astype(np.uint8)


def part():
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[15:75, 25:105] = True
    return mask


def views(test, augmented, mask):
    return Views(test, augmented, mask, np.where(mask, 0, 1).astype(np.float32), mask)


def compare(comparison, test, augmented, mask):
    return comparison.compare(views(test, augmented, mask))


def test_a_defect_stands_out_and_half_a_pixel_does_not(comparison):
    good = compare(comparison, scene(shift=0.5, seed=1), scene(), part())
    bad = compare(comparison, scene(defect=True, shift=0.5, seed=1), scene(), part())
    row, column = np.unravel_index(bad.argmax(), bad.shape)
    assert 36 <= row <= 48 and 56 <= column <= 70
    assert bad.max() > 5 * good.max()


def test_the_map_is_of_the_images_size_not_negative_and_ends_with_the_ring(comparison, weights):
    found = compare(comparison, scene(seed=1), scene(), part())
    assert found.shape == (HEIGHT, WIDTH) and found.dtype == np.float32 and found.min() >= 0
    narrow = learned(ring=0.0, weights=weights)
    assert compare(narrow, scene(seed=1), scene(), part())[:10].max() == 0


@pytest.mark.parametrize("box", [(0, 0, 5, 5), (80, 120, 10, 10), (44, 0, 3, 130)])
def test_small_masks_and_masks_at_the_border_work(comparison, box):
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[box[0] : box[0] + box[2], box[1] : box[1] + box[3]] = True
    assert np.isfinite(compare(comparison, scene(seed=1), scene(), mask)).all()


def test_what_a_shift_by_a_pixel_explains_is_not_out_of_range():
    first = scene()
    moved = np.roll(first, 1, axis=1)
    features = np.full((LEVELS, HEIGHT, WIDTH), 0.5, np.float32)
    planes = network_input(moved, first, np.zeros((HEIGHT, WIDTH), np.float32), part(), features)
    assert planes.shape == (CHANNELS, HEIGHT, WIDTH) and planes.dtype == np.float32
    assert planes[9][:, 1:].max() == 0 and planes[10][:, :-1].max() == 0 and planes[6:9].max() > 0.2
    np.testing.assert_array_equal(planes[12] > 0, part())
    np.testing.assert_array_equal(planes[13:], features)
    padded = network_input(moved, first, np.zeros((HEIGHT, WIDTH), np.float32), part(), features, stride=16)
    np.testing.assert_array_equal(padded, np.pad(planes, ((0, 0), (0, -HEIGHT % 16), (0, -WIDTH % 16)), mode="edge"))


def test_features_differ_where_the_images_do():
    planes = features_input(create_backbone({"name": "efficientnet_lite0"}), views(scene(defect=True), scene(), part()))
    assert planes.shape == (LEVELS, HEIGHT, WIDTH) and planes.min() >= 0 and planes.max() <= 1
    assert planes[0, 40:44, 60:66].mean() > 3 * planes[0, 20:30, 30:50].mean()
    assert planes[:, :2].max() == 0


def test_what_cannot_be_compared_is_refused(comparison, weights):
    image = scene()
    with pytest.raises(ImageError, match="cannot compare"):
        compare(comparison, image, image[:50], part())
    with pytest.raises(NoObjectError):
        compare(comparison, image, image, np.zeros((HEIGHT, WIDTH), bool))
    with pytest.raises(ConfigError, match="ring"):
        learned(ring=2.0, weights=weights)
    with pytest.raises(ProductError, match="weights cannot be read"):
        learned(weights="no/such.onnx")


def test_a_backbone_of_other_levels_is_refused_at_once():
    class Pixels:
        stride, sha256 = 8, ""

        def features(self, images):
            return [np.asarray(images, np.float32).transpose(0, 3, 1, 2)]

    with pytest.raises(ConfigError, match="5 levels, this one has 1"):
        LearnedComparison(Pixels())
