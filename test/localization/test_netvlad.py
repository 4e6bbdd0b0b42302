import sys
import types

import cv2
import numpy as np
import pytest

from pad_ros.errors import BuildError, ConfigError, ProductError, WeightsError
from pad_ros.localization.retrieval import create_retrieval

NETVLAD = {"name": "netvlad", "device": "cpu"}
MAT = "VGG16-NetVLAD-Pitts30K.mat"


def test_what_is_missing_is_said(monkeypatch, tmp_path):
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "torch", None)
        with pytest.raises(BuildError, match="retrieval 'netvlad' needs PyTorch"):
            create_retrieval(NETVLAD)
    pytest.importorskip("torch")
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "hloc", None)
        with pytest.raises(BuildError, match=r"retrieval 'netvlad' needs hloc, .*: `make paper`"):
            create_retrieval(NETVLAD)


@pytest.fixture
def stand_in_hloc(monkeypatch, tmp_path):
    """hloc's NetVLAD in miniature: looks for the file where hloc does; the descriptor is the mean colour."""
    torch = pytest.importorskip("torch")

    class NetVLAD(torch.nn.Module):
        def __init__(self, conf):
            super().__init__()
            path = f"{torch.hub.get_dir()}/netvlad/{conf['model_name']}.mat"
            with open(path) as file:
                if file.read() != "NetVLAD":
                    raise ValueError("unknown file type")

        def forward(self, data):
            assert data["image"].min() >= 0 and data["image"].max() <= 1
            NetVLAD.seen = data["image"].numpy()
            mean = data["image"].mean(dim=[2, 3])
            return {"global_descriptor": mean / mean.norm(dim=1, keepdim=True)}

    module = types.ModuleType("hloc.extractors.netvlad")
    module.NetVLAD = NetVLAD
    for name in ("hloc", "hloc.extractors"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setenv("PAD_WEIGHTS", str(tmp_path))
    (tmp_path / "netvlad").mkdir()
    (tmp_path / "netvlad" / MAT).write_text("NetVLAD")
    return NetVLAD


def test_the_network_sees_the_image_as_in_hloc_and_ranks_views_by_cosine(stand_in_hloc, box_map):
    import dataclasses

    retrieval = create_retrieval({**NETVLAD, "size": 100})
    image = np.random.default_rng(0).integers(0, 256, (120, 200, 3), dtype=np.uint8)
    descriptor = retrieval.describe(image)
    assert descriptor.dtype == np.float16
    shrunk = cv2.resize(image.astype(np.float32), (100, 60), interpolation=cv2.INTER_AREA)
    np.testing.assert_allclose(stand_in_hloc.seen[0], shrunk.transpose(2, 0, 1) / 255.0, atol=1e-6)
    retrieval.describe(image[:50, :80])
    assert stand_in_hloc.seen.shape == (1, 3, 50, 80)  # never enlarged

    with pytest.raises(ProductError, match="without NetVLAD"):
        retrieval.ranking(box_map)
    views = np.zeros((len(box_map.view_poses), 3), np.float16)
    views[[5, 2]] = [[0, 0, 1], [0.1, 0, 0.9]]
    blue = np.zeros((50, 50, 3), np.uint8)
    blue[..., 2] = 255
    rank = retrieval.ranking(dataclasses.replace(box_map, view_descriptors=views))
    assert rank(blue, None, 2).tolist() == [5, 2]


def test_wrong_weights_and_settings_are_said_and_the_hubs_folder_is_as_before(stand_in_hloc, tmp_path):
    import torch

    before = torch.hub.get_dir()
    create_retrieval(NETVLAD)
    (tmp_path / "netvlad" / MAT).write_text("something else")
    with pytest.raises(ConfigError, match=r"no NetVLAD \(unknown file type\); pad weights verify netvlad"):
        create_retrieval(NETVLAD)
    assert torch.hub.get_dir() == before
    (tmp_path / "netvlad" / MAT).unlink()
    with pytest.raises(WeightsError, match="pad weights fetch netvlad"):
        create_retrieval(NETVLAD)
    with pytest.raises(ConfigError, match="size must be above 0"):
        create_retrieval({**NETVLAD, "size": 0})


@pytest.mark.slow
def test_with_hlocs_own_code_the_descriptor_is_that_of_its_network(stand_in_weights, monkeypatch):
    netvlad = pytest.importorskip("hloc.extractors.netvlad")
    import torch

    folder = stand_in_weights("netvlad")
    monkeypatch.setenv("PAD_WEIGHTS", str(folder))
    image = np.random.default_rng(0).integers(0, 256, (96, 128, 3), dtype=np.uint8)
    descriptor = create_retrieval(NETVLAD).describe(image)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(folder))
    network = netvlad.NetVLAD({}).eval()
    with torch.inference_mode():
        pixels = torch.from_numpy(image.transpose(2, 0, 1)[None] / np.float32(255))
        expected = network({"image": pixels})["global_descriptor"][0].numpy()
    assert descriptor.shape == (4096,)
    np.testing.assert_allclose(descriptor, expected, atol=1e-3)
