"""The compiled CPU backend: tiles, SIMD and threads behind a C interface (csrc/)."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pad_ros.errors import BuildError, ConfigError
from pad_ros.geometry import Camera, Matrix, invert_rigid
from pad_ros.splatting.gaussians import Floats, Gaussians
from pad_ros.splatting.library import load_library
from pad_ros.splatting.rasterize import WHITE, Rendering

Box = tuple[int, int, int, int]  # x0, y0, x1, y1 in pixels, end exclusive


class NativeScene(ctypes.Structure):
    """Gaussians as the library takes them: pointers into arrays that must outlive it."""

    _fields_ = [("count", ctypes.c_int64), ("degree", ctypes.c_int32), ("coefficients", ctypes.c_int32)] + [
        (name, ctypes.c_void_p) for name in ("means", "quats", "log_scales", "logit_opacities", "sh")
    ]
    _fields_.append(("activated", ctypes.c_int32))


class NativeView(ctypes.Structure):
    """A camera at its pose, and the background."""

    _fields_ = (
        [("width", ctypes.c_int32), ("height", ctypes.c_int32)]
        + [(name, ctypes.c_float) for name in ("fx", "fy", "cx", "cy")]
        + [("rotation", ctypes.c_float * 9)]
        + [(name, ctypes.c_float * 3) for name in ("translation", "center", "background")]
    )


class _Gradients(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_void_p)
        for name in ("means", "quats", "log_scales", "logit_opacities", "sh", "screen", "screen_signed", "pose")
    ]


@dataclass(frozen=True)
class Gradients:
    """dL/d(parameters), shaped like the Gaussians' arrays.

    `screen` [N] is the norm of the summed absolute gradients of the screen-space means, per pixel: where
    it is large, a Gaussian covers what it cannot represent. `screen_signed` [N] is the norm of the signed sums,
    3DGS's measure, in which opposite pulls cancel out. `pose` [5, 3] holds the rows of dL/d(rotation),
    dL/d(translation) and dL/d(camera centre) of camera_from_object, each entry as a free variable; None leaves
    it out. For a scene of plain scales and opacities, so are the gradients of these two.
    """

    means: Floats
    quats: Floats
    log_scales: Floats
    logit_opacities: Floats
    sh: Floats
    screen: Floats
    screen_signed: Floats
    pose: Floats | None = None


@dataclass(frozen=True)
class LossValue:
    """Means over the image; `mse` in units of 0…1 squared."""

    l1: float
    mse: float
    dissimilarity: float  # 1 - SSIM
    alpha_l1: float


class CpuRasterizer:
    """Renders and differentiates splats on the CPU; one view at a time, not thread-safe.

    Args:
        threads: how many to use; 0 for one per core.
        portable: use no AVX2 even where there is some (to compare).
    """

    def __init__(self, threads: int = 0, portable: bool = False) -> None:
        if not isinstance(threads, int) or isinstance(threads, bool) or not 0 <= threads <= 256:
            raise ConfigError(f"rasterizer: threads must be an integer from 0 (one per core) to 256, got {threads!r}")
        self._library = _declare(load_library())
        handle = self._library.pad_create(threads, int(portable))
        if not handle:
            raise BuildError(f"rasterizer: cannot start {threads} threads")
        self._handle = ctypes.c_void_p(handle)
        weakref.finalize(self, self._library.pad_destroy, self._handle)
        self._last: tuple[NativeScene, NativeView] | None = None

    @property
    def kernels(self) -> str:
        """The instruction set in use: "avx2" or "portable"."""
        return self._library.pad_kernels(self._handle).decode()

    @property
    def composited(self) -> int:
        """How many pixels the last `forward` composited, summed over the Gaussians."""
        return int(self._library.pad_composited(self._handle))

    def multiply_add(self, rounds: int) -> int:
        """Keeps all threads busy with multiply-adds, to measure the machine; returns the floating-point operations."""
        return int(self._library.pad_multiply_add(self._handle, ctypes.c_int64(rounds)))

    def render(
        self,
        gaussians: Gaussians,
        camera: Camera,
        object_from_camera: Matrix,
        background: Sequence[float] = WHITE,
    ) -> Rendering:
        """Renders the Gaussians from a camera-to-object pose [4, 4] over an RGB background in 0…1."""
        return self.forward(gaussians, camera, object_from_camera, background)[0]

    def forward(
        self,
        gaussians: Gaussians,
        camera: Camera,
        object_from_camera: Matrix,
        background: Sequence[float] = WHITE,
        sh_degree: int | None = None,
    ) -> tuple[Rendering, Box | None]:
        """Renders, and says where: the box of the tiles that hold any splat, None when none does.

        Args:
            gaussians: what to render.
            camera: the intrinsics.
            object_from_camera: camera-to-object pose [4, 4].
            background: RGB in 0…1.
            sh_degree: evaluates only the harmonics up to this degree; None for all.
        """
        shape = camera.height, camera.width
        rendering = Rendering(np.empty((*shape, 3), np.float32), np.empty(shape, np.float32))
        scene = _stored_scene(gaussians, sh_degree)
        box = self.draw(scene, _posed_view(camera, object_from_camera, background), rendering)
        return rendering, box

    def draw(self, scene: NativeScene, view: NativeView, out: Rendering) -> Box | None:
        """Renders into `out` and keeps what the gradient needs; returns the box as `forward` does."""
        bounds = (ctypes.c_int32 * 4)()
        arrays = _at(out.color), _at(out.transmittance)
        self._call("pad_forward", ctypes.byref(scene), ctypes.byref(view), *arrays, bounds)
        self._last = scene, view
        box: Box = tuple(bounds)  # type: ignore[assignment]
        return box if box[0] < box[2] else None

    def backward(
        self,
        gaussians: Gaussians,
        rendering: Rendering,
        d_color: Floats,
        d_transmittance: Floats,
        out: Gradients | None = None,
    ) -> Gradients:
        """The gradient of a loss through the last `forward`.

        Args:
            gaussians: those of the last forward, unchanged.
            rendering: its result, unchanged.
            d_color: dL/d(color) [H, W, 3], contiguous.
            d_transmittance: dL/d(transmittance) [H, W], contiguous.
            out: arrays to overwrite instead of new ones.

        Raises:
            ConfigError: no forward came before.
        """
        out = empty_gradients(gaussians) if out is None else out
        self.differentiate(rendering, d_color, d_transmittance, out)
        return out

    def differentiate(self, rendering: Rendering, d_color: Floats, d_transmittance: Floats, out: Gradients) -> None:
        """Writes the gradient of a loss through the last `forward` or `draw` into `out`."""
        if self._last is None:
            raise ConfigError("rasterizer: backward needs a forward first")
        arrays = (getattr(out, field.name) for field in fields(out))
        pointers = _Gradients(*(None if array is None else _at(array) for array in arrays))
        scene, view = self._last
        self._call(
            "pad_backward",
            ctypes.byref(scene),
            ctypes.byref(view),
            *map(_at, (rendering.color, rendering.transmittance, d_color, d_transmittance)),
            ctypes.byref(pointers),
        )

    def holds(self, scene: NativeScene, view: NativeView) -> bool:
        """Whether these very two were drawn last, so that `differentiate` is about them."""
        return self._last is not None and self._last[0] is scene and self._last[1] is view

    def loss(
        self,
        rendering: Rendering,
        target: NDArray[np.uint8],
        alpha: NDArray[np.uint8] | None,
        crop: Box,
        ssim_weight: float,
        alpha_weight: float,
        d_color: Floats,
        d_transmittance: Floats,
    ) -> LossValue:
        """(1 - w) L1 + w (1 - SSIM) + a |transmittance - (1 - alpha)| and its gradient, mean over the image.

        Args:
            rendering: what was rendered.
            target: the truth [H, W, 3].
            alpha: the truth's coverage [H, W], 255 on the object; None without.
            crop: everything outside this box is background in both and left out.
            ssim_weight: w.
            alpha_weight: a.
            d_color: out [H, W, 3], written inside the crop only.
            d_transmittance: out [H, W], written inside the crop only.
        """
        height, width = rendering.transmittance.shape
        x0, y0, x1, y1 = crop
        means = (ctypes.c_double * 4)()
        self._call(
            "pad_loss",
            (ctypes.c_int32 * 2)(width, height),
            (ctypes.c_int32 * 4)(x0, y0, x1 - x0, y1 - y0),
            _at(rendering.color),
            _at(rendering.transmittance),
            _at(target),
            None if alpha is None else _at(alpha),
            ctypes.c_float(ssim_weight),
            ctypes.c_float(alpha_weight),
            _at(d_color),
            _at(d_transmittance),
            means,
        )
        return LossValue(*means)

    def adam(
        self, parameters: Floats, gradients: Floats, first: Floats, second: Floats, rates: Floats, step: int
    ) -> None:
        """One Adam step in place; `rates` holds a learning rate per column of the parameters [N, columns]."""
        rows = len(parameters)
        columns = parameters.size // rows if rows else 1
        if rates.shape != (columns,) or rates.dtype != np.float32:
            raise ConfigError(f"adam: {rates.dtype} rates {rates.shape} for {columns} columns")
        pointers = map(_at, (parameters, gradients, first, second))
        self._call(
            "pad_adam", ctypes.c_int64(rows), ctypes.c_int64(columns), _at(rates), ctypes.c_int64(step), *pointers
        )

    def _call(self, name: str, *arguments: Any) -> None:
        if getattr(self._library, name)(self._handle, *arguments) != 0:
            raise MemoryError(f"{name}: out of memory")


def empty_gradients(gaussians: Gaussians, pose: bool = False) -> Gradients:
    """Uninitialised arrays for the gradients of these Gaussians, and of the pose if wanted."""
    names = ("means", "quats", "log_scales", "logit_opacities", "sh")
    return Gradients(
        **{name: np.empty_like(getattr(gaussians, name)) for name in names},
        screen=np.empty(len(gaussians), np.float32),
        screen_signed=np.empty(len(gaussians), np.float32),
        pose=np.empty((5, 3), np.float32) if pose else None,
    )


def _declare(library: ctypes.CDLL) -> ctypes.CDLL:
    library.pad_create.restype = ctypes.c_void_p
    library.pad_destroy.argtypes = [ctypes.c_void_p]
    library.pad_destroy.restype = None
    library.pad_kernels.argtypes = [ctypes.c_void_p]
    library.pad_kernels.restype = ctypes.c_char_p
    library.pad_composited.restype = ctypes.c_int64
    library.pad_multiply_add.restype = ctypes.c_int64
    return library


def _at(array: NDArray[Any]) -> ctypes.c_void_p:
    if not array.flags.c_contiguous or array.dtype not in (np.float32, np.uint8):
        raise ConfigError(f"rasterizer: expected a contiguous float32 or uint8 array, got {array.dtype}")
    return ctypes.c_void_p(array.ctypes.data)


def native_scene(
    means: Floats,
    quats: Floats,
    scales: Floats,
    opacities: Floats,
    sh: Floats,
    degree: int,
    activated: bool,
) -> NativeScene:
    """Points the library at arrays as in `Gaussians`, or with plain scales and opacities if `activated`."""
    arrays = (means, quats, scales, opacities, sh)
    return NativeScene(len(means), degree, sh.shape[1], *map(_at, arrays), int(activated))


def native_view(
    size: tuple[int, int],
    intrinsics: tuple[float, float, float, float],
    camera_from_object: Matrix,
    center: Matrix,
    background: Sequence[float],
) -> NativeView:
    """Describes a view to the library.

    Args:
        size: width, height.
        intrinsics: fx, fy, cx, cy.
        camera_from_object: [4, 4].
        center: the camera's, in the object frame [3].
        background: RGB in 0…1.
    """
    rotation = (ctypes.c_float * 9)(*camera_from_object[:3, :3].ravel())
    vectors = ((ctypes.c_float * 3)(*vector) for vector in (camera_from_object[:3, 3], center, background))
    return NativeView(*size, *intrinsics, rotation, *vectors)


def _stored_scene(g: Gaussians, sh_degree: int | None) -> NativeScene:
    degree = g.sh_degree if sh_degree is None else min(sh_degree, g.sh_degree)
    return native_scene(g.means, g.quats, g.log_scales, g.logit_opacities, g.sh, degree, activated=False)


def _posed_view(camera: Camera, object_from_camera: Matrix, background: Sequence[float]) -> NativeView:
    pose = np.asarray(object_from_camera, dtype=np.float64)
    intrinsics = (camera.fx, camera.fy, camera.cx, camera.cy)
    return native_view((camera.width, camera.height), intrinsics, invert_rigid(pose), pose[:3, 3], background)
