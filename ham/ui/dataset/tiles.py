"""Tiles of images, each a button that opens its details."""

from __future__ import annotations

import base64
import html
import io
import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import streamlit as st
from PIL import Image

from ham import data
from ham.config import CLASSES, CODES
from ham.ui.frame import plain

_CLASS = dict(zip(CODES, CLASSES, strict=True))
_ORIGINAL_SIZE = (320, 240)  # at most; shown at half of it
_LEAST_WIDTH = 120  # pixels; a smaller photograph is enlarged, with its own pixels


def open_image(row: int) -> None:
    """A callback: the details of this image are shown."""
    st.session_state["dataset_open"] = int(row)


def show_tiles(dataset: data.LesionDataset, rows: Sequence[int], view: str, key: str) -> None:
    """A grid of images; a click on one, or Enter, opens its details. `key` names the grid."""
    st.html(_STYLE)
    siblings = np.bincount(dataset.groups)[dataset.groups[rows]]
    table = dataset.metadata.iloc[rows].to_dict("records")
    with st.container(key=f"{key}_{view}"):
        for place, (row, entry, n) in enumerate(zip(rows, table, siblings, strict=True)):
            with st.container(key=f"{key}_tile_{place}", gap=None):
                st.html(_tile(dataset, row, entry, int(n), view))
                st.button(
                    f"Details of {plain(entry['image_id'])}",
                    key=f"{key}_open_{place}",
                    on_click=open_image,
                    args=(row,),
                    width="stretch",
                )


def _tile(dataset: data.LesionDataset, row: int, entry: dict, siblings: int, view: str) -> str:
    lesion_class = _CLASS[entry["dx"]]
    title, image_id = html.escape(lesion_class.title), html.escape(entry["image_id"])
    path = dataset.originals.get(entry["image_id"]) if view != "small" else None
    original = jpeg(path) if path else None
    pictures = ""
    if view != "original" or not original:
        pictures += (
            f'<img class="ham-small" src="{png(dataset.images[row])}" '
            f'alt="{title}, {image_id}, 28 by 28 pixels as the models see it">'
        )
    if original:
        pictures += (
            f'<img class="ham-original" src="{original.url}"{width_limit(original)} '
            f'alt="{title}, {image_id}, the original photograph">'
        )
    lesion = html.escape(entry["lesion_id"]) + (f" ({siblings} images)" if siblings > 1 else "")
    dot = f'<i style="background:{lesion_class.color}"></i>'
    return (
        '<figure class="ham-tile"><div '
        f'class="ham-pictures">{pictures}</div><figcaption><b>{dot}{title}</b>'
        f"<span>{image_id}</span><span>{lesion}</span><span>{html.escape(person(entry))}</span></figcaption>"
        "</figure>"
    )


def person(entry: dict) -> str:
    """ "45 years, male, back", or what of it is unknown."""
    age = f"{entry['age']:g} years" if entry["age"] == entry["age"] else "age unknown"
    sex, site = entry["sex"], entry["localization"]
    return ", ".join(
        (
            age,
            sex if sex != "unknown" else "sex unknown",
            site if site != "unknown" else "site unknown",
        )
    )


def png(image: np.ndarray) -> str:
    """A data URL of an image, uint8 (height, width, 3)."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


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
    return Photograph(f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}", width)


_STYLE = """<style>
[class*="st-key-dataset_"]:is([class*="_grid_"], [class*="_siblings_"], [class*="_nearest_"]):is(
  [class*="_both"], [class*="_small"], [class*="_original"]) {
  display: grid; gap: 1.25rem 1rem;
  grid-template-columns: repeat(auto-fill, minmax(min(9rem, 45%), 1fr)); }
.st-key-dataset_grid_both { grid-template-columns: repeat(auto-fill, minmax(min(13.5rem, 45%),
  1fr)) !important; }
/* The button lies over the whole tile, unseen: one click target, one stop of the Tab key, its
  label for screen
   readers. No :has() here: the browser then computes every style anew for each word that
  Plotly measures. */
[class*="_tile_"] { border-radius: 6px; min-width: 0; position: relative; }
[class*="_tile_"] > [class*="_open_"] { inset: 0; position: absolute; width: 100% !important; }
[class*="_tile_"] > [class*="_open_"] * { background: none !important;
  border-color: transparent !important;
  color: transparent !important; height: 100%; }
[class*="_tile_"] button:focus-visible { border-radius: 6px; box-shadow: none !important;
  outline: 2px solid #0D9488;
  outline-offset: 3px; }
[class*="_tile_"]:hover b { text-decoration: underline; }
.ham-tile { margin: 0; min-width: 0; }
.ham-pictures { display: flex; gap: 2px; border-radius: 6px; overflow: hidden; }
.ham-pictures img { display: block; min-width: 0; object-fit: cover; }
.ham-pictures .ham-small { aspect-ratio: 1; flex: 1 1 0; image-rendering: pixelated; }
.ham-pictures .ham-original { aspect-ratio: 4 / 3; flex: 1.3333 1 0; }
.ham-pictures .ham-original:not([style]) { image-rendering: pixelated; }
.ham-tile figcaption { display: flex; flex-direction: column; font-size: 0.8rem; line-height: 1.35;
  margin-top: 0.4rem; overflow-wrap: anywhere; }
.ham-tile figcaption b { font-size: 0.875rem; font-weight: 600; }
.ham-tile figcaption i { border-radius: 50%; display: inline-block; height: 0.6rem;
  margin-right: 0.4rem;
  width: 0.6rem; }
.ham-tile figcaption span { color: light-dark(#57606A, #A9B1BA); }
/* A dialog stands outside what carries the theme's color-scheme: light-dark() would always be
  light there. */
[role="dialog"] .ham-tile figcaption span { color: inherit; opacity: 0.75; }
</style>"""
