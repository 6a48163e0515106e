"""Load TensorFlow, as Keras's backend and without its greetings."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


def load_tensorflow() -> None:
    """Import TensorFlow and Keras; call it before any module that needs them.

    TensorFlow's C++ part writes about absent GPUs to stderr before any log level can apply, so stderr is closed for the
    time of the import. What it says on failure comes as an exception.
    """
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _silent_stderr():
        import keras  # noqa: F401
        import tensorflow  # noqa: F401


@contextmanager
def _silent_stderr() -> Iterator[None]:
    try:
        kept = os.dup(2)
    except OSError:  # the caller has closed stderr already
        yield
        return
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
