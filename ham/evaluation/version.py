"""What scores of the same answers rest on besides the answers."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

import numpy as np

import ham
from ham.evaluation import intervals


def scores_version() -> str:
    """Another text wherever the same answers might get other scores or intervals: other code of
    this package, other draws, another NumPy.
    """
    return f"{_code()}, {intervals.RESAMPLES} draws, NumPy {np.__version__}"


@functools.cache
def _code() -> str:
    """Of this package's sources; of HAM Lab's version too, where none were installed."""
    found = hashlib.sha256(ham.__version__.encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        found.update(path.read_bytes())
    return found.hexdigest()
