"""Who may look and press, asked as a browser asks."""

import json
import time
from contextlib import ExitStack
from http.client import HTTPConnection
from urllib.parse import urlencode, urlsplit

import pytest
from dashboard_stage import Line, served

import pad_ros.dashboard.page as page_module
from pad_ros.dashboard.access import SESSION_S, Access, is_loopback, read_token
from pad_ros.dashboard.serve import listen
from pad_ros.errors import ConfigError

TOKEN = "correct horse battery"
HERE = "http://127.0.0.1:8080"
SAME = {"Origin": HERE}


class Asker:
    """Asks a page as a browser does that was given its address as `base`, and keeps its cookie."""

    def __init__(self, url, base):
        self._there, self._base, self._cookie = urlsplit(url), urlsplit(base), ""

    def get(self, path):
        return self._ask("GET", path, None, {})

    def post(self, path, body, headers, kind="application/json"):
        return self._ask("POST", path, body, {"Content-Type": kind, **headers})

    def log_in(self, token, headers):
        return self.post("/login", urlencode({"token": token}), headers, "application/x-www-form-urlencoded")

    def _ask(self, method, path, body, headers):
        connection = HTTPConnection(self._there.hostname, self._there.port, timeout=10)
        sent = {"Host": self._base.netloc, **headers, **({"Cookie": self._cookie} if self._cookie else {})}
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        if answer.headers.get("Content-Type", "").startswith("text/event-stream"):
            answer.text = answer.readline().decode()
        else:
            answer.text = answer.read().decode("utf-8", "replace")
        if kept := answer.headers.get("Set-Cookie"):
            self._cookie = kept.partition(";")[0]
        connection.close()
        return answer


@pytest.fixture
def client():
    with ExitStack() as stack:
        yield lambda line, token="", base=HERE: Asker(stack.enter_context(served(line, token)), base)


def test_this_machine_needs_no_token(client):
    line = Line()
    asked = client(line)
    assert "<main>" in asked.get("/").text
    assert json.loads(asked.post("/press/acknowledge", b"{}", SAME).text)["success"]
    assert line.services.calls == [("conveyor/acknowledge", None)]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "null"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": "http://127.0.0.1:8080.evil.example"},
        {"Origin": "http://[::1"},
    ],
)
def test_another_sites_page_presses_no_button(client, headers):
    line = Line()
    assert client(line).post("/press/disable", b"{}", headers=headers).status == 403
    assert not line.services.calls


@pytest.mark.parametrize("path", ["/", "/events", "/picture/1", "/static/page.js"])
def test_a_name_that_was_rebound_to_this_machine_sees_nothing(client, path):
    asked = client(Line(), base="http://evil.example:8080")
    assert asked.get(path).status == 421
    assert asked.post("/press/disable", b"{}", headers={"Origin": "http://evil.example:8080"}).status == 421


def test_a_form_of_another_site_is_refused(client):
    asked = client(Line())
    assert asked.post("/press/disable", b"a=b", SAME, "application/x-www-form-urlencoded").status == 415
    assert asked.post("/press/disable", b"x" * 5000, SAME).status == 413
    assert asked.get("/press/disable").status == 405


def test_what_the_buttons_do_not_know_is_refused(client):
    line = Line()
    asked = client(line)
    assert asked.post("/press/set_threshold", b"{}", headers=SAME).status == 404
    assert asked.post("/press/change", b'{"prodct": "x"}', SAME).status == 400
    assert asked.post("/press/change", b'["x"]', SAME).status == 400
    assert not json.loads(asked.post("/press/change", b'{"product": "../x"}', SAME).text)["success"]
    assert not line.services.calls


def test_pages_are_not_framed_and_run_no_script_of_others(client):
    headers = client(Line()).get("/").headers
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize("path", ["/events", "/picture/1", "/twin/x", "/heat/1", "/static/page.js"])
def test_elsewhere_nothing_is_seen_without_the_token(client, path):
    line = Line()
    asked = client(line, TOKEN, base="http://cell:8080")
    assert asked.get(path).status == 401
    assert asked.get("/").headers["location"] == "/login"
    there = {"Origin": "http://cell:8080"}
    assert asked.post("/press/disable", b"{}", headers=there).status == 401
    assert not line.services.calls


def test_the_token_gives_a_cookie_and_stays_out_of_every_address(client, monkeypatch):
    monkeypatch.setattr(page_module, "_WRONG_TOKEN_S", 0.01)
    line = Line()
    asked = client(line, TOKEN, base="http://cell:8080")
    there = {"Origin": "http://cell:8080"}
    wrong = asked.log_in("guess", there)
    assert wrong.status == 403 and "Set-Cookie" not in wrong.headers
    assert asked.log_in(TOKEN, {}).status == 403  # no Origin: not from the page
    assert asked.get(f"/?{urlencode({'token': TOKEN})}").status == 303  # an address is no key
    right = asked.log_in(TOKEN, there)
    cookie = right.headers["set-cookie"].lower()
    assert right.headers["location"] == "/" and "httponly" in cookie and "samesite=strict" in cookie
    assert TOKEN not in cookie
    assert "<main>" in asked.get("/").text
    assert json.loads(asked.post("/press/disable", b"{}", there).text)["success"]
    assert asked.post("/press/disable", b"{}", headers={"Origin": "http://evil.example"}).status == 403


def test_who_leaves_is_not_counted_any_more():
    line = Line()
    with served(line) as url:
        there = urlsplit(url)
        connection = HTTPConnection(there.hostname, there.port, timeout=10)
        connection.request("GET", "/events")
        stream = connection.getresponse()
        assert json.loads(stream.readline()[6:])["station"] == "line 3"
        assert line.page.viewers == 1
        stream.close()
        connection.close()
        deadline = time.monotonic() + 10
        while line.page.viewers and time.monotonic() < deadline:
            time.sleep(0.05)
        assert line.page.viewers == 0


def test_a_session_ends_and_is_of_one_token():
    class Clock:
        now = 1e9

        def __call__(self):
            return self.now

    clock = Clock()
    access = Access("0.0.0.0", 8080, TOKEN, clock)
    session = access.new_session()
    assert access.session_fits(session)
    assert Access("0.0.0.0", 8080, TOKEN, clock).session_fits(session)  # after a restart
    assert not Access("0.0.0.0", 8080, TOKEN + "!", clock).session_fits(session)
    until, _, signature = session.partition(".")
    for forged in ("", ".", f"{int(until) + 9}.{signature}", f"{until}.", f"{until}.é", session[:-1]):
        assert not access.session_fits(forged), forged
    clock.now += SESSION_S + 1
    assert not access.session_fits(session)


def test_the_token_is_compared_whole():
    access = Access("0.0.0.0", 8080, TOKEN)
    assert access.token_fits(TOKEN)
    assert not any(access.token_fits(guess) for guess in ("", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "é"))


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("cell", False),
        ("192.168.0.9", False),
        ("::", False),
    ],
)
def test_what_is_loopback(host, here):
    assert is_loopback(host) is here


def test_a_host_that_others_reach_needs_a_token_that_only_its_owner_reads(tmp_path):
    assert read_token("127.0.0.1", "") == ""
    with pytest.raises(ConfigError, match="token_file"):
        read_token("0.0.0.0", "")
    file = tmp_path / "token"
    with pytest.raises(ConfigError, match="cannot be read"):
        read_token("0.0.0.0", str(file))
    file.write_text(TOKEN + "\n")
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        read_token("0.0.0.0", str(file))
    file.chmod(0o600)
    assert read_token("0.0.0.0", str(file)) == TOKEN
    file.write_text("short")
    with pytest.raises(ConfigError, match="shorter than 16"):
        read_token("127.0.0.1", str(file))


def test_a_port_that_is_taken_is_said():
    with listen("127.0.0.1", 0) as taken, pytest.raises(ConfigError, match="another host or port"):
        listen("127.0.0.1", taken.getsockname()[1])
