import numpy as np
import pytest

from pad_ros.anomaly.backbone import EfficientNetLite0, create_backbone
from pad_ros.errors import ConfigError, ProductError


@pytest.fixture(scope="module")
def backbone():
    return create_backbone({"name": "efficientnet_lite0", "threads": 2})


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (2, 64, 96, 3)).astype(np.uint8)


def test_levels_have_the_channels_and_strides_of_the_network(backbone, images):
    levels = backbone.features(images)
    expected = [(2, 16, 32, 48), (2, 24, 16, 24), (2, 40, 8, 12), (2, 80, 4, 6), (2, 112, 4, 6)]
    assert [level.shape for level in levels] == expected
    assert all(level.dtype == np.float32 and np.isfinite(level).all() for level in levels)


def test_a_batch_gives_what_single_images_give(backbone, images):
    for together, alone in zip(backbone.features(images), backbone.features(images[1:]), strict=True):
        np.testing.assert_allclose(together[1:], alone, atol=1e-4)


def test_is_deterministic_and_the_same_for_bytes_and_floats(backbone, images):
    first = backbone.features(images)
    for other in (backbone.features(images), backbone.features(images.astype(np.float64))):
        for a, b in zip(first, other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_first_level_sees_an_edge_where_it_is(backbone):
    """The padding is right: a shift of the image by the stride shifts the features by one."""
    image = np.full((1, 96, 96, 3), 60, np.uint8)
    image[:, 40:56, 40:56] = (200, 30, 30)
    level = backbone.features(image)[0]
    moved = backbone.features(np.roll(image, 2, axis=2))[0]
    np.testing.assert_allclose(level[..., 10:38, 10:38], moved[..., 10:38, 11:39], atol=1e-4)


@pytest.mark.parametrize("shape", [(2, 60, 64, 3), (64, 64, 3), (1, 64, 64, 4)])
def test_refuses_shapes_it_cannot_take(backbone, shape):
    with pytest.raises(ConfigError, match="multiples of 16"):
        backbone.features(np.zeros(shape, np.uint8))


def test_refuses_bad_settings():
    with pytest.raises(ConfigError, match="threads"):
        create_backbone({"name": "efficientnet_lite0", "threads": 0})
    with pytest.raises(ConfigError, match="efficientnet_lite0"):
        create_backbone({"name": "resnet"})


def test_refuses_missing_and_truncated_weights(tmp_path, monkeypatch):
    path = tmp_path / "weights.onnx"
    whole = EfficientNetLite0.weights.read_bytes()
    monkeypatch.setattr(EfficientNetLite0, "weights", path)
    with pytest.raises(ProductError, match="cannot be read"):
        EfficientNetLite0()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ProductError, match="truncated or altered"):
        EfficientNetLite0()
