"""An explanation to be taken away: its numbers as JSON, its maps as pictures in HTML."""

from __future__ import annotations

import html
import math
from typing import Any

import numpy as np
from PIL import Image

from ham.config import CLASSES
from ham.images import CheckedImage, data_url
from ham.prediction.explanation import Evidence, Explanation, Reasons

_SIDE = 220  # pixels of a map's longer side
_FOR, _AGAINST = np.array([15, 118, 110.0]), np.array([180, 83, 9.0])
_LEAST = 0.01  # of a probability: less is not blown up to full colour


def as_explanation_record(found: Explanation) -> dict[str, Any]:
    """JSON-ready (docs/report-schema.md): for the predicted class and for malignant in total."""
    return {"label": _reasons(found.named), "malignant": _reasons(found.malignant)}


def _reasons(reasons: Reasons) -> dict[str, Any]:
    return {
        "probability": round(reasons.probability, 6),
        "occlusion": _evidence(reasons.occlusion),
        "grad_cam": None if reasons.grad_cam is None else _evidence(reasons.grad_cam),
        "rows": None if reasons.rows is None else _evidence(reasons.rows),
    }


def _evidence(evidence: Evidence) -> dict[str, Any]:
    return {
        "trained": np.round(evidence.trained.astype(float), 4).tolist(),
        "random_weights": np.round(evidence.random_weights.astype(float), 4).tolist(),
        "fall": {
            "brightest_tenth": _number(evidence.falls.brightest),
            "brightest_tenth_of_random_weights": _number(evidence.falls.random_weights),
            "random_tenth": _number(evidence.falls.random_tenth),
        },
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 6)


def as_explanation_html(image: CheckedImage, found: Explanation, name: str) -> str:
    """The occlusion maps of one run, drawn over the photograph, each beside that of random
    weights; `name`: the run's.
    """
    of = (CLASSES[found.label].name, found.named), ("Malignant", found.malignant)
    rows = "".join(_pair(image, html.escape(title), reasons.occlusion) for title, reasons in of)
    return (
        f"<details><summary>Why: {html.escape(name)}</summary><p class='ham-note'>Hiding a teal "
        "place lowers the probability, an amber one raises it.</p>"
        f"{rows}</details>"
    )


def _pair(image: CheckedImage, title: str, evidence: Evidence) -> str:
    falls = evidence.falls
    figures = "".join(
        f'<figure style="display:inline-block;margin-right:1rem;width:{_SIDE}px"><img '
        f'src="{data_url(overlay(image.original, values), "JPEG")}" alt="{title}, {words}">'
        f"<figcaption>{words}</figcaption></figure>"
        for values, words in (
            (evidence.trained, f"This run: {_points(falls.brightest)}"),
            (evidence.random_weights, f"Random weights: {_points(falls.random_weights)}"),
        )
    )
    return (
        f"<p><b>{title}</b>, without the map's brightest tenth; without a random tenth "
        f"{_points(falls.random_tenth)}</p>{figures}"
    )


def _points(fall: float) -> str:
    """ "−31 points"."""
    if math.isnan(fall):
        return "blank"
    return f"{-100 * fall:+.0f} points".replace("-", "\N{MINUS SIGN}")


def overlay(picture: np.ndarray, values: np.ndarray) -> np.ndarray:
    """A map, float (28, 28), -1 to 1, over a photograph in grey, uint8 (h, w, 3): teal where it
    is above 0, amber below, strongest at its own largest value.
    """
    grey = Image.fromarray(picture).convert("L")
    factor = _SIDE / max(grey.size)
    size = max(1, round(factor * grey.width)), max(1, round(factor * grey.height))
    ground = np.asarray(grey.resize(size, Image.Resampling.BICUBIC), np.float64)[..., np.newaxis]
    top = max(float(np.abs(values).max()), _LEAST)
    scaled = Image.fromarray((values / top).astype(np.float32)).resize(
        size, Image.Resampling.BILINEAR
    )
    share = np.asarray(scaled)[..., np.newaxis]
    color = np.where(share > 0, _FOR, _AGAINST)
    alpha = 0.75 * np.abs(share)
    return ((1 - alpha) * (0.6 * ground + 100) + alpha * color).clip(0, 255).astype(np.uint8)
