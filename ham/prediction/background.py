"""TensorFlow, imported once and beside the work: it takes 3 to 5 s."""

from __future__ import annotations

import contextlib
import threading

from ham.models import import_keras

_starting = threading.Lock()
_warming: threading.Thread | None = None
_now = threading.Event()  # somebody waits for it


def warm_up(after: float = 0.0) -> None:
    """Imports TensorFlow in the background, once, `after` seconds from now or when it is needed."""
    if not after:
        _now.set()
    _warm(after)


def _warm(after: float = 0.0) -> threading.Thread:
    global _warming
    with _starting:
        if _warming is None:
            _warming = threading.Thread(
                target=_import_in_background, args=(after,), name="import tensorflow", daemon=True
            )
            _warming.start()
        return _warming


def import_tensorflow() -> None:
    """Waits for the background: two threads inside one import can see half a module."""
    _now.set()
    _warm().join()


def _nothing(*arguments: object, **options: object) -> None:
    pass


def _import_in_background(after: float) -> None:
    _now.wait(after)
    with contextlib.suppress(ImportError):  # whoever needs it imports it again and sees why
        import_keras()
        import keras

        # Streamlit calls this after every run of a page, to be rid of what the page has built;
        # ours build nothing, and with it go the kernels of every loaded model: the next answer
        # cost 0.6 s. Who wants it has keras.utils.clear_session.
        keras.backend.clear_session = _nothing
