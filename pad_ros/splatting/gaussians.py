"""The splats of a part, and the standard 3D Gaussian splatting PLY file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pad_ros.common.files import replacing
from pad_ros.errors import ProductError

Floats = NDArray[np.float32]
SH_C0 = 0.28209479177387814  # the constant harmonic
_COLOURED = 0.12  # difference of channels, of 1, from which on something has a colour


@dataclass(frozen=True)
class Gaussians:
    """N Gaussians in the object frame, as raw parameters (before exp, sigmoid and normalisation); float32.

    `log_scales` are natural logarithms of standard deviations in the product's unit, opacities are
    sigmoid(logit_opacities), quaternions are w, x, y, z of any length > 0, and a colour is
    0.5 + the spherical harmonics of degree `sh_degree` in the viewing direction.
    """

    means: Floats  # [N, 3]
    quats: Floats  # [N, 4] w, x, y, z
    log_scales: Floats  # [N, 3]
    logit_opacities: Floats  # [N]
    sh: Floats  # [N, (sh_degree + 1)^2, 3]

    def __post_init__(self) -> None:
        """Makes every array contiguous float32 and checks the shapes.

        Raises:
            ProductError: the arrays do not fit together.
        """
        for field in fields(self):
            object.__setattr__(self, field.name, np.ascontiguousarray(getattr(self, field.name), dtype=np.float32))
        n = len(self.means)
        tails = {"means": (3,), "quats": (4,), "log_scales": (3,), "logit_opacities": (), "sh": (self.sh.shape[1], 3)}
        for name, tail in tails.items():
            if getattr(self, name).shape != (n, *tail):
                raise ProductError(f"Gaussians: {name} has shape {getattr(self, name).shape}, expected {(n, *tail)}")
        if self.sh.shape[1] not in (1, 4, 9, 16):
            raise ProductError(f"Gaussians: {self.sh.shape[1]} colour coefficients, expected 1, 4, 9 or 16")

    def __len__(self) -> int:
        return len(self.means)

    @property
    def sh_degree(self) -> int:
        """Degree of the spherical harmonics, 0 to 3."""
        return round(self.sh.shape[1] ** 0.5) - 1

    def select(self, index: NDArray[np.generic]) -> Gaussians:
        """The Gaussians of a boolean mask [N] or of indices."""
        return Gaussians(*(getattr(self, field.name)[index] for field in fields(self)))

    def solid(self, most: int) -> Gaussians:
        """Those that are more opaque than not; of more than `most` as many, drawn, and always the same."""
        solid = np.flatnonzero(self.logit_opacities > 0.0)
        if len(solid) > most:
            solid = np.sort(np.random.default_rng(0).choice(solid, most, replace=False))
        return self.select(solid)

    @classmethod
    def joined(cls, parts: Sequence[Gaussians]) -> Gaussians:
        """All of several sets as one, in their order; with harmonics of one degree."""
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))

    @property
    def base_colours(self) -> Floats:
        """The colours without what the viewing direction changes, RGB [N, 3], 0…1 (may exceed it a little)."""
        return 0.5 + SH_C0 * self.sh[:, 0]

    def colour_share(self) -> float:
        """The share of the visible surface that has a colour, 0…1: grey parts have next to none."""
        opacity = 1.0 / (1.0 + np.exp(-self.logit_opacities))
        larger = np.sort(self.log_scales, axis=1)[:, 1:]  # [N, 2]
        area = opacity * np.exp(larger.sum(axis=1))  # [N]
        return float(area[np.ptp(self.base_colours, axis=1) > _COLOURED].sum() / max(float(area.sum()), 1e-12))

    def check_finite(self, source: str) -> None:
        """Refuses broken numbers.

        Raises:
            ProductError: NaN or infinite values; `source` says where.
        """
        for field in fields(self):
            if not np.isfinite(getattr(self, field.name)).all():
                raise ProductError(f"{source}: NaN or infinite {field.name}; train the product again")

    def save_ply(self, path: Path | str) -> None:
        """Writes the binary PLY that 3DGS viewers open; never leaves half a file."""
        n, rest = len(self), self.sh.shape[1] - 1
        # Viewers expect the higher harmonics channel by channel: all red, all green, all blue.
        f_rest = self.sh[:, 1:].transpose(0, 2, 1).reshape(n, 3 * rest)
        columns: list[Floats] = [self.means, np.zeros((n, 3), np.float32), self.sh[:, 0], f_rest]
        columns += [self.logit_opacities[:, None], self.log_scales, self.quats]
        table = np.concatenate(columns, axis=1).astype("<f4")
        header = ["ply", "format binary_little_endian 1.0", f"element vertex {n}"]
        header += [f"property float {name}" for name in _names(self.sh.shape[1])] + ["end_header", ""]
        with replacing(path) as partial:
            partial.write_bytes("\n".join(header).encode() + table.tobytes())

    @classmethod
    def load_ply(cls, path: Path | str) -> Gaussians:
        """Reads a 3DGS PLY (binary little-endian, float properties in any order; unknown ones are ignored).

        Raises:
            ProductError: missing, not such a file, truncated, or with NaN or infinite values.
        """
        columns = _read_columns(Path(path))
        rest = sum(name.startswith("f_rest_") for name in columns)
        if rest % 3 or rest // 3 + 1 not in (1, 4, 9, 16):
            raise ProductError(f"{path}: {rest} f_rest properties, expected 0, 9, 24 or 45")
        coefficients = rest // 3 + 1
        missing = [name for name in _names(coefficients) if name not in columns and name not in ("nx", "ny", "nz")]
        if missing:
            raise ProductError(f"{path}: not a Gaussian splatting PLY, no property {missing[0]!r}")

        def stack(*names: str) -> Floats:
            return np.stack([columns[name] for name in names], axis=1)

        f_dc = stack("f_dc_0", "f_dc_1", "f_dc_2")  # [N, 3]
        sh = f_dc[:, None]
        if rest:
            f_rest = stack(*(f"f_rest_{i}" for i in range(rest))).reshape(-1, 3, coefficients - 1)
            sh = np.concatenate([sh, f_rest.transpose(0, 2, 1)], axis=1)
        result = cls(
            means=stack("x", "y", "z"),
            quats=stack("rot_0", "rot_1", "rot_2", "rot_3"),
            log_scales=stack("scale_0", "scale_1", "scale_2"),
            logit_opacities=columns["opacity"],
            sh=sh,
        )
        result.check_finite(str(path))
        return result


PARAMETERS = tuple(field.name for field in fields(Gaussians))


def _names(coefficients: int) -> list[str]:
    names = ["x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2"]
    names += [f"f_rest_{i}" for i in range(3 * (coefficients - 1))]
    return [*names, "opacity", *(f"scale_{i}" for i in range(3)), *(f"rot_{i}" for i in range(4))]


def _read_columns(path: Path) -> dict[str, Floats]:
    """The float properties of a PLY's vertices by name, each [N]."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ProductError(f"{path}: cannot be read ({error.strerror})") from None
    header, mark, body = data.partition(b"end_header\n")
    lines = header.decode("ascii", errors="replace").split("\n")
    if lines[0].strip() != "ply" or not mark:
        raise ProductError(f"{path}: not a PLY file, or its header is truncated")
    if "format binary_little_endian 1.0" not in (line.strip() for line in lines):
        raise ProductError(f"{path}: only binary_little_endian 1.0 PLY files can be read")
    words = [line.split() for line in lines if line.split()[:1] in (["element"], ["property"])]
    count = words[0][2] if words and words[0][:2] == ["element", "vertex"] and len(words[0]) == 3 else ""
    floats = all(w[0] == "property" and len(w) == 3 and w[1] in ("float", "float32") for w in words[1:])
    if not count.isdigit() or not floats:
        raise ProductError(f"{path}: expected one element, vertex, with float properties only")
    names = [w[2] for w in words[1:]]
    expected = int(count) * len(names) * 4
    if len(body) != expected:
        raise ProductError(f"{path}: {len(body)} bytes of data where {count} Gaussians need {expected}: truncated?")
    table = np.frombuffer(body, dtype="<f4").reshape(int(count), len(names))
    return {name: table[:, i] for i, name in enumerate(names)}
