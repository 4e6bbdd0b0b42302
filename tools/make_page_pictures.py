"""Makes the pictures of the operator's page for README and docs: the graph over `sample/`, seen in headless Chromium.

Use: .venv/bin/python tools/make_page_pictures.py
"""

import os
import shutil
import signal
import socket
import sys
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from pad_ros.graph.build import build
from pad_ros.graph.up import Processes, ros_environment

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "images"
PATIENCE_S = 120.0
# Without a GPU, Chromium draws WebGL itself.
ARGUMENTS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]


def wait(page: Page, expression: str, patience_s: float = PATIENCE_S) -> None:
    """Waits until an expression holds in the page."""
    deadline = time.monotonic() + patience_s
    while not page.evaluate(expression):
        if time.monotonic() > deadline:
            raise SystemExit(f"the page never came to: {expression}")
        time.sleep(0.1)


def save(page: Page, name: str) -> None:
    """Writes what the page shows now."""
    page.screenshot(path=PICTURES / name, type="jpeg", quality=88)
    print(PICTURES / name)


def main() -> int:
    """Makes both."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    sample = ROOT / "sample"
    arguments = {"product": sample / "product", "bag": sample / "bag", "loop": True, "rate": 0.5, "station": "line 3"}
    graph = build({**arguments, "dashboard": True, "dashboard_port": port}, {"conveyor": {"plc": "none"}})
    with Processes(graph, ros_environment(isolated=True)) as processes, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        panel = browser.new_page(viewport={"width": 1280, "height": 800}, locale="en")
        tablet = browser.new_page(viewport={"width": 1024, "height": 768}, locale="de")
        while True:  # until the server is there
            try:
                panel.goto(f"http://127.0.0.1:{port}/")
                break
            except Exception:
                time.sleep(0.5)
        tablet.goto(panel.url)
        wait(panel, "document.querySelector('#rejected').textContent === '3'")
        wait(panel, "document.querySelectorAll('#current .bad').length === 3")
        wait(panel, "document.querySelector('pad-twin').marked === 1")
        wait(panel, "document.querySelector('[data-kind=reference] img').hidden === false")
        save(panel, "page.jpg")
        wait(tablet, "document.querySelector('#verdict').className === 'good'")
        wait(tablet, "document.querySelectorAll('#current .waiting').length === 6")
        stopped = processes.process("background").pid
        os.kill(stopped, signal.SIGSTOP)
        wait(tablet, "document.querySelector('#faults').className.startsWith('red')")
        save(tablet, "page_fault.jpg")
        os.kill(stopped, signal.SIGCONT)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
