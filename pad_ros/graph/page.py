"""The dashboard node's parameters of the operator's page, and the arguments that set them. Imports no ROS."""

from __future__ import annotations

from pad_ros.graph.parameters import Argument, Parameter

PAGE = (
    Parameter("host", "127.0.0.1", "address that the page is served on; any that others reach needs token_file"),
    Parameter("port", 8080, "port that the page is served on", 1, 65_535),
    Parameter("token_file", "", "file with what a visitor must know to log in", path=True),
    Parameter("language", "auto", "of the page; auto: what the browser asks for", choices=("auto", "en", "de")),
    Parameter("products", "", "folder of the products that an operator may choose; empty: none", path=True),
    Parameter("update_rate", 5.0, "updates of the page per second, at most", 0.2, 25.0),
)

PAGE_ARGUMENTS = (
    Argument("dashboard", "", "true serves the operator's page", choices=("true", "false")),
    Argument("dashboard_host", "", "address of the page; empty: 127.0.0.1", (("dashboard", "host"),)),
    Argument("dashboard_port", "", "port of the page; empty: 8080", (("dashboard", "port"),)),
    Argument("token_file", "", "file with the token of the page", (("dashboard", "token_file"),), path=True),
    Argument(
        "products", "", "folder of the products that an operator may choose", (("dashboard", "products"),), path=True
    ),
)
