"""The rasterizer `auto`: gsplat where it can run, else the compiled one."""

from __future__ import annotations

import logging
from dataclasses import replace

from pad_ros.errors import BuildError
from pad_ros.splatting.cuda import CudaRasterizer
from pad_ros.splatting.engine import Engine, create_engine
from pad_ros.splatting.rasterize import Rasterizer, create_rasterizer
from pad_ros.splatting.settings import TrainerSettings

logger = logging.getLogger(__name__)


def create_auto_rasterizer() -> Rasterizer:
    """Makes the rasterizer `cuda` or, where that cannot run, `cpu`; says why in the log."""
    return create_rasterizer({"name": _choose()})


def create_auto_engine(settings: TrainerSettings) -> Engine:
    """Makes the engine that trains with `cuda` or, where that cannot run, with `cpu`."""
    return create_engine(replace(settings, rasterizer=_choose()))


def _choose() -> str:
    try:
        CudaRasterizer()
    except BuildError as error:
        logger.info("rasterizer 'auto' is 'cpu': %s", error)
        return "cpu"
    return "cuda"
