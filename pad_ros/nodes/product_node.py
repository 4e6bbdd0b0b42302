"""What the nodes with a product share: `~/reload_product`, which changes it between two images."""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ClassVar

from rclpy.parameter import Parameter

from pad_ros.common.choices import Choices
from pad_ros.common.identity import Identity
from pad_ros.errors import ConfigError, PadError
from pad_ros.nodes.common import PadNode
from pad_ros.srv import ReloadProduct

_TURN_S = 0.005


def load_inspector(folder: str) -> Any:
    """Loads a product and makes the stages that inspect it.

    Raises:
        ConfigError: no product named, or a profile with unknown stages.
        ProductError: the product is missing or damaged.
    """
    # Imported here: only three of the nodes need the weight of it.
    from pad_ros.inspector import Inspector
    from pad_ros.product import Product

    if not folder:
        raise ConfigError("the parameter product is empty: give the folder that `pad train` made")
    return Inspector(Product.load(folder))


def identity_of(folder: str) -> Identity | None:
    """Which product a folder holds; None without a folder.

    Raises:
        ProductError: the folder holds none.
    """
    return Identity.of(folder) if folder else None


class ProductNode(PadNode):
    """Base of the nodes whose product can be changed while they work; the choice is kept over a crash.

    Another product is read in a thread of its own, and put in use by the worker between two images, or by the node's
    own thread where there is no worker. Sub-classes override `read_product`, `use_product` and `identity`.
    """

    set_by: ClassVar[dict[str, str]] = {"product": "reload_product"}

    def __init__(self) -> None:
        """Goes on with the product that the process before was given, if it was started with the same.

        Raises:
            ConfigError: a parameter that must not be, or a choice that cannot be read.
        """
        super().__init__()
        self.choices = Choices(self.value("journal"))
        self._started_with = self.value("product")
        chosen = self.choices.get("product")
        if chosen and self.choices.get("started_with") == self._started_with:
            self.get_logger().warning(f"goes on with the product {chosen}, which was chosen while it ran")
            self.set_own("product", chosen)
        self._reader = ThreadPoolExecutor(1, "product reader")
        self._reloading = False
        self.create_service(ReloadProduct, "~/reload_product", self._reload)

    def read_product(self, folder: str) -> Any:
        """Reads what the node needs of a product, ready for work; in another thread than the node's.

        Raises:
            PadError: it cannot be used.
        """
        raise NotImplementedError

    def use_product(self, read: Any) -> None:
        """Puts in use what was read; between two images."""
        raise NotImplementedError

    def identity(self) -> Identity | None:
        """The product in use."""
        raise NotImplementedError

    def diagnostics(self) -> dict[str, str]:
        """Which product is in use."""
        identity = self.identity() if self.configured else None
        return {} if identity is None else {"product": identity.name, "product checksum": identity.checksum[:12]}

    def set_own(self, name: str, value: Any) -> None:
        """Sets a parameter that others cannot set."""
        self.setting_own = True
        try:
            self.set_parameters([Parameter(name, value=value)])
        finally:
            self.setting_own = False

    def keep(self, **choices: Any) -> str:
        """Keeps choices over a crash; what to add to an answer: empty, or that they are not kept."""
        try:
            self.choices.keep(**choices)
        except OSError as error:
            self.health.warn("journal", f"the choice cannot be written ({error.strerror})")
            return f"; a restart will forget it, for it cannot be written ({error.strerror})"
        return ""

    async def _reload(self, request: Any, response: Any) -> Any:
        folder = os.path.abspath(os.path.expanduser(request.product)) if request.product else self.value("product")
        if self._reloading or not self.configured:
            response.message = "another product is being read" if self._reloading else "the node is not configured yet"
            return response
        self._reloading = True
        try:
            read = await _Patience(self._reader.submit(self.read_product, folder))
            if self.worker is None:
                self.use_product(read)
            else:
                await _Patience(self.worker.between(lambda: self.use_product(read)))
        except Exception as error:
            why = str(error) if isinstance(error, PadError) else f"{type(error).__name__}: {error}"
            response.message = f"{why}; the product in use stays"
            self.get_logger().error(f"another product was refused: {response.message}")
            return response
        finally:
            self._reloading = False
        self.set_own("product", folder)
        identity = self.identity()
        said = folder if identity is None else f"{identity.name} ({identity.checksum[:12]}) from {folder}"
        response.success = True
        response.message = f"in use: {said}" + self.keep(product=folder, started_with=self._started_with)
        self.get_logger().info(response.message)
        return response


class InspectorNode(ProductNode):
    """Base of the nodes that run stages of an inspector."""

    inspector: Any
    inspector_factory = staticmethod(load_inspector)

    def warm_up(self, inspector: Any) -> None:
        """Makes the first call of the node's stage, which is the slowest."""
        raise NotImplementedError

    def read_product(self, folder: str) -> Any:
        """Makes an inspector, and warms it up."""
        inspector = self.inspector_factory(folder)
        self.warm_up(inspector)
        return inspector

    def use_product(self, read: Any) -> None:
        """Works with another inspector from the next image on."""
        self.inspector = read

    def identity(self) -> Identity | None:
        """The inspector's product."""
        return Identity(self.inspector.product.name, self.inspector.product.checksum)


class _Patience:
    """Awaits a future of another thread, without the haste in which rclpy's executor asks."""

    def __init__(self, future: Future[Any]) -> None:
        self._future = future

    def __await__(self) -> Generator[None, None, Any]:
        while not self._future.done():
            time.sleep(_TURN_S)
            yield
        return self._future.result()
