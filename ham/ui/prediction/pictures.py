"""The photograph beside the pixels that the models see of it."""

from __future__ import annotations

import html

import streamlit as st

from ham.config import IMAGE_SIZE
from ham.images import CheckedImage, data_url
from ham.prediction import shorten

_LONGEST = 400  # pixels of a photograph as it is sent


def show_pictures(image: CheckedImage, name: str = "", title: str = "Original") -> None:
    """Both, or the pixels alone where there is nothing else; `name` stands for the image's own
    where that would tell what it shows.
    """
    words = html.escape(name or shorten(image.name))
    figures = [
        (
            data_url(image.seen),
            f"{words}, squashed to the {IMAGE_SIZE} by {IMAGE_SIZE} pixels that the models see",
            f"What the models see: {IMAGE_SIZE} x {IMAGE_SIZE}",
            "ham-pixels",
        )
    ]
    if image.original is not image.seen:
        url = data_url(image.original, "JPEG", _LONGEST)
        figures.insert(0, (url, f"{words}, {title.lower()}", title, ""))
    st.html(
        '<div class="ham-two">'
        + "".join(
            f'<figure class="{kind}"><img src="{url}" alt="{alt}">'
            f"<figcaption>{caption}</figcaption></figure>"
            for url, alt, caption, kind in figures
        )
        + "</div>"
    )
