"""Pixels as a data URL, for HTML."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image


def data_url(image: np.ndarray, kind: str = "PNG", longest: int | None = None) -> str:
    """uint8 (h, w, 3 or 4) -> "data:image/png;base64,..."; scaled down to `longest` pixels."""
    file = io.BytesIO()
    picture = Image.fromarray(image)
    if longest is not None:
        picture.thumbnail((longest, longest))
    picture.save(file, kind, quality=85)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(file.getvalue()).decode()}"
