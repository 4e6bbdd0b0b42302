import numpy as np
import pytest

from pad_ros.background.segmentation import create_segmenter
from pad_ros.errors import ConfigError, NoObjectError, WeightsError

onnx = pytest.importorskip("onnx")


@pytest.fixture
def weights(monkeypatch, tmp_path):
    """A network of BiRefNet's signature: the logit is 20 times how much redder than 0.5 a pixel is."""
    from onnx import TensorProto, helper, numpy_helper

    # (value - mean) / std, undone for red: red = 0.229 x + 0.485.
    weight = np.zeros((1, 3, 1, 1), np.float32)
    weight[0, 0] = 20 * 0.229
    bias = np.array([20 * (0.485 - 0.5)], np.float32)
    graph = helper.make_graph(
        [helper.make_node("Conv", ["input_image", "weight", "bias"], ["output_image"])],
        "stand-in",
        [helper.make_tensor_value_info("input_image", TensorProto.FLOAT, [1, 3, 1024, 1024])],
        [helper.make_tensor_value_info("output_image", TensorProto.FLOAT, [1, 1, 1024, 1024])],
        [numpy_helper.from_array(weight, "weight"), numpy_helper.from_array(bias, "bias")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = tmp_path / "birefnet" / "onnx" / "model.onnx"
    path.parent.mkdir(parents=True)
    onnx.save(model, str(path))
    monkeypatch.setenv("PAD_WEIGHTS", str(tmp_path))
    return path


def test_the_network_sees_the_image_as_it_was_trained_and_its_answer_is_a_mask_of_the_image(weights):
    image = np.full((120, 200, 3), 40, np.uint8)
    image[30:90, 50:150, 0] = 200
    image[30:90, 50:150, 1] = 90
    image[:20, :, 2] = 255  # blue is not asked for: the channels are RGB
    mask = create_segmenter({"name": "birefnet", "device": "cpu"}).segment(image, np.zeros((120, 200), bool))
    assert mask.dtype == bool and mask.shape == (120, 200)
    expected = image[..., 0] > 127
    assert (mask == expected).mean() > 0.99 and mask[35:85, 55:145].all()


def test_the_threshold_is_a_probability(weights):
    image = np.full((64, 64, 3), 40, np.uint8)
    image[16:48, 16:48, 0] = 143  # 0.56: a logit of 1.2, a probability of 0.77
    silhouette = np.zeros((64, 64), bool)
    low = create_segmenter({"name": "birefnet", "threshold": 0.7, "device": "cpu"})
    assert low.segment(image, silhouette)[20:44, 20:44].all()
    high = create_segmenter({"name": "birefnet", "threshold": 0.85, "device": "cpu"})
    with pytest.raises(NoObjectError):
        high.segment(image, silhouette)


def test_what_is_missing_or_wrong_is_said(weights, monkeypatch, tmp_path):
    for settings, reason in (({"threshold": 1.0}, "threshold"), ({"device": "tpu"}, "no device 'tpu'")):
        with pytest.raises(ConfigError, match=reason):
            create_segmenter({"name": "birefnet", **settings})
    weights.write_bytes(b"no model")
    with pytest.raises(ConfigError, match=r"model\.onnx cannot be opened"):
        create_segmenter({"name": "birefnet"})
    monkeypatch.setenv("PAD_WEIGHTS", str(tmp_path / "elsewhere"))
    with pytest.raises(WeightsError, match="pad weights fetch birefnet"):
        create_segmenter({"name": "birefnet"})
