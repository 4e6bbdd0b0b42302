import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch")

from pad_ros.common.progress import silent  # noqa: E402
from pad_ros.learning import difference, part  # noqa: E402
from pad_ros.learning.network import UNet  # noqa: E402
from pad_ros.learning.outlines import Outlines  # noqa: E402
from pad_ros.learning.train import Settings, export, loss_of, train  # noqa: E402

SETTINGS = Settings(steps=3, batch=2, crop=64, per_image=2)


@pytest.fixture(params=["difference", "part"])
def task(request, lesson):
    if request.param == "difference":
        return difference.difference_task([lesson])
    return part.part_task([Outlines(lesson.images, lesson.object_masks, lesson.object_masks)])


def test_a_stopped_training_ends_with_the_same_network(task, tmp_path):
    whole = train(task, SETTINGS, tmp_path / "whole.pt", silent)

    def stop(done, total, remark):
        if done == 2:
            raise KeyboardInterrupt

    first = Settings(**{**vars(SETTINGS)})
    with pytest.raises(KeyboardInterrupt):
        train(task, first, tmp_path / "part.pt", stop, save_every_s=0.0)
    resumed = train(task, SETTINGS, tmp_path / "part.pt", silent)
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], value)


def test_the_loss_asks_for_the_truth_and_nothing_where_one_may_argue():
    truth, weight = torch.zeros(1, 32, 32), torch.ones(1, 32, 32)
    truth[:, 8:16, 8:16] = 1
    right, wrong = 20 * truth - 10, 10 - 20 * truth
    assert loss_of(right, truth, weight) < 0.05 < 1 < loss_of(wrong, truth, weight)
    weight[:, 20:] = 0
    changed = right.clone()
    changed[:, 20:] = 10
    assert loss_of(changed, truth, weight) == pytest.approx(float(loss_of(right, truth, weight)), abs=1e-3)


@pytest.mark.parametrize("channels, widths", [(18, difference.WIDTHS), (10, part.WIDTHS)])
def test_the_exported_network_computes_the_same_at_any_size(channels, widths):
    torch.manual_seed(0)
    network = UNet(channels, widths).eval()
    session = onnxruntime.InferenceSession(export(network), providers=["CPUExecutionProvider"])
    for height, width in ((64, 96), (128, 64)):
        inputs = torch.rand(1, channels, height, width)
        with torch.no_grad():
            expected = network(inputs).numpy()
        np.testing.assert_allclose(session.run(None, {"input": inputs.numpy()})[0], expected, atol=1e-4)
