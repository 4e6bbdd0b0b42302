"""Times of the CPU rasterizer: forward, and a training step (forward, loss, backward, Adam).

    python benchmarks/splatting.py [--splats splats.ply]

Prints a Markdown table, with CPU time in brackets beside wall time.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from pad_ros.geometry import Camera, look_at
from pad_ros.splatting.cpu import CpuRasterizer
from pad_ros.splatting.gaussians import Gaussians
from pad_ros.splatting.optimizer import PARAMETERS, Optimizer

_REPEATS = 9


def surface_scene(count: int, seed: int = 0) -> Gaussians:
    """Flat Gaussians on a box of about unit size: the layers and overlaps of a trained part."""
    rng = np.random.default_rng(seed)
    direction = rng.normal(size=(count, 3))
    size = 1.6 / np.sqrt(count)
    return Gaussians(
        means=direction / (np.abs(direction).max(axis=1, keepdims=True) * [2.0, 1.4, 1.6]),
        quats=rng.normal(size=(count, 4)),
        log_scales=np.log(rng.uniform(0.3, 1.2, (count, 3)) * size),
        logit_opacities=rng.normal(1.5, 1.5, count),
        sh=rng.normal(0.0, 0.3, (count, 4, 3)),
    )


def best(action: Callable[[], object], repeats: int = _REPEATS) -> tuple[float, float]:
    """The least wall time and the least CPU time in milliseconds."""
    wall, cpu = [], []
    for _ in range(repeats):
        a, b = time.perf_counter(), time.process_time()
        action()
        wall.append(time.perf_counter() - a)
        cpu.append(time.process_time() - b)
    return 1e3 * min(wall), 1e3 * min(cpu)


def machine() -> str:
    """The processor's name."""
    info = Path("/proc/cpuinfo")
    names = (
        [line.split(":")[1].strip() for line in info.read_text().splitlines() if "model name" in line]
        if info.is_file()
        else []
    )
    return f"{names[0] if names else platform.processor() or platform.machine()}, {len(names) or '?'} cores"


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--splats", type=Path, help="a trained part instead of the made-up ones (near the origin)")
    splats = parser.parse_args().splats
    trained = Gaussians.load_ply(splats) if splats else None
    print(f"{machine()}; kernels: {CpuRasterizer(threads=1).kernels}; least of {_REPEATS}\n")
    print("| pixels | Gaussians | threads | forward ms (CPU) | training step ms (CPU) |")
    print("|---|---|---|---|---|")
    for size in (400, 800):
        for count in (10_000, 30_000) if trained is None else (len(trained),):
            scene = surface_scene(count) if trained is None else trained
            radius = np.percentile(np.linalg.norm(scene.means, axis=1), 98)
            camera = Camera(size, size, 1.4 * size, 1.4 * size, size / 2, size / 2)
            pose = look_at(radius * np.array([3.0, -2.2, 1.9]), np.zeros(3), np.array([0.0, 0.0, 1.0]))
            for threads in (1, 2):
                print(row(scene, camera, pose, threads), flush=True)


def row(scene: Gaussians, camera: Camera, pose: np.ndarray, threads: int) -> str:
    """One line of the table."""
    rasterizer = CpuRasterizer(threads=threads)
    optimizer = Optimizer(rasterizer, scene)
    rates = {name: np.zeros(getattr(scene, name)[:1].size, np.float32) for name in PARAMETERS}
    target = np.full((camera.height, camera.width, 3), 128, np.uint8)
    alpha = np.full(target.shape[:2], 255, np.uint8)
    d_color, d_transmittance = np.zeros(target.shape, np.float32), np.zeros(alpha.shape, np.float32)

    def step() -> None:
        rendering, box = rasterizer.forward(optimizer.gaussians, camera, pose)
        assert box is not None
        rasterizer.loss(rendering, target, alpha, box, 0.2, 0.2, d_color, d_transmittance)
        rasterizer.backward(optimizer.gaussians, rendering, d_color, d_transmittance, optimizer.gradients)
        optimizer.step(rates)

    forward, forward_cpu = best(lambda: rasterizer.render(scene, camera, pose))
    training, training_cpu = best(step)
    return (
        f"| {camera.width}x{camera.height} | {len(scene)} | {threads} | {forward:.1f} ({forward_cpu:.1f}) "
        f"| {training:.1f} ({training_cpu:.1f}) |"
    )


if __name__ == "__main__":
    main()
