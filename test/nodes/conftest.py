import pytest


@pytest.fixture
def fake_product(tmp_path_factory, monkeypatch):
    """Makes `fake` a product folder of the current directory: enough for the graph, and for a fake inspector."""
    folder = tmp_path_factory.mktemp("products")
    (folder / "fake").mkdir()
    (folder / "fake" / "product.yaml").write_text("name: fake\n")
    monkeypatch.chdir(folder)
