import pytest

from pad_ros.errors import BuildError
from pad_ros.splatting import automatic
from pad_ros.splatting.cpu import CpuRasterizer
from pad_ros.splatting.cpu_engine import CpuEngine
from pad_ros.splatting.engine import create_engine
from pad_ros.splatting.rasterize import create_rasterizer
from pad_ros.splatting.settings import TrainerSettings

AUTO = TrainerSettings(rasterizer="auto")


def test_where_cuda_cannot_run_it_is_the_cpu_and_the_reason_is_logged(monkeypatch, caplog):
    def no_gpu():
        raise BuildError("no GPU")

    monkeypatch.setattr(automatic, "CudaRasterizer", no_gpu)
    with caplog.at_level("INFO"):
        assert isinstance(create_rasterizer({"name": "auto"}), CpuRasterizer)
        assert isinstance(create_engine(AUTO), CpuEngine)
    assert "rasterizer 'auto' is 'cpu': no GPU" in caplog.text


def test_where_cuda_can_run_it_is_cuda(monkeypatch):
    monkeypatch.setattr(automatic, "CudaRasterizer", lambda: None)
    monkeypatch.setattr(automatic, "create_rasterizer", lambda settings: settings)
    monkeypatch.setattr(automatic, "create_engine", lambda settings: settings.rasterizer)
    assert create_rasterizer({"name": "auto"}) == {"name": "cuda"}
    assert create_engine(AUTO) == "cuda"


@pytest.mark.gpu
def test_on_a_gpu_it_is_cuda():
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    assert type(create_rasterizer({"name": "auto"})).__name__ == "CudaRasterizer"
