"""Times of the splat rasterizers: forward, forward + backward, and whole training steps (loss and Adam included).

    python benchmarks/splatting.py [--splats PRODUCT] [--backend cuda] [--sh-degree 3]

Prints Markdown tables, with CPU time in brackets beside wall time. PRODUCT is a product's folder or a file of splats;
without it the splats are made up. The other numbers of Gaussians are made from it: fewer are those of the largest
opacity times area, for more the largest are split as in training. Where PyTorch is installed, its plain float64
reference draws a small picture in the same run.

A pair is a Gaussian in a pixel where it shows (alpha >= 1/255) and is not hidden; the CPU rasterizer counts them while
it composites. Their additions and multiplications per second are its share of what independent multiply-adds reach in
the same run. Pixels that turn out not to show, projection, sorting and Adam take time, but do not count.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from splat_objects import make_scenes, view_of

from pad_ros.errors import BuildError
from pad_ros.geometry import Camera, Matrix, invert_rigid
from pad_ros.splatting.cpu import CpuRasterizer, empty_gradients
from pad_ros.splatting.cuda import CudaRasterizer
from pad_ros.splatting.engine import create_engine
from pad_ros.splatting.gaussians import PARAMETERS, Gaussians
from pad_ros.splatting.rasterize import Rendering
from pad_ros.splatting.settings import TrainerSettings
from pad_ros.splatting.views import make_views

_SIZES, _COUNTS, _REPEATS = (400, 800), (10_000, 30_000, 60_000), 25
_REFERENCE_SIZE, _REFERENCE_REPEATS = 100, 2
_FORWARD, _BACKWARD = 31, 63  # additions and multiplications per pair in csrc/composite.inc
_COLUMNS = (
    "pixels|Gaussians|threads|M pairs|forward ms|M pairs/s|of peak|forward + backward ms|M pairs/s|of peak|step ms"
    "|peak GFLOP/s"
)

Action = Callable[[], object]


class Bench(NamedTuple):
    """What is timed, on one backend."""

    forward: Action
    both: Action  # forward + backward
    multiply_add: Callable[[], int]  # the machine at its peak; returns the floating-point operations


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--splats", type=Path, metavar="PRODUCT", help="a trained object (made-up splats)")
    parser.add_argument("--backend", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--sh-degree", type=int, choices=range(4), help="of the harmonics (the object's own)")
    arguments = parser.parse_args()
    cuda = arguments.backend == "cuda"
    try:
        rasterizer = CudaRasterizer() if cuda else None
    except BuildError as error:
        raise SystemExit(f"no table for cuda: {error}") from None
    scenes = make_scenes(arguments.splats, _COUNTS, arguments.sh_degree)
    what = f"{arguments.splats or 'made-up splats'}, harmonics of degree {scenes[0].sh_degree}"
    print(f"{machine(cuda)}; {what}; least of {_REPEATS}\n")
    columns = _COLUMNS.split("|") + ["PSNR to cpu dB"] * cuda
    print(f"| {' | '.join(columns)} |\n|---{'|---:' * (len(columns) - 1)}|")
    for size in _SIZES:
        for scene in scenes:
            camera, pose = view_of(scene, size)
            for threads in (0,) if cuda else (1, 2):
                bench = cuda_bench(scene, camera, pose) if cuda else cpu_bench(scene, camera, pose, threads)
                cells = row(scene, camera, pose, bench, arguments.backend, threads)
                if rasterizer:
                    pictures = [each.render(scene, camera, pose).color for each in (rasterizer, CpuRasterizer())]
                    cells.append(f"{-10.0 * np.log10(np.square(np.subtract(*pictures)).mean()):.1f}")
                print(f"| {' | '.join(cells)} |", flush=True)
    print(f"\n{against_reference(scenes[0])}")


def row(scene: Gaussians, camera: Camera, pose: Matrix, bench: Bench, backend: str, threads: int) -> list[str]:
    """One line of the table."""
    counter = CpuRasterizer()
    picture = counter.render(scene, camera, pose)
    pairs = counter.composited
    step = training_step(scene, camera, pose, picture, backend, threads)
    times = [best(action) for action in (bench.forward, bench.both, step)]
    peak = max(operations_per_second(bench.multiply_add) for _ in range(_REPEATS))
    cells = [f"{camera.width}×{camera.height}", f"{len(scene):,}", str(threads or "–"), f"{pairs / 1e6:.2f}"]
    for (wall, cpu), operations in zip(times, (_FORWARD, _FORWARD + _BACKWARD, None), strict=True):
        cells.append(f"{wall:.1f} ({cpu:.1f})")
        if operations:
            rate = 1e3 * pairs / wall
            cells += [f"{rate / 1e6:.0f}", f"{rate * operations / peak:.0%}"]
    return [*cells, f"{peak / 1e9:,.0f}"]


def cpu_bench(scene: Gaussians, camera: Camera, pose: Matrix, threads: int) -> Bench:
    """The compiled rasterizer."""
    rasterizer, gradients = CpuRasterizer(threads), empty_gradients(scene)
    d_color, d_transmittance = slopes(camera)

    def both() -> None:
        rendering = rasterizer.render(scene, camera, pose)
        rasterizer.backward(scene, rendering, d_color, d_transmittance, gradients)

    return Bench(lambda: rasterizer.render(scene, camera, pose), both, lambda: rasterizer.multiply_add(1_000_000))


def cuda_bench(scene: Gaussians, camera: Camera, pose: Matrix) -> Bench:
    """gsplat; its peak is that of a float32 matrix product."""
    import torch

    matrix = torch.ones(8192, 8192, device="cuda")
    bench = torch_bench(scene, camera, pose, "cuda", "cuda", torch.cuda.synchronize)

    def multiply_add() -> int:
        matrix @ matrix  # in float32 proper: TF32 is off unless asked for
        torch.cuda.synchronize()
        return 2 * len(matrix) ** 3

    return bench._replace(multiply_add=multiply_add)


def torch_bench(
    scene: Gaussians, camera: Camera, pose: Matrix, backend: str, device: str, wait: Action = lambda: None
) -> Bench:
    """A backend of the differentiable interface."""
    import torch

    from pad_ros.splatting.rasterization import rasterization

    def tensor(array: Any) -> torch.Tensor:
        return torch.tensor(np.asarray(array), dtype=torch.float32, device=device)

    opacities = 1.0 / (1.0 + np.exp(-scene.logit_opacities))
    leaves = [tensor(array) for array in (scene.means, scene.quats, np.exp(scene.log_scales), opacities, scene.sh)]
    view = tensor(invert_rigid(pose))[None], tensor(camera.K)[None], camera.width, camera.height
    weights = [tensor(array) for array in slopes(camera)]

    def forward() -> None:
        with torch.no_grad():
            rasterization(*leaves, *view, backend=backend)
        wait()

    def both() -> None:
        colors, alphas = rasterization(*(leaf.requires_grad_() for leaf in leaves), *view, backend=backend)
        torch.autograd.grad([colors[0], alphas[0, ..., 0]], leaves, [weight.to(colors) for weight in weights])
        wait()

    return Bench(forward, both, lambda: 0)


def training_step(
    scene: Gaussians, camera: Camera, pose: Matrix, picture: Rendering, backend: str, threads: int
) -> Action:
    """A step of the trainer against the picture itself, with learning rates of 0: the Gaussians stay as they are."""
    image = np.round(255 * picture.color.clip(0, 1)).astype(np.uint8)
    view = make_views([image] * 2, [1.0 - picture.transmittance] * 2, camera, [pose] * 2)[0]
    engine = create_engine(TrainerSettings(rasterizer=backend, threads=threads))
    engine.begin(scene)
    rates = {name: np.zeros(getattr(scene, name)[:1].size, np.float32) for name in PARAMETERS}

    def step() -> None:
        engine.step(view, scene.sh_degree, rates, lambda gradients, _: gradients.screen)
        if backend == "cuda":
            import torch

            torch.cuda.synchronize()

    return step


def against_reference(scene: Gaussians) -> str:
    """How long the PyTorch reference takes, and how many times longer than the compiled one on as many threads."""
    try:
        import torch
    except ImportError:
        return "No PyTorch, no time of its reference: `pip install torch`."
    camera, pose = view_of(scene, _REFERENCE_SIZE)
    threads = torch.get_num_threads()
    reference, ours = torch_bench(scene, camera, pose, "reference", "cpu"), cpu_bench(scene, camera, pose, threads)
    said = []
    for name in ("forward", "both"):
        slow, fast = best(getattr(reference, name), _REFERENCE_REPEATS)[0], best(getattr(ours, name))[0]
        said.append(f"{slow:,.0f} ms, {slow / fast:,.0f} times the {fast:.2f} ms of cpu")
    return (
        f"PyTorch reference (float64), {camera.width}×{camera.height}, {len(scene):,} Gaussians, {threads} threads: "
        f"forward {said[0]}; forward + backward {said[1]}."
    )


def slopes(camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """A loss's gradient by colour [H, W, 3] and transmittance [H, W]."""
    d = np.random.default_rng(0).normal(size=(4, camera.height, camera.width)).astype(np.float32)
    return np.ascontiguousarray(d[:3].transpose(1, 2, 0)), d[3]


def best(action: Action, repeats: int = _REPEATS) -> tuple[float, float]:
    """The least wall time and the least CPU time in milliseconds."""
    wall, cpu = [], []
    for _ in range(repeats):
        a, b = time.perf_counter(), time.process_time()
        action()
        wall.append(time.perf_counter() - a)
        cpu.append(time.process_time() - b)
    return 1e3 * min(wall), 1e3 * min(cpu)


def operations_per_second(action: Callable[[], int]) -> float:
    """Of one call."""
    start = time.perf_counter()
    return action() / (time.perf_counter() - start)


def machine(cuda: bool = False) -> str:
    """The processor's name, and the GPU's if it is to be used."""
    info = Path("/proc/cpuinfo")
    names = (
        [line.split(":")[1].strip() for line in info.read_text().splitlines() if "model name" in line]
        if info.is_file()
        else []
    )
    processor = f"{names[0] if names else platform.processor() or platform.machine()}, {len(names) or '?'} cores"
    if not cuda:
        return processor
    import torch

    return f"{torch.cuda.get_device_name()}; {processor}"


if __name__ == "__main__":
    main()
