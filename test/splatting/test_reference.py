import numpy as np
import pytest

torch = pytest.importorskip("torch")

import golden  # noqa: E402
from splat_tensors import PARAMETERS, SIZE, random_tensors  # noqa: E402

from pad_ros.splatting.rasterization import rasterization  # noqa: E402


@pytest.mark.parametrize("name", PARAMETERS)
def test_autograd_agrees_with_finite_differences(name):
    # Through every branch: cut alphas and colours, points outside the image, the camera's centre.
    inputs = {key: value.detach().double() for key, value in random_tensors(12, 3, seed=6).items()}
    generator = torch.Generator().manual_seed(1)
    weights = torch.randn(2, 40, 56, 3, generator=generator).double(), torch.randn(2, 40, 56, 1, generator=generator)

    def loss(value):
        colors, alphas = rasterization(**{**inputs, name: value}, **SIZE, backend="reference")
        return (colors * weights[0]).sum() + (alphas * weights[1]).sum()

    value = inputs[name].clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(value), value)
    for _ in range(3):
        step = 1e-6 * torch.randn(value.shape, generator=generator)
        with torch.no_grad():
            difference = (loss(value + step) - loss(value - step)) / 2
        scale = gradient.norm() * step.norm()
        assert abs((gradient * step).sum() - difference) < 1e-4 * scale


def test_golden_file_is_the_reference_s():
    got = golden.compute()
    with np.load(golden.FILE) as file:
        assert set(file) == set(got)
        for name in file:
            np.testing.assert_allclose(got[name], file[name], rtol=1e-5, atol=1e-6 * np.abs(file[name]).max())
