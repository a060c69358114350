"""The images of the Dataset page: a grid of tiles, paged."""

from __future__ import annotations

import base64
import hashlib
import html
import io

import numpy as np
import streamlit as st
from PIL import Image

from ham import data
from ham.config import CLASSES, CODES
from ham.ui.frame import errors

_CLASS = dict(zip(CODES, CLASSES, strict=True))
_IMAGES_A_PAGE = 24
_ORIGINAL_SIZE = (320, 240)  # at most; shown at half of it
ORDERS = {"mixed": "Mixed", "lesion": "By lesion", "age": "By age"}
VIEWS = {"both": "Both", "small": "28x28", "original": "Originals"}

@st.fragment
@errors()
def gallery(dataset: data.LesionDataset, rows: np.ndarray) -> None:
    """A page of images, enlarged without smoothing, beside their originals where there are any."""
    st.space("small")
    st.subheader("Images", anchor=False)
    with st.container(horizontal=True, gap="medium"):
        order = st.segmented_control("Order", list(ORDERS), default="mixed", required=True, key="dataset_order",
                                     format_func=ORDERS.get, persist_state="session")
        view = "small"
        if dataset.originals:
            view = st.segmented_control("Shown", list(VIEWS), default="both", required=True, key="dataset_view",
                                        format_func=VIEWS.get, persist_state="session",
                                        help="What the models see, the photograph it was made from, or both.")
    n_pages = -(-len(rows) // _IMAGES_A_PAGE)
    page_key = f"dataset_page_{order}_{hashlib.sha256(rows.tobytes()).hexdigest()[:12]}"  # new images, first page
    page = min(st.session_state.get(page_key, 1), n_pages)
    first = (page - 1) * _IMAGES_A_PAGE
    shown = in_order(dataset, rows, order)[first:first + _IMAGES_A_PAGE]
    tiles = "".join(_tile(dataset, index, view) for index in shown)
    st.html(f'{_STYLE}<div class="ham-gallery ham-{view}">{tiles}</div>')
    with st.container(horizontal=True, vertical_alignment="center"):
        if n_pages > 1:
            st.pagination(n_pages, key=page_key, persist_state="session")
        st.caption(f"Images {first + 1:,} to {first + len(shown):,} of {len(rows):,}")


def in_order(dataset: data.LesionDataset, rows: np.ndarray, order: str) -> np.ndarray:
    """Rows as the grid shows them: shuffled once and for all, lesion by lesion, or from young to old."""
    if order == "lesion":
        return rows[np.argsort(dataset.groups[rows], kind="stable")]
    mixed = np.random.default_rng(0).permutation(dataset.n_images)
    mixed = mixed[np.isin(mixed, rows)]
    if order == "age":
        return mixed[np.argsort(dataset.metadata["age"].to_numpy()[mixed], kind="stable")]
    return mixed


def _tile(dataset: data.LesionDataset, index: int, view: str) -> str:
    row = dataset.metadata.iloc[index]
    lesion_class = _CLASS[row["dx"]]
    title, image_id = html.escape(lesion_class.title), html.escape(row["image_id"])
    siblings = int((dataset.groups == dataset.groups[index]).sum())
    pictures = ""
    if view != "original" or not dataset.original(index):
        pictures += (f'<img class="ham-small" src="{_png(dataset.images[index])}" '
                     f'alt="{title}, {image_id}, 28 by 28 pixels as the models see it">')
    if view != "small" and (original := dataset.original(index)):
        pictures += (f'<img class="ham-original" src="{_thumbnail(str(original), original.stat().st_mtime_ns)}" '
                     f'alt="{title}, {image_id}, the original photograph">')
    age = f"{row['age']:g} years" if row["age"] == row["age"] else "age unknown"
    person = html.escape(", ".join((age, row["sex"] if row["sex"] != "unknown" else "sex unknown",
                                    row["localization"] if row["localization"] != "unknown" else "site unknown")))
    lesion = html.escape(row["lesion_id"]) + (f" ({siblings} images)" if siblings > 1 else "")
    dot = f'<i style="background:{lesion_class.color}"></i>'
    return (f'<figure><div class="ham-pictures">{pictures}</div><figcaption><b>{dot}{title}</b><span>{image_id}</span>'
            f"<span>{lesion}</span><span>{person}</span></figcaption></figure>")


def _png(image: np.ndarray) -> str:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


@st.cache_data(max_entries=2_000, show_spinner=False)
def _thumbnail(path: str, changed: int) -> str:
    """A JPEG of at most _ORIGINAL_SIZE; `changed` only makes a changed file another entry."""
    file = io.BytesIO()
    with Image.open(path) as image:
        image.draft("RGB", _ORIGINAL_SIZE)
        image.thumbnail(_ORIGINAL_SIZE)
        image.convert("RGB").save(file, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"


_STYLE = """<style>
.ham-gallery { display: grid; gap: 1.25rem 1rem; }
.ham-gallery { grid-template-columns: repeat(auto-fill, minmax(min(9rem, 45%), 1fr)); }
.ham-gallery.ham-both { grid-template-columns: repeat(auto-fill, minmax(min(13.5rem, 45%), 1fr)); }
.ham-gallery figure { margin: 0; min-width: 0; }
.ham-pictures { display: flex; gap: 2px; border-radius: 6px; overflow: hidden; }
.ham-pictures img { display: block; min-width: 0; object-fit: cover; }
.ham-pictures .ham-small { aspect-ratio: 1; flex: 1 1 0; image-rendering: pixelated; }
.ham-pictures .ham-original { aspect-ratio: 4 / 3; flex: 1.3333 1 0; }
.ham-gallery figcaption { display: flex; flex-direction: column; font-size: 0.8rem; line-height: 1.35;
  margin-top: 0.4rem; overflow-wrap: anywhere; }
.ham-gallery figcaption b { font-size: 0.875rem; font-weight: 600; }
.ham-gallery figcaption i { border-radius: 50%; display: inline-block; height: 0.6rem; margin-right: 0.4rem;
  width: 0.6rem; }
.ham-gallery figcaption span { color: light-dark(#57606A, #A9B1BA); }
</style>"""
