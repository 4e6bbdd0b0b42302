"""ONNX Runtime sessions that share the cores with others, and the weights that ship for them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import onnxruntime

from pad_ros.errors import ConfigError, ProductError

DEVICES = ("auto", "cpu", "cuda")


def open_session(model: bytes | Path, threads: int = 2, device: str = "cpu") -> onnxruntime.InferenceSession:
    """Opens a model, given as its bytes or its file.

    Args:
        model: the network.
        threads: on the CPU.
        device: cpu; cuda; or auto, which is cuda where ONNX Runtime has it.

    Raises:
        ConfigError: `threads` is not positive, an unknown device, one that is not there, or a file that is no model.
    """
    if threads < 1:
        raise ConfigError(f"threads must be >= 1, got {threads}")
    if device not in DEVICES:
        raise ConfigError(f"no device {device!r}; there are {', '.join(DEVICES)}")
    has_cuda = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    if device == "cuda" and not has_cuda:
        raise ConfigError("device 'cuda': this ONNX Runtime has no CUDA; install onnxruntime-gpu, or use cpu")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    # Spinning threads would take the cores from the other nodes.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    providers = ["CPUExecutionProvider"]
    if has_cuda and device != "cpu":
        providers.insert(0, "CUDAExecutionProvider")
    try:
        return onnxruntime.InferenceSession(model if isinstance(model, bytes) else str(model), options, providers)
    except Exception as error:  # ONNX Runtime's errors have no common class
        what = "the model" if isinstance(model, bytes) else str(model)
        raise ConfigError(f"{what} cannot be opened by ONNX Runtime ({error})") from None


def read_weights(path: Path, sha256: str | None = None) -> bytes:
    """Reads a weights file and checks it, if its checksum is known.

    Raises:
        ProductError: missing, truncated or altered.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ProductError(f"{path}: weights cannot be read ({error.strerror}); install pad_ros again") from None
    found = hashlib.sha256(data).hexdigest()
    if sha256 is not None and found != sha256:
        raise ProductError(
            f"{path}: weights are truncated or altered (sha256 {found[:12]}…, expected {sha256[:12]}…); "
            "install pad_ros again"
        )
    return data
