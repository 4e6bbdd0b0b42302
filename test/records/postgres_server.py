"""A real PostgreSQL server in a temporary folder, and a connection to it that can be cut. Not a test itself."""

import os
import shutil
import socket
import subprocess
import tempfile
import threading
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

PASSWORD = "s3cret-of-the-plant"


def _binaries():
    found = shutil.which("initdb")
    candidates = [Path(found).resolve().parent] if found else []
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)  # Debian's, not on the path
    return next((folder for folder in candidates if (folder / "initdb").is_file()), None)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """Runs as the user postgres where this is root, for PostgreSQL refuses to run as root."""

    def __init__(self, folder, binaries):
        self._folder, self._binaries, self.port = folder, binaries, free_port()
        self._as = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        (folder / "password").write_text(PASSWORD)
        if self._as:
            shutil.chown(folder, "postgres")
            shutil.chown(folder / "password", "postgres")
        self._run("initdb", "-D", folder / "data", "-U", "plant", "-A", "scram-sha-256", "--no-sync", "--no-locale",
                  "-E", "UTF8", f"--pwfile={folder / 'password'}")  # fmt: skip

    def start(self):
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self._folder} -c fsync=off"
        self._run("pg_ctl", "-D", self._folder / "data", "-l", self._folder / "log", "-w", "-o", options, "start")

    def stop(self):
        """At once, as in a crash."""
        self._run("pg_ctl", "-D", self._folder / "data", "-m", "immediate", "-w", "stop", check=False)

    def url(self, port=None, password=PASSWORD, database="postgres"):
        return f"postgresql://plant:{password}@127.0.0.1:{port or self.port}/{database}"

    def _run(self, name, *words, check=True):
        command = [*self._as, str(self._binaries / name), *map(str, words)]
        done = subprocess.run(command, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        assert done.returncode == 0 or not check, done.stderr


@contextmanager
def postgres():
    """A running server; skips the test where PostgreSQL is not installed."""
    binaries = _binaries()
    if binaries is None or (os.geteuid() == 0 and not shutil.which("runuser")):
        pytest.skip("PostgreSQL is not installed (Debian: apt install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="pad-postgres-"))
    try:
        server = Server(folder, binaries)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Line:
    """A connection to a server, cut each time so many bytes have passed."""

    def __init__(self, port, cuts):
        self._target, self._cuts, self.cut = port, list(cuts), 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._target))
            budget = [self._cuts.pop(0) if self._cuts else 10**12]
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(one, other, budget), daemon=True).start()

    def _carry(self, one, other, budget):
        try:
            while data := one.recv(4096):
                budget[0] -= len(data)
                if budget[0] < 0:
                    self.cut += 1
                    break
                other.sendall(data)
        except OSError:
            pass
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
