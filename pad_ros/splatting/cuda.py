"""The CUDA backend: gsplat, set to the same conventions as the CPU's, to render and to train.

gsplat 1.5.3 (https://github.com/nerfstudio-project/gsplat) compiles its kernels at first use, which takes minutes and
a CUDA toolkit. This module can be imported without PyTorch: what is missing is said when the backend is asked for.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pad_ros.errors import BuildError
from pad_ros.geometry import Camera, Matrix, invert_rigid
from pad_ros.splatting.engine import ScreenGradients
from pad_ros.splatting.gaussians import Gaussians
from pad_ros.splatting.rasterize import WHITE, Rendering
from pad_ros.splatting.settings import TrainerSettings

if TYPE_CHECKING:
    from torch import Tensor

    from pad_ros.splatting.torch_engine import Drawing, TorchEngine, TorchView

# As in csrc/scene.h; unpacked is faster when nearly all Gaussians are in view.
_CONVENTIONS = {"near_plane": 0.01, "eps2d": 0.3, "rasterize_mode": "antialiased", "packed": False}
_NEEDED = "the CUDA rasterizer needs an NVIDIA GPU, PyTorch with CUDA and gsplat 1.5.3"
_COMPILER = "install ninja and the CUDA toolkit (nvcc; set CUDA_HOME) of PyTorch's version"


def rasterize(
    means: Tensor,
    quats: Tensor,
    scales: Tensor,
    opacities: Tensor,
    sh: Tensor,
    viewmats: Tensor,
    Ks: Tensor,  # noqa: N803 - gsplat's name
    width: int,
    height: int,
    background: Tensor,
) -> tuple[Tensor, Tensor]:
    """The backend `cuda` of `rasterization.rasterization`.

    Raises:
        BuildError: PyTorch, gsplat, its compiled kernels or the GPU are missing; says which and what to do.
    """
    gsplat = _load_gsplat()
    if len(means) == 0:  # gsplat's kernels are not made for that; backward passes find gradients of 0
        nothing = sum(tensor.sum() for tensor in (means, quats, scales, opacities, sh, 0.0 * viewmats))
        images = background.expand(len(viewmats), height, width, 3)
        return images + nothing, means.new_zeros(len(viewmats), height, width, 1) + nothing
    colors, alphas, _ = gsplat.rasterization(
        means,
        quats,
        scales,
        opacities,
        sh,
        viewmats,
        Ks,
        width,
        height,
        sh_degree=round(sh.shape[1] ** 0.5) - 1,
        backgrounds=background.expand(len(viewmats), 3).contiguous(),
        **_CONVENTIONS,
    )
    return colors, alphas


def create_cuda_engine(settings: TrainerSettings) -> TorchEngine:
    """Makes the `Engine` that trains with gsplat.

    Raises:
        BuildError: as for `rasterize`.
    """
    gsplat = _load_gsplat()
    from pad_ros.splatting.torch_engine import TorchEngine

    return TorchEngine(settings, draw_to_train, "cuda", kernels=f"gsplat {gsplat.__version__}")


def draw_to_train(parameters: Mapping[str, Tensor], view: TorchView, camera: Camera, sh_degree: int) -> Drawing:
    """Draws the trained Gaussians, and remembers how the loss pulls at them on the screen; see `torch_engine.Draw`."""
    import gsplat

    from pad_ros.splatting.torch_engine import Drawing

    means = parameters["means"]
    colors, alphas, meta = gsplat.rasterization(
        means,
        parameters["quats"],
        parameters["log_scales"].exp(),
        parameters["logit_opacities"].sigmoid(),
        parameters["sh"],
        view.viewmat[None],
        view.K[None],
        camera.width,
        camera.height,
        sh_degree=sh_degree,
        backgrounds=means.new_ones(1, 3),
        absgrad=True,
        **_CONVENTIONS,
    )
    centers = meta["means2d"]  # [1, N, 2] pixels; their gradient is per pixel, as the CPU's
    centers.retain_grad()
    return Drawing(
        colors[0],
        alphas[0, ..., 0],
        lambda: ScreenGradients(centers.absgrad[0].norm(dim=1), centers.grad[0].norm(dim=1)),
    )


class CudaRasterizer:
    """Renders splats on the GPU, one view at a time."""

    def __init__(self) -> None:
        _load_gsplat()

    def render(
        self,
        gaussians: Gaussians,
        camera: Camera,
        object_from_camera: Matrix,
        background: Sequence[float] = WHITE,
    ) -> Rendering:
        """Renders the Gaussians from a camera-to-object pose [4, 4] over an RGB background in 0…1."""
        import torch

        def gpu(array: object) -> Tensor:
            return torch.as_tensor(array, dtype=torch.float32, device="cuda")

        with torch.no_grad():
            colors, alphas = rasterize(
                gpu(gaussians.means),
                gpu(gaussians.quats),
                gpu(gaussians.log_scales).exp(),
                gpu(gaussians.logit_opacities).sigmoid(),
                gpu(gaussians.sh),
                gpu(invert_rigid(object_from_camera)[None]),
                gpu(camera.K[None]),
                camera.width,
                camera.height,
                gpu(background),
            )
        return Rendering(colors[0].cpu().numpy(), (1.0 - alphas[0, ..., 0]).cpu().numpy())


def _load_gsplat() -> Any:
    try:
        import torch
    except ImportError:
        raise BuildError(f"{_NEEDED}; there is no PyTorch: `pip install torch gsplat==1.5.3`") from None
    if not torch.cuda.is_available():
        raise BuildError(f"{_NEEDED}; PyTorch {torch.__version__} sees no GPU; use the rasterizer 'cpu'")
    try:
        import gsplat
        from gsplat.cuda import _backend
    except ImportError as error:
        raise BuildError(f"{_NEEDED}; {error}: `pip install gsplat==1.5.3`") from None
    except (OSError, RuntimeError, subprocess.CalledProcessError) as error:
        raise BuildError(f"gsplat could not compile its kernels ({error}); {_COMPILER} {torch.version.cuda}") from None
    if _backend._C is None:
        raise BuildError(f"gsplat found nothing to compile its kernels with; {_COMPILER} {torch.version.cuda}")
    return gsplat
