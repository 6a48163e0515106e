"""Load TensorFlow, as Keras's backend and without its greetings."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from storage.interrupt import no_interruption_by_exception
from storage.onnx_runtime import forbid_telemetry

KERAS_HOME = "KERAS_HOME"


def load_tensorflow() -> None:
    """Import TensorFlow and Keras; call it before any module that needs them.

    TensorFlow's C++ part writes about absent GPUs to stderr before any log level can apply, so stderr is closed for the
    time of the import. What it says on failure comes as an exception. Keras writes no settings into the user's home,
    and follows none that are there: what it computes with is the same for everyone.
    """
    forbid_telemetry()  # tf2onnx imports ONNX Runtime for some networks
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with no_interruption_by_exception(), _silent_stderr(), _without_keras_home():
        import keras  # noqa: F401
        import tensorflow  # noqa: F401


@contextmanager
def _without_keras_home() -> Iterator[None]:
    """Name a folder for Keras's settings that can't be made, as it would be below a file; Keras goes on without."""
    earlier = os.environ.get(KERAS_HOME)
    os.environ[KERAS_HOME] = __file__
    try:
        yield
    finally:
        if earlier is None:
            del os.environ[KERAS_HOME]
        else:
            os.environ[KERAS_HOME] = earlier


@contextmanager
def _silent_stderr() -> Iterator[None]:
    try:
        kept = os.dup(2)
    except OSError:  # the caller has closed stderr already
        yield
        return
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
