"""Reads model files as assemblies, whatever their format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pad_ros.errors import SynthesisError
from pad_ros.synthesis.assembly import Assembly
from pad_ros.synthesis.gltf import read_gltf
from pad_ros.synthesis.ldraw import read_ldraw

_LDRAW, _GLTF = (".ldr", ".mpd", ".dat"), (".glb", ".gltf")


def read_model(
    path: Path | str, library: Path | str | None = None, leave_out: Sequence[str] = (), strict: bool = False
) -> Assembly:
    """Reads an LDraw model (.ldr, .mpd, .dat) or a glTF file (.glb, .gltf), by its suffix.

    Args:
        path: the model.
        library: the LDraw parts library; the environment's LDRAWDIR by default. LDraw only.
        leave_out: patterns of submodels, objects and parts to leave out.
        strict: whether missing files are errors; they are warnings otherwise. LDraw only: glTF is always strict.

    Raises:
        SynthesisError: an unknown suffix, or what the format's reader raises.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in (*_LDRAW, *_GLTF):
        raise SynthesisError(f"{path}: unknown kind of model; LDraw ({', '.join(_LDRAW)}) or glTF ({', '.join(_GLTF)})")
    if not path.is_file():
        raise SynthesisError(f"{path}: no such file")
    return read_ldraw(path, library, leave_out, strict) if suffix in _LDRAW else read_gltf(path, leave_out)
