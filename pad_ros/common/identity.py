"""Which product a folder holds, without loading it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import yaml

from pad_ros.errors import ProductError

MANIFEST = "product.yaml"  # of a product; see pad_ros.product


@dataclass(frozen=True)
class Identity:
    """A product's name, and the sha256 of its manifest, which holds those of all of its other files."""

    name: str
    checksum: str

    @classmethod
    def of(cls, folder: Path | str) -> Identity:
        """Reads the manifest alone.

        Raises:
            ProductError: there is none, or it names no product.
        """
        manifest = Path(folder) / MANIFEST
        try:
            data = manifest.read_bytes()
            name = yaml.safe_load(data)["name"]
        except FileNotFoundError:
            raise ProductError(f"{folder}: no {MANIFEST}, so no product; make one with `pad train`") from None
        except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError) as error:
            problem = " ".join(f"{type(error).__name__} {error}".split())
            raise ProductError(f"{manifest}: incomplete or altered ({problem}); train it again") from None
        return cls(str(name), hashlib.sha256(data).hexdigest())
