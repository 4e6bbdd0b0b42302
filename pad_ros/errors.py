"""The typed errors of pad_ros.

Every message says what was wrong with what, and what to do about it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class PadError(Exception):
    """Base of every error that pad_ros raises on purpose; the CLI prints it as one line."""


class ConfigError(PadError):
    """A profile, parameter or option is unknown or out of range."""


class WriteError(PadError, OSError):
    """A file cannot be written: the disk is full or read-only, or the folder is not there to be written to."""

    def __str__(self) -> str:
        return f"{self.filename}: cannot be written ({self.strerror})"


class DatasetError(PadError):
    """A data set is incomplete or unreadable."""


class CaptureError(PadError):
    """Photos or a film cannot become a class: too few, blurred, of something that moved, or without overlap."""


class ProductError(PadError):
    """A product folder is missing, truncated, altered, or of another schema version."""


class WeightsError(PadError):
    """Weights of a network are missing, cannot be had, or are not what they should be."""


class BuildError(PadError):
    """A compiled component could not be built or loaded."""


class PlcError(PadError):
    """The PLC cannot be reached, or does not answer as agreed."""


class TooLateError(PlcError):
    """A command would not hit its part any more."""


class TrainingError(PadError):
    """Training cannot produce a usable product from these views."""


class BagError(PadError):
    """A rosbag is missing, unreadable, or holds no images."""


class SynthesisError(PadError):
    """The data set cannot be rendered."""


class EvaluationError(PadError):
    """Scores or a report cannot be made from these results."""


class RecordsError(PadError):
    """Records are missing, of another version, or cannot be read, written or sent."""


class InspectionError(PadError):
    """An image cannot be judged; each subclass maps to one status of the result."""


class ImageError(InspectionError):
    """The image is unreadable, or has the wrong size, encoding or values (BAD_IMAGE)."""


class NoObjectError(InspectionError):
    """No part is visible in the image (NO_OBJECT)."""


class NotLocalizedError(InspectionError):
    """The camera-to-object pose could not be found (NOT_LOCALIZED).

    Attributes:
        guesses: PoseEstimates that something speaks for, but not enough to believe one without looking; each is worked
            out when it is come to, and once.
    """

    def __init__(self, message: str, guesses: Iterable[Any] = ()) -> None:
        super().__init__(message)
        self.guesses = iter(guesses)
