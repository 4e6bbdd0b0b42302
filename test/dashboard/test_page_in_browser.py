"""The page in headless Chromium, at a panel's and a tablet's size."""

import shutil
import time

import pytest

pytestmark = pytest.mark.slow
sync_api = pytest.importorskip("playwright.sync_api", reason="needs requirements/dev.txt")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
if CHROMIUM is None:
    pytest.skip("no Chromium here; do: sudo apt install chromium", allow_module_level=True)

from dashboard_stage import Clock, Line, served  # noqa: E402

from pad_ros.dashboard.faults import SILENT_S  # noqa: E402
from pad_ros.product import Product  # noqa: E402

SIZES = {"panel": (1280, 800), "tablet": (1024, 768)}
# Without a GPU, Chromium draws WebGL itself.
ARGUMENTS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
# What sticks out of the window, or whose text is cut off though it must be read whole.
OVERFLOWING = """() => [...document.querySelectorAll('body *')].filter(element => {
  const box = element.getBoundingClientRect();
  const out = box.left < -1 || box.top < -1 || box.right > innerWidth + 1 || box.bottom > innerHeight + 1;
  const whole = element.matches('.word, #counters *, footer *, #faults *, #nodes li');
  const cut = element.scrollWidth > element.clientWidth + 1
    || (element.matches('#faults *, footer *') && element.scrollHeight > element.clientHeight + 3);
  return box.width > 0 && (out || (whole && element.clientWidth && cut));
}).map(element => `${element.tagName} ${element.id} ${element.textContent.slice(0, 40)}`)"""
SMALL = """() => [...document.querySelectorAll('button, a')].filter(element => {
  const box = (element.closest('figure') ?? element).getBoundingClientRect();
  return box.width > 0 && (box.height < 48 || box.width < 48);
}).map(element => element.outerHTML)"""


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def look(browser):
    """Opens a page; fails the test when a script of it fails, or it asks another server for anything."""
    contexts, wrong = [], []

    def open_page(url, size="panel", locale="en-US"):
        width, height = SIZES[size]
        context = browser.new_context(viewport={"width": width, "height": height}, locale=locale)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(8000)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda r: None if r.url.startswith((url, "data:")) else wrong.append(r.url))
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not wrong


def until(page, expression):
    """Waits until an expression holds in the page (whose policy forbids Playwright's own way)."""
    deadline = time.monotonic() + 8.0
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, expression
        time.sleep(0.05)


def expect(page, selector):
    return sync_api.expect(page.locator(selector))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("locale", ["en-US", "de-DE"])
def test_everything_fits_and_can_be_touched(look, size, locale, tmp_path):
    line = Line(tmp_path)
    (tmp_path / "cube").mkdir()
    (tmp_path / "cube" / "product.yaml").write_text("")
    line.all_well(parts="12840", rejected="12840")
    line.state.heard("records", "ok", "running", {})
    line.state.heard("camera", "error", "the device is gone; check its cable, and whether another program has it", {})
    for index in range(6):
        line.pass_part(f"off_road_car_{index} (round 12)", bad=(0, 4), count=9)
    with served(line) as url:
        page = look(url, size, locale)
        expect(page, ".word").to_have_text({"en-US": "REJECT", "de-DE": "AUSSCHUSS"}[locale])
        expect(page, "#rejects button >> nth=0").to_be_visible()
        until(page, "document.querySelectorAll('figure img:not([hidden])').length === 3")
        assert page.evaluate(OVERFLOWING) == []
        assert page.evaluate(SMALL) == []
        line.services.refuses["conveyor/acknowledge"] = "the PLC does not answer at 192.168.0.10:502; check its cable"
        page.click("[data-press=acknowledge]")
        expect(page, "#said").to_have_class("failed")
        assert page.evaluate(OVERFLOWING) == []
        names = page.evaluate(
            "[...document.querySelectorAll('button, a')].map(e => e.getAttribute('aria-label') || e.innerText)"
        )
        assert all(
            name.strip() for element, name in enumerate(names) if page.locator("button, a").nth(element).is_visible()
        )


def test_verdicts_come_with_word_shape_and_colour(look):
    line = Line()
    line.all_well()
    with served(line) as url:
        page = look(url)
        expect(page, ".word").to_have_text("No part yet")
        line.pass_part("one")
        expect(page, ".word").to_have_text("GOOD")
        expect(page, ".shape .good").to_be_visible()
        expect(page, "#faults").to_have_class("calm")
        line.pass_part("two", bad=(1,))
        expect(page, ".word").to_have_text("REJECT")
        expect(page, ".shape .reject").to_be_visible()
        expect(page, ".shape .good").to_be_hidden()
        expect(page, "#rejected").to_have_text("1")
        findings = page.locator("[data-kind=overlay] img").get_attribute("src")
        page.locator("[data-kind=overlay]").click()
        expect(page, "[data-kind=overlay] figcaption").to_contain_text("Differences")
        expect(page, "[data-kind=overlay] img").not_to_have_attribute("src", findings)
        assert page.evaluate("parseFloat(getComputedStyle(document.querySelector('.word')).fontSize)") >= 56


def test_a_silent_node_makes_a_red_line(look):
    clock = Clock()
    line = Line(clock=clock)
    line.all_well()
    with served(line) as url:
        page = look(url, "tablet")
        expect(page, "#faults").to_have_class("calm")
        clock.now += SILENT_S + 0.1
        for name in ("localization", "background", "conveyor"):
            line.state.heard(name, "ok", "running", {})
        expect(page, "#faults").to_have_class("red")
        expect(page, "#faults strong").to_have_text("Comparison is silent")
        expect(page, "#nodes .silent").to_have_text("Comparison")
        line.state.heard("anomaly", "ok", "running", {})
        expect(page, "#faults").to_have_class("calm")


def test_a_page_that_hears_nothing_says_so_and_recovers(look, monkeypatch):
    line = Line()
    line.all_well()
    with served(line) as url:
        page = look(url)
        expect(page, "#faults").to_have_class("calm")
        expect(page, "#dead").to_be_hidden()
        page.context.set_offline(True)
        said, snapshot = time.monotonic(), line.state.snapshot
        line.state.snapshot = lambda: time.sleep(5.0) or snapshot()  # the server hangs
        expect(page, "#dead").to_be_visible()
        assert time.monotonic() - said < 6.0
        line.state.snapshot = snapshot
        page.context.set_offline(False)
        line.all_well()
        expect(page, "#dead").to_be_hidden()


def test_buttons_call_the_services(look):
    line = Line()
    line.all_well()
    with served(line) as url:
        page = look(url, "tablet")
        page.click("text=Acknowledge")
        expect(page, "#said").to_have_text("Acknowledged")
        page.click("text=Stop inspection")
        page.click("dialog >> text=Cancel")
        page.click("text=Stop inspection")
        page.click("dialog >> text=Yes")
        expect(page, "#said").to_have_text("Inspection is stopped")
        line.all_well(enabled="false")
        expect(page, "#faults").to_have_class("amber")
        line.services.refuses["conveyor/enable"] = "the belt runs backwards"
        page.click("text=Start inspection")
        expect(page, "#said").to_have_text("That did not work: the belt runs backwards")
        expect(page, "[data-press=change]").to_be_hidden()
    assert line.services.calls == [
        ("conveyor/acknowledge", None),
        ("conveyor/enable", False),
        ("conveyor/enable", True),
    ]


def test_a_change_of_the_product_is_asked_for_and_shown_step_by_step(look, tmp_path):
    for name in ("cube", "sphere"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "product.yaml").write_text("")
    line = Line(tmp_path)
    line.all_well()
    line.services.refuses["anomaly/reload_product"] = "truncated; copy the product again"
    with served(line) as url:
        page = look(url)
        page.click("text=Change product")
        expect(page, "dialog >> text=Yes").to_be_disabled()
        page.check("dialog >> text=sphere")
        page.click("dialog >> text=Yes")
        expect(page, "#change .failed").to_contain_text("truncated; copy the product again")
        expect(page, "#change p").to_contain_text("Inspection stays stopped")
        page.click("#change >> text=Close")
        line.services.refuses.clear()
        page.click("text=Change product")
        page.check("dialog >> text=sphere")
        page.click("dialog >> text=Yes")
        expect(page, "#change p").to_have_text("The line has the product sphere")
    assert line.services.calls[-1] == ("conveyor/enable", True)
    assert line.services.calls.count(("conveyor/enable", True)) == 1


def test_the_rejects_twin_is_drawn_in_red_where_it_differs(look, sample_product):
    product = Product.load(sample_product)
    hot = bytearray([120]) * 1024
    hot[300:310] = bytes([220]) * 10
    line = Line(folders=[sample_product])
    line.all_well()
    line.pass_part("one", checksum=product.checksum, evidence=bytes([120]) * 1024, bad=(0,))
    line.pass_part("two", checksum=product.checksum, evidence=bytes(hot), bad=(0,))
    red = """() => { const gl = document.querySelector('pad-twin'); gl.draw();
      const {gl: g, canvas: c} = gl, p = new Uint8Array(4 * c.width * c.height);
      g.readPixels(0, 0, c.width, c.height, g.RGBA, g.UNSIGNED_BYTE, p);
      let drawn = 0, red = 0;
      for (let i = 0; i < p.length; i += 4) {
        drawn += p[i + 3] > 0;
        red += p[i] > 190 && p[i + 1] < 60 && p[i + 2] < 70;
      }
      return [drawn, red]; }"""
    with served(line) as url:
        page = look(url)
        expect(page, "#twin-title").to_have_text("Differs: two")
        until(page, "document.querySelector('pad-twin').marked === 1")
        drawn, marked = page.evaluate(red)
        assert drawn > 5000 and marked > 20
        page.click("#rejects button >> nth=1")
        until(page, "document.querySelector('pad-twin').marked === 0")
        expect(page, "#twin-title").to_have_text("Differs: one")
        box = page.locator("pad-twin").bounding_box()
        yaw = page.evaluate("document.querySelector('pad-twin').yaw")
        page.mouse.move(box["x"] + 100, box["y"] + 100)
        page.mouse.down()
        page.mouse.move(box["x"] + 160, box["y"] + 100)
        page.mouse.up()
        assert page.evaluate("document.querySelector('pad-twin').yaw") != yaw


def test_elsewhere_one_logs_in(look):
    line = Line()
    line.all_well()
    with served(line, token="correct horse battery") as url:
        page = look(url)
        page.fill("#token", "correct horse battery")
        page.click("button")
        expect(page, "#faults").to_have_class("calm")
        assert page.url == f"{url}/"
        assert page.evaluate("document.cookie") == ""
