"""TensorFlow and Keras, imported as they are best imported."""

from __future__ import annotations

import functools
import gc

from ham.config import set_tensorflow_defaults


@functools.cache
def import_keras() -> None:
    """Imports Keras, and TensorFlow with it, once: 3 to 5 s. Raises ImportError.

    A quarter of that is Python's collector, which looks again and again through the hundred
    thousands of new objects for garbage that is not there. So it rests meanwhile; and as nearly all
    of them stay for good, no later collection looks through them either: a third of a second each,
    of which Keras asks for one before every training and Streamlit for two after every page.
    """
    set_tensorflow_defaults()
    collects = gc.isenabled()
    gc.disable()
    try:
        import keras  # noqa: F401
    finally:
        gc.collect()
        gc.freeze()
        if collects:
            gc.enable()
