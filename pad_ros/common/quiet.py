"""Keeps OpenCV off standard error: a broken image gets a result or an error of ours, with its reason."""

import os


def quiet_opencv() -> None:
    """Leaves out OpenCV's warnings, also in processes that are started; takes effect before OpenCV's first use."""
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
