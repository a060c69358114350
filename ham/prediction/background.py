"""TensorFlow, imported once and beside the work: it takes 3 to 5 s."""

from __future__ import annotations

import contextlib
import gc
import threading

from ham.config import set_tensorflow_defaults

_starting = threading.Lock()
_warming: threading.Thread | None = None


def warm_up() -> None:
    """Starts importing TensorFlow in the background, once; it takes 3 to 5 s."""
    _warm()


def _warm() -> threading.Thread:
    global _warming
    with _starting:
        if _warming is None:
            set_tensorflow_defaults()
            _warming = threading.Thread(
                target=_import_in_background, name="import tensorflow", daemon=True
            )
            _warming.start()
        return _warming


def import_tensorflow() -> None:
    """Waits for the background: two threads inside one import can see half a module."""
    _warm().join()


def _import_in_background() -> None:
    with contextlib.suppress(ImportError):  # whoever needs it imports it again and sees why
        import keras  # noqa: F401
        import tensorflow  # noqa: F401

        # Streamlit collects garbage twice after every run of a page; looking through what
        # TensorFlow holds for good takes a third of a second each time
        gc.collect()
        gc.freeze()
