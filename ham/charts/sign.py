"""The sign of HAM Lab: the browser tab's picture, and the logo."""

from __future__ import annotations

import functools
import math

from PIL import Image, ImageDraw

from ham.config import APP_NAME, CLASS_INDEX, CLASSES


def _dots() -> list[tuple[float, float, str]]:
    """The sign of HAM Lab: the seven classes as a ring seen through a lens; x, y in 0-56,
    colour.
    """
    places = [
        (28 + 17 * math.cos(math.tau * i / 6), 28 + 17 * math.sin(math.tau * i / 6))
        for i in range(6)
    ]
    colors = sorted(
        (c.color for c in CLASSES), key=lambda color: color == CLASSES[CLASS_INDEX["nv"]].color
    )
    return [(x, y, color) for (x, y), color in zip([*places, (28, 28)], colors, strict=True)]


@functools.cache
def page_icon() -> Image.Image:
    """The sign as the browser tab's picture; a Material icon would be fetched from the network."""
    icon = Image.new("RGBA", (224, 224))
    draw = ImageDraw.Draw(icon)
    for x, y, color in _dots():
        draw.ellipse([4 * (x - 7), 4 * (y - 7), 4 * (x + 7), 4 * (y + 7)], fill=color)
    return icon.resize((64, 64), Image.Resampling.LANCZOS)


def logo() -> str:
    """The sign and the name, as SVG."""
    dots = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="7" fill="{color}"/>' for x, y, color in _dots()
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="220" height="56" viewBox="0 0 220 56">'
        "<style>text{fill:#1F2937}@media(prefers-color-scheme:dark){text{fill:#E6E9ED}}</style>"
        f'{dots}<text x="68" y="38" font-family="Segoe UI, Helvetica, Arial, sans-serif" '
        f'font-size="30" font-weight="600">{APP_NAME}</text></svg>'
    )
