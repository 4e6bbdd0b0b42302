"""Who may look at the page and press its buttons.

On loopback without a token: everybody on this machine, but no page of another site that this machine's browser shows.
Its requests name another Origin, or (DNS rebinding) another Host. Elsewhere: who has the token; a cookie stands for it.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import stat
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from pad_ros.errors import ConfigError

_SHORTEST = 16  # characters of a token
SESSION_S = 12 * 3600  # a shift and some more


class Access:
    """The rules for one server.

    Args:
        host: what the server listens on.
        port: where.
        token: what a visitor must know; empty: nothing.
        clock: seconds since the epoch.
    """

    def __init__(self, host: str, port: int, token: str = "", clock: Callable[[], float] = time.time) -> None:
        self._host, self._token, self._clock = host, token.encode(), clock
        self._key = hashlib.sha256(b"pad_ros dashboard session\0" + self._token).digest()
        self.cookie = f"pad_ros_{port}"  # cookies know no ports, and a machine may have several lines

    @property
    def open(self) -> bool:
        """Whether no token is asked for."""
        return not self._token

    def host_fits(self, host: str) -> bool:
        """Whether a request's Host may be meant for this server; with a token, its cookie says so."""
        name = _split(f"//{host}").hostname or ""
        return bool(self._token) or name == self._host or is_loopback(name)

    @staticmethod
    def origin_fits(origin: str, host: str) -> bool:
        """Whether a request that changes something comes from a page of this server."""
        return bool(host) and _split(origin).netloc.lower() == host.lower()

    def token_fits(self, token: str) -> bool:
        """Whether this is the token; takes as long whatever it is."""
        return hmac.compare_digest(hashlib.sha256(token.encode()).digest(), hashlib.sha256(self._token).digest())

    def new_session(self) -> str:
        """A cookie's value for somebody who knew the token; it holds for SESSION_S, and over a restart."""
        until = str(int(self._clock()) + SESSION_S)
        return f"{until}.{self._sign(until)}"

    def session_fits(self, session: str) -> bool:
        """Whether a cookie's value was made with this token, and still holds."""
        until, _, signature = session.partition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(until).encode()):
            return False
        return int(until) > self._clock()

    def _sign(self, until: str) -> str:
        return hmac.new(self._key, until.encode(), hashlib.sha256).hexdigest()


def _split(address: str) -> SplitResult:
    """The pieces of an address; of none when it is broken."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


def is_loopback(host: str) -> bool:
    """Whether an address or name can be reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_token(host: str, path: str) -> str:
    """Reads the file of the token that a page on this host needs; empty when it needs none and no file is given.

    Raises:
        ConfigError: no file where one is needed, or one that cannot be read, that others can read, or with a token
            that is too short.
    """
    if not path:
        if is_loopback(host):
            return ""
        raise ConfigError(
            f"host: on {host!r} anybody in the network could stop the line; give token_file, a file of at least "
            f"{_SHORTEST} characters that only you can read (openssl rand -hex 16 > FILE; chmod 600 FILE), or take "
            "host 127.0.0.1"
        )
    file = Path(path)
    try:
        mode = file.stat().st_mode
        token = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"token_file: {path} cannot be read ({error})") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError(f"token_file: others can read {path}; do: chmod 600 {path}")
    if len(token) < _SHORTEST:
        raise ConfigError(f"token_file: the token in {path} is shorter than {_SHORTEST} characters")
    return token
