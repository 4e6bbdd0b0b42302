"""Files of named arrays: replaced atomically, no pickle."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pad_ros.common.files import replacing
from pad_ros.errors import ProductError


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]], compress: bool) -> None:
    """Writes an npz file; never leaves half of one."""
    with replacing(path) as partial, partial.open("wb") as file:
        (np.savez_compressed if compress else np.savez)(file, **arrays)  # type: ignore[arg-type]


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Reads an npz file.

    Raises:
        ProductError: missing, truncated or altered, or something else.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except FileNotFoundError:
        raise ProductError(f"{path}: missing; copy or train the product again") from None
    except (
        OSError,
        AttributeError,
        ValueError,
        EOFError,
        zipfile.BadZipFile,
        zlib.error,
        NotImplementedError,
    ) as error:
        raise ProductError(f"{path}: truncated or altered ({error}); copy or train the product again") from None
