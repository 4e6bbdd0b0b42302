import importlib.util
import os
from pathlib import Path

import pytest

import pad_ros
from pad_ros.common.resources import share_folder

# Before numeric libraries load: tests share the machine with the processes that they start.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@pytest.fixture(scope="session")
def sample_product():
    """The committed product; `make sample` makes it."""
    folder = share_folder() / "sample" / "product"
    assert (folder / "product.yaml").is_file(), f"{folder}: missing; make it with `make sample`"
    return folder


@pytest.fixture(scope="session")
def sample_bag():
    """The committed bag of test parts; `make sample` makes it."""
    folder = share_folder() / "sample" / "bag"
    assert (folder / "metadata.yaml").is_file(), f"{folder}: missing; make it with `make sample`"
    return folder


@pytest.fixture(scope="session")
def product(sample_product):
    from pad_ros.product import Product

    return Product.load(sample_product)


@pytest.fixture(scope="session")
def inspector(product):
    from pad_ros.inspector import Inspector

    return Inspector(product)


@pytest.fixture(scope="session")
def sample_images(sample_bag):
    """The bag's images as (part id, view index, RGB image), in its order."""
    from pad_ros.images import decode_image
    from pad_ros.sources.bag import message_types, read_bag

    store, parts, images = message_types(), {}, []
    for entry in read_bag(sample_bag):
        message = store.deserialize_cdr(entry.data, entry.type)
        if entry.topic == "/part_view":
            parts[entry.stamp] = (message.part_id, message.view_index)
        elif entry.topic.startswith("/image_raw"):
            images.append((*parts[entry.stamp], decode_image(message.data.tobytes())))
    return images


@pytest.fixture(scope="session")
def stand_in_weights(tmp_path_factory):
    """Called with names of weights, writes networks of the real architecture drawn at random; returns their folder."""
    pytest.importorskip("torch")
    spec = importlib.util.spec_from_file_location(
        "stand_in_weights", Path(pad_ros.__file__).resolve().parent.parent / "tools" / "stand_in_weights.py"
    )
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    folder = tmp_path_factory.mktemp("weights")

    def write(*names):
        for name in names:
            if not (folder / name).is_dir():
                tool.write_stand_ins(folder, name)
        return folder

    return write
