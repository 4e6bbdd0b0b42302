import functools
import hashlib
import http.server
import threading

import pytest

from pad_ros.cli import main
from pad_ros.errors import ConfigError, WeightsError
from pad_ros.weights import cache, fetch
from pad_ros.weights.table import PROFILES, TABLE, Weights, WeightsFile

CONTENT = bytes(range(256)) * 4000  # 1 MB


class Server(http.server.SimpleHTTPRequestHandler):
    """Serves a folder; knows ranges; breaks off after `limit` bytes."""

    limit: int | None = None
    asked = ()

    def do_GET(self):
        self.asked.append((self.path, self.headers.get("Range")))
        if not self.path.endswith("/net.bin"):
            return self.send_error(404)
        begin = int((self.headers.get("Range") or "bytes=0-")[6:-1])
        if begin >= len(CONTENT):
            return self.send_error(416)
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(CONTENT) - begin))
        self.end_headers()
        end = len(CONTENT) if self.limit is None else min(len(CONTENT), begin + self.limit)
        self.wfile.write(CONTENT[begin:end])
        return None

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(monkeypatch, tmp_path):
    monkeypatch.setenv("PAD_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setattr(Server, "asked", [])
    monkeypatch.setattr(Server, "limit", None)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Server)) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{made.server_port}")
        yield made
        made.shutdown()


def net(**known):
    return Weights("net", "a test", "none", (WeightsFile("net.bin", "hub:owner/repo/net.bin", "v1", **known),))


def test_a_download_is_checked_and_what_was_not_known_is_recorded(server, tmp_path):
    reports = []
    (path,) = fetch.fetch_weights(net(), progress=lambda *report: reports.append(report))
    assert path == tmp_path / "weights" / "net" / "net.bin" and path.read_bytes() == CONTENT
    assert Server.asked == [("/owner/repo/resolve/v1/net.bin", None)]
    assert reports[-1] == (len(CONTENT), len(CONTENT), "net.bin")
    assert cache.recorded(net()) == {"net.bin": hashlib.sha256(CONTENT).hexdigest()}
    assert cache.examine(net()).problem == ""
    fetch.fetch_weights(net())
    assert len(Server.asked) == 1  # it is here


def test_a_download_that_broke_off_goes_on_where_it_was(server, monkeypatch):
    monkeypatch.setattr(Server, "limit", 300_000)
    for _ in range(3):
        with pytest.raises(WeightsError, match=r"the connection ended after \d+ of 1024000 bytes\); try again"):
            fetch.fetch_weights(net())
    (path,) = fetch.fetch_weights(net(sha256=hashlib.sha256(CONTENT).hexdigest()))
    assert path.read_bytes() == CONTENT
    assert [range_ for _, range_ in Server.asked] == [None, "bytes=300000-", "bytes=600000-", "bytes=900000-"]


def test_what_is_not_what_it_should_be_is_thrown_away(server, tmp_path):
    for known, reason in (({"sha256": "0" * 64}, "its checksum differs"), ({"bytes": 7}, "1024000 bytes, 7 expected")):
        with pytest.raises(WeightsError, match=f"{reason}.*thrown away"):
            fetch.fetch_weights(net(**known))
        assert [path.name for path in (tmp_path / "weights" / "net").iterdir()] == []


def test_what_was_altered_later_is_found_and_fetched_anew(server, tmp_path):
    (path,) = fetch.fetch_weights(net())
    path.write_bytes(CONTENT[:-1] + b"x")
    assert "its checksum differs: damaged or altered" in cache.examine(net()).problem
    fetch.fetch_weights(net())
    assert path.read_bytes() == CONTENT


def test_a_stick_serves_a_plant_without_a_network(tmp_path, monkeypatch):
    monkeypatch.setenv("PAD_WEIGHTS", str(tmp_path / "weights"))
    stick = tmp_path / "stick"
    stick.mkdir()
    with pytest.raises(WeightsError, match=r"no net/net\.bin in .*stick"):
        fetch.fetch_weights(net(), stick)
    (stick / "net.bin").write_bytes(CONTENT)
    (path,) = fetch.fetch_weights(net(), stick)
    assert path.read_bytes() == CONTENT


def test_no_network_is_one_line_with_the_ways_out(monkeypatch, tmp_path):
    monkeypatch.setenv("PAD_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(WeightsError, match=r"Connection refused.*HF_ENDPOINT.*https_proxy.*--from FOLDER"):
        fetch.fetch_weights(net())


def test_missing_weights_are_named_with_the_command_that_gets_them(monkeypatch, tmp_path):
    monkeypatch.setenv("PAD_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightsError, match=r"big-lama\.pt is not here; pad weights fetch lama"):
        cache.weights_paths("lama")
    monkeypatch.setenv("LAMA_MODEL", str(tmp_path / "mine.pt"))
    with pytest.raises(WeightsError, match=r"mine\.pt is not here; LAMA_MODEL names it"):
        cache.weights_paths("lama")
    (tmp_path / "mine.pt").write_bytes(b"")
    assert cache.weights_paths("lama") == {"big-lama.pt": tmp_path / "mine.pt"}


def test_the_folder_is_the_users_cache_unless_it_is_named(monkeypatch):
    monkeypatch.delenv("PAD_WEIGHTS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/some/cache")
    assert str(cache.weights_folder()) == "/some/cache/pad_ros/weights"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/some/home")
    assert str(cache.weights_folder()) == "/some/home/.cache/pad_ros/weights"


def test_names_and_profiles_are_checked():
    assert [weights.name for weights in cache.select_weights([], "paper")] == list(PROFILES["paper"])
    assert cache.select_weights([], "cpu") == []
    assert [weights.name for weights in cache.select_weights(["lama"])] == ["lama"]
    with pytest.raises(ConfigError, match="no weights 'lamma'; there are netvlad"):
        cache.select_weights(["lamma"])
    with pytest.raises(ConfigError, match="there are cpu, paper"):
        cache.select_weights([], "gpu")


def test_the_command_lists_fetches_and_verifies(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PAD_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setitem(TABLE, "net", net())
    assert main(["weights", "list"]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in TABLE) and said.count("missing") == len(TABLE)
    assert main(["weights", "verify", "net"]) == 1
    assert "net.bin: not here" in capsys.readouterr().err
    (tmp_path / "net.bin").write_bytes(CONTENT)
    assert main(["weights", "fetch", "net", "--from", str(tmp_path)]) == 0
    assert main(["weights", "verify", "net"]) == 0
    (tmp_path / "weights" / "net" / "net.bin").write_bytes(b"other")
    assert main(["weights", "verify", "net"]) == 1
    assert "altered" in capsys.readouterr().out
