"""Pictures as data URLs, for HTML that Streamlit has no element for."""

from __future__ import annotations

import base64
import io
import os
from typing import NamedTuple

import numpy as np
import streamlit as st
from PIL import Image

_ORIGINAL_SIZE = (320, 240)  # at most; shown at half of it


_LEAST_WIDTH = 120  # pixels; a smaller photograph is enlarged, with its own pixels


def png(image: np.ndarray) -> str:
    """An image, uint8 (height, width, 3 or 4), as a PNG."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return _url(file, "png")


class Photograph(NamedTuple):
    """A picture for the browser."""

    url: str  # data:image/jpeg;base64,...
    width: int  # pixels


def width_limit(photograph: Photograph) -> str:
    """A style attribute that keeps a photograph from being smoothed; none for a tiny one, whose
    pixels are enlarged.
    """
    return f' style="max-width: {photograph.width}px"' if photograph.width >= _LEAST_WIDTH else ""


def jpeg(path: str, size: tuple[int, int] = _ORIGINAL_SIZE) -> Photograph | None:
    """A photograph of at most this size in pixels; None where its file cannot be read any more."""
    try:
        return _thumbnail(path, os.stat(path).st_mtime_ns, size)
    except OSError:  # Pillow's errors about broken pictures are OSErrors too
        return None


@st.cache_data(max_entries=2_000, show_spinner=False)
def _thumbnail(path: str, changed: int, size: tuple[int, int]) -> Photograph:
    """A JPEG of at most `size`; `changed` only makes a changed file another entry."""
    file = io.BytesIO()
    with Image.open(path) as image:
        image.draft("RGB", size)
        image.thumbnail(size)
        image.convert("RGB").save(file, "JPEG", quality=85)
        width = image.width
    return Photograph(_url(file, "jpeg"), width)


def _url(file: io.BytesIO, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"
