"""How splats are trained: the settings, and the presets that name a set of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from pad_ros.common.registry import check_settings
from pad_ros.errors import ConfigError

DENSIFICATIONS = ("budget", "threshold")
EXTENTS = ("object", "cameras")
RASTERIZERS = ("cpu", "cuda", "auto")


@dataclass(frozen=True)
class TrainerSettings:
    """How to train; the defaults are those of the preset `fast`, which also stops early.

    Lengths are relative to `extent`, fractions to `iterations`.

    Attributes:
        iterations: steps of one view each.
        max_gaussians: never more than these.
        gaussians_per_pixel: and never more than these times the object's pixels in a photo, on average; 0 for no such
            limit. "budget" grows to the smaller of both. At 400x400, doubling 1 gained 0.5 dB.
        initial_gaussians: to start from (SfM points, filled up inside the visual hull); 0 for the SfM points
            as they are.
        sh_degree: degree of the view-dependent colour, 0 to 3; grows by one each `sh_every` of the way. At 0 the
            twin learns no highlights. On views lit as in training it would gain by them (shiny LEGO: 3 dB), but a
            part that lies turned under the lamp has them elsewhere: they would be false positives.
        sh_every: see there.
        ssim_weight: share of 1 - SSIM in the loss, the rest is L1.
        alpha_weight: of |transmittance - (1 - alpha)|, where alphas are given.
        densification: who grows: "budget", as many as there is room for, or "threshold", as in 3DGS.
        densify_from: where densification begins,
        densify_until: and ends,
        densify_every: and how many iterations lie between.
        densify_gradient: "threshold" grows what has a larger mean screen-space gradient, in normalised device
            coordinates, as in 3DGS.
        reset_opacity_every: "threshold" makes all nearly transparent this often, in iterations; 0 for never.
        split_above: Gaussians larger than this are split, smaller ones doubled.
        min_opacity: fainter Gaussians are dropped.
        extent: the unit of length: the "object"'s radius, or 3DGS's, by how far apart the "cameras" are.
        coarse_size: the first views are this many pixels wide, then twice as many, …
        coarse_fraction: until this fraction of the way, where they are full size; 0 for full size at once.
        rate_means: learning rate at the start,
        rate_means_final: and what it falls to, as a fraction.
        rate_quats: learning rate.
        rate_log_scales: learning rate.
        rate_logit_opacities: learning rate.
        rate_sh: learning rate of the constant harmonic; a twentieth of it for the others.
        rate_final: what the other learning rates fall to, as a fraction.
        stop_gain: training ends before `iterations` when it no longer gains this many dB, see `convergence`;
            0 for never.
        time_limit: seconds after which training ends early; 0 for none (only then is it deterministic).
        rasterizer: that trains: "cpu"; "cuda" (gsplat), whose sums are not deterministic; or "auto", which is
            cuda where that can run.
        threads: of "cpu"; 0 for one per core.
    """

    iterations: int = 6000
    max_gaussians: int = 60_000
    gaussians_per_pixel: float = 1.0
    initial_gaussians: int = 6_000
    sh_degree: int = 0
    sh_every: float = 0.1
    ssim_weight: float = 0.2
    alpha_weight: float = 0.2
    densification: str = "budget"
    densify_from: float = 0.05
    densify_until: float = 0.6
    densify_every: int = 100
    densify_gradient: float = 2e-4
    reset_opacity_every: int = 0
    split_above: float = 0.005
    min_opacity: float = 0.02
    extent: str = "object"
    coarse_size: int = 200
    coarse_fraction: float = 0.4
    rate_means: float = 2.5e-3
    rate_means_final: float = 0.01
    rate_quats: float = 2e-3
    rate_log_scales: float = 1.5e-2
    rate_logit_opacities: float = 5e-2
    rate_sh: float = 1e-2
    rate_final: float = 0.1
    stop_gain: float = 0.0
    time_limit: float = 0.0
    rasterizer: str = "cpu"
    threads: int = 0

    def __post_init__(self) -> None:
        """Refuses impossible settings.

        Raises:
            ConfigError: says which.
        """
        choices_of = {"densification": DENSIFICATIONS, "extent": EXTENTS, "rasterizer": RASTERIZERS}
        for name, choices in choices_of.items():
            if getattr(self, name) not in choices:
                raise ConfigError(f"trainer: {name} must be one of {', '.join(choices)}, got {getattr(self, name)!r}")
        for field in fields(self):
            if field.type == "str":
                continue
            value = getattr(self, field.name)
            whole = field.type == "int"
            if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or not 0 <= value < 1e9:
                kind = "an integer" if whole else "a number"
                raise ConfigError(f"trainer: {field.name} must be {kind} >= 0, got {value!r}")
        if self.sh_degree > 3:
            raise ConfigError(f"trainer: sh_degree must be 0 to 3, got {self.sh_degree}")
        for name in ("iterations", "max_gaussians", "densify_every", "coarse_size"):
            if getattr(self, name) < 1:
                raise ConfigError(f"trainer: {name} must be at least 1")
        for name in (
            "ssim_weight",
            "densify_from",
            "densify_until",
            "coarse_fraction",
            "min_opacity",
            "rate_means_final",
            "rate_final",
        ):
            if getattr(self, name) > 1:
                raise ConfigError(f"trainer: {name} must be at most 1, got {getattr(self, name)}")


# The paper's, which are those of 3D Gaussian splatting's published code (Kerbl et al., 2023) but for the number of
# iterations and the interval of densification. It counts in iterations and lets the means' rate fall over 30,000.
_PAPER = TrainerSettings(
    iterations=15_000,
    max_gaussians=2_000_000,
    gaussians_per_pixel=0.0,
    initial_gaussians=0,
    sh_degree=3,
    sh_every=1_000 / 15_000,
    ssim_weight=0.2,
    alpha_weight=0.0,
    densification="threshold",
    densify_from=500 / 15_000,
    densify_until=1.0,
    densify_every=1_000,
    densify_gradient=2e-4,
    reset_opacity_every=3_000,
    split_above=0.01,
    min_opacity=0.005,
    extent="cameras",
    coarse_fraction=0.0,
    rate_means=1.6e-4,
    rate_means_final=0.1,
    rate_quats=1e-3,
    rate_log_scales=5e-3,
    rate_logit_opacities=5e-2,
    rate_sh=2.5e-3,
    rate_final=1.0,
)

# On a class of 100 views at 400x400, fast still gains 0.07 dB at its end: only what is simpler stops early.
PRESETS = {"fast": TrainerSettings(stop_gain=0.05), "paper": _PAPER}


def resolve_settings(settings: Mapping[str, Any]) -> TrainerSettings:
    """Makes the trainer's settings from a profile's: `preset` ("fast" without one), and what differs from it.

    Raises:
        ConfigError: unknown or refused settings.
    """
    changes = dict(settings)
    preset = changes.pop("preset", "fast")
    if preset not in PRESETS:
        raise ConfigError(f"splatting.trainer: no preset {preset!r}; choose one of {', '.join(PRESETS)}")
    check_settings("splatting.trainer", TrainerSettings, changes)
    return replace(PRESETS[preset], **changes)


def describe_settings(settings: TrainerSettings) -> dict[str, Any]:
    """The same as a profile's part that states every setting."""
    return asdict(settings)
