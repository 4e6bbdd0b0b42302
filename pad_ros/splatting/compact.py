"""The compact file of splats: integers over each column's range, zipped; a third of a PLY, no pickle.

Everything gets 16 bits (positions: a 65,536th of the part), but the view-dependent harmonics get 8. Rounding happens
once: splats that were read from such a file are written to it unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pad_ros.common.archive import read_arrays, write_arrays
from pad_ros.errors import ProductError
from pad_ros.splatting.gaussians import Floats, Gaussians

_VERSION = 1
_CODES: dict[str, type[np.unsignedinteger[Any]]] = {
    "means": np.uint16,
    "quats": np.uint16,
    "log_scales": np.uint16,
    "logit_opacities": np.uint16,
    "sh_constant": np.uint16,
    "sh_others": np.uint8,
}

Arrays = Mapping[str, NDArray[Any]]


def save_compact(gaussians: Gaussians, path: Path | str) -> None:
    """Writes the compact file; never leaves half a file."""
    write_arrays(Path(path), _encode(gaussians), compress=True)


def load_compact(path: Path | str) -> Gaussians:
    """Reads a compact file.

    Raises:
        ProductError: missing, not such a file, truncated, or with NaN or infinite values.
    """
    arrays = read_arrays(Path(path))
    try:
        gaussians = _decode(arrays)
    except KeyError as error:
        raise ProductError(f"{path}: not a file of compact splats, no {error.args[0]}") from None
    except (ProductError, ValueError, TypeError) as error:
        raise ProductError(f"{path}: altered or of another kind ({error}); train the product again") from None
    gaussians.check_finite(str(path))
    return gaussians


def round_to_compact(gaussians: Gaussians) -> Gaussians:
    """The Gaussians that the compact file of these holds."""
    return _decode(_encode(gaussians))


def is_compact(gaussians: Gaussians) -> bool:
    """Whether the compact file holds exactly these Gaussians."""
    rounded = round_to_compact(gaussians)
    names = [field.name for field in fields(Gaussians)]
    return all(np.array_equal(getattr(rounded, name), getattr(gaussians, name)) for name in names)


def _encode(gaussians: Gaussians) -> dict[str, NDArray[Any]]:
    tables: dict[str, Floats] = {  # [N, columns]
        "means": gaussians.means,
        "quats": gaussians.quats,
        "log_scales": gaussians.log_scales,
        "logit_opacities": gaussians.logit_opacities[:, None],
        "sh_constant": gaussians.sh[:, 0],
        "sh_others": gaussians.sh[:, 1:].reshape(len(gaussians), 3 * (gaussians.sh.shape[1] - 1)),
    }
    arrays: dict[str, NDArray[Any]] = {"version": np.array(_VERSION)}
    for name, table in tables.items():
        low, high = (table.min(axis=0), table.max(axis=0)) if len(table) else np.zeros((2, table.shape[1]))
        steps = np.iinfo(_CODES[name]).max / np.where(high > low, np.float64(high) - low, 1.0)
        arrays[name] = np.rint((table - np.float64(low)) * steps).astype(_CODES[name])
        arrays[f"{name}_range"] = np.stack([low, high])
    return arrays


def _decode(arrays: Arrays) -> Gaussians:
    if int(arrays["version"]) != _VERSION:
        raise ValueError(f"version {arrays['version']}, this pad_ros reads {_VERSION}")
    tables: dict[str, Floats] = {}
    for name, kind in _CODES.items():
        low, high = arrays[f"{name}_range"].astype(np.float64)
        tables[name] = (low + arrays[name] * ((high - low) / np.iinfo(kind).max)).astype(np.float32)
    others = tables.pop("sh_others")
    sh = np.concatenate(
        [tables.pop("sh_constant")[:, None], others.reshape(len(others), others.shape[1] // 3, 3)], axis=1
    )
    return Gaussians(**{**tables, "logit_opacities": tables["logit_opacities"][:, 0]}, sh=sh)
