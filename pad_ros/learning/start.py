"""Takes up a network that was written before, to train it further."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from pad_ros.errors import WeightsError
from pad_ros.learning.network import DifferenceNetwork


def take_up(model: bytes, inputs: Tensor) -> DifferenceNetwork:
    """The network that an ONNX file of `train.export` holds, fit for training.

    Written, its normalisations have become part of the convolutions; they are made anew such that the network gives the
    same as before, and sees its values with mean 0 and variance 1 again.

    Args:
        model: the file.
        inputs: examples [N, 13, H, W] of what it is shown.

    Raises:
        WeightsError: not such a file.
    """
    network = DifferenceNetwork().eval()
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    try:
        graph = onnx.load_model_from_string(model).graph
        values = {tensor.name: torch.tensor(numpy_helper.to_array(tensor)) for tensor in graph.initializer}
        kept = [[values[name] for name in node.input[1:]] for node in graph.node if node.op_type == "Conv"]
        shapes = [tuple(weight.shape) for weight, _ in kept]
    except Exception as error:  # whatever the parser makes of another file
        raise WeightsError(f"not a network of the learned comparison ({type(error).__name__}: {error})") from None
    if shapes != [tuple(module.weight.shape) for module in convolutions]:
        raise WeightsError("not a network of the learned comparison: its layers have other shapes")
    followers = {a: b for a, b in pairwise(network.modules()) if isinstance(b, nn.BatchNorm2d)}
    with torch.no_grad():
        for module, (weight, bias) in zip(convolutions, kept, strict=True):
            module.weight.copy_(weight)
            if module in followers:
                module.register_forward_hook(_settle(followers[module], bias))
            else:
                assert module.bias is not None
                module.bias.copy_(bias)
        network(inputs)
    for module in convolutions:
        module._forward_hooks.clear()
    return network


def _settle(normalisation: nn.BatchNorm2d, bias: Tensor) -> Any:
    """What makes a normalisation do no more than add the bias to the values that it now sees."""

    def hook(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
        assert normalisation.running_mean is not None and normalisation.running_var is not None
        mean, variance = output.mean(dim=(0, 2, 3)), output.var(dim=(0, 2, 3), unbiased=False)
        normalisation.running_mean.copy_(mean)
        normalisation.running_var.copy_(variance)
        normalisation.weight.copy_((variance + normalisation.eps).sqrt())
        normalisation.bias.copy_(bias + mean)

    return hook
