"""pycolmap, imported quietly.

Importing pycolmap installs glog's failure handlers, which print a stack trace on SIGTERM (an ordinary stop of a ROS
node) and on crashes, and logs to stderr. The handlers that were there before are put back; only errors are logged.
"""

from __future__ import annotations

import ctypes
import signal
from collections.abc import Iterator
from contextlib import contextmanager

_GLOG_SIGNALS = ("SIGSEGV", "SIGILL", "SIGFPE", "SIGABRT", "SIGBUS", "SIGTERM")


@contextmanager
def _signal_handlers_kept() -> Iterator[None]:
    # sigaction, not signal.signal: it sees handlers that C code installed (rclpy's) and works in any thread.
    libc = ctypes.CDLL(None)
    saved = {}
    for name in _GLOG_SIGNALS:
        saved[name] = ctypes.create_string_buffer(256)  # larger than any struct sigaction
        libc.sigaction(int(getattr(signal, name)), None, saved[name])
    try:
        yield
    finally:
        for name, action in saved.items():
            libc.sigaction(int(getattr(signal, name)), action, None)


with _signal_handlers_kept():
    import pycolmap

pycolmap.logging.minloglevel = pycolmap.logging.Level.ERROR.value

__all__ = ["pycolmap"]
