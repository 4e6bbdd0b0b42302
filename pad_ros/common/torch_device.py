"""PyTorch, for the implementations that need it: nothing else imports it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pad_ros.errors import BuildError, ConfigError

if TYPE_CHECKING:
    import torch

DEVICES = ("auto", "cpu", "cuda")


def choose_device(what: str, device: str) -> torch.device:
    """The device on which something runs: cpu; cuda; or auto, which is cuda where there is one.

    Raises:
        ConfigError: an unknown device, or a GPU that is not there.
        BuildError: there is no PyTorch.
    """
    if device not in DEVICES:
        raise ConfigError(f"{what}: no device {device!r}; there are {', '.join(DEVICES)}")
    module = load_torch(what)
    if device == "cuda" and not module.cuda.is_available():
        raise ConfigError(f"{what}: device 'cuda', but PyTorch {module.__version__} sees no GPU; use auto or cpu")
    chosen: torch.device = module.device("cuda" if device != "cpu" and module.cuda.is_available() else "cpu")
    return chosen


def load_torch(what: str) -> Any:
    """PyTorch itself.

    Raises:
        BuildError: it is not installed; says how to get it.
    """
    # Threads that wait would spin, and take the cores from the other nodes: two such processes slow each other tenfold.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        import torch
    except ImportError:
        raise BuildError(f"{what} needs PyTorch, which is not here: `make paper`") from None
    return torch


@contextmanager
def inference(torch: Any, device: torch.device, half: bool) -> Iterator[None]:
    """Runs networks without gradients; with `half`, what can be in half precision is, the weights stay as they are."""
    with torch.inference_mode(), torch.autocast(device.type, torch.float16, enabled=half):
        yield
