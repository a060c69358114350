"""What can be told of a picture without a network: that it is flat, even or grey."""

from __future__ import annotations

import functools

import numpy as np
from PIL import Image

SIDE = 16  # pixels a side that are looked at, each the mean of its part of the picture
DEGREE = 3  # of the polynomials in x and y that a gradient is taken for
#: Root mean square in grey levels. What the polynomials leave of HAM10000's validation images is
#: 5.7 at the least, what is left of flat colours, noise and straight gradients mostly under 1.5.
EVEN = 3.0
FLAT = 3.0  # likewise without any polynomial
#: Grey levels between the channels, in 95 of 100 places at most; 15 at the least in HAM10000.
GREY = 6.0


def plain_kind(picture: np.ndarray) -> str | None:
    """ "flat", "even" or "grey" for uint8 (h, w, 3), RGB, or None."""
    small = Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BOX, reducing_gap=2.0)
    places = np.asarray(small, np.float64).reshape(-1, 3)
    if _rms(places - places.mean(axis=0)) < FLAT:
        return "flat"
    smooth = _polynomials()
    if _rms(places - smooth @ (smooth.T @ places)) < EVEN:
        return "even"
    if np.percentile(np.ptp(places, axis=1), 95) < GREY:
        return "grey"
    return None


def _rms(values: np.ndarray) -> float:
    """The largest of the channels'."""
    return float(np.sqrt((values**2).mean(axis=0)).max())


@functools.cache
def _polynomials() -> np.ndarray:
    """(SIDE², 10): an orthonormal base of the polynomials over the places."""
    y, x = (axis.ravel() for axis in np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j])
    powers = [x**i * y**j for i in range(DEGREE + 1) for j in range(DEGREE + 1 - i)]
    return np.linalg.qr(np.stack(powers, axis=1))[0]
