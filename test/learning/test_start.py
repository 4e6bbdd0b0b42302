import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from pad_ros.errors import WeightsError  # noqa: E402
from pad_ros.learning.network import DifferenceNetwork  # noqa: E402
from pad_ros.learning.start import take_up  # noqa: E402
from pad_ros.learning.train import export  # noqa: E402


def test_a_written_network_is_taken_up_as_it_was():
    torch.manual_seed(0)
    before = DifferenceNetwork()
    examples = torch.rand(4, 13, 64, 64)
    before.train()(examples)  # normalisations that do something
    after = take_up(export(before.eval()), examples)
    inputs = torch.rand(2, 13, 48, 64)
    with torch.no_grad():
        torch.testing.assert_close(after.eval()(inputs), before.eval()(inputs), atol=1e-4, rtol=1e-4)
        # Fit for training: what it learns from next is normalised much as it was.
        assert (after.train()(examples) - before.eval()(examples)).abs().mean() < 0.2


def test_another_file_is_refused():
    with pytest.raises(WeightsError, match="not a network of the learned comparison"):
        take_up(b"something", torch.rand(1, 13, 16, 16))
