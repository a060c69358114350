"""95 % intervals: the bootstrap over lesions, and what takes its place where its draws all agree.

Where every draw of lesions gives the same score (0 %, 100 %, two models that answer alike), the
bootstrap knows nothing of chance, and an interval without width would pass for certainty. There
stand intervals that keep their width at the ends of the scale:

share      Wilson's, with the effective number of lesions for the number of observations
mean, difference of shares    Wilson's limits, combined (`combined`)
F1         Wilson's limits of what it is a function of (`f1_interval`)
AUC        Newcombe's score interval (`area_interval`)

One lesion alone tells nothing of others: no interval.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np

RESAMPLES = 2000  # read when a score is asked for: tests that look at other things lower it
CONFIDENCE = 0.95
_NORMAL = NormalDist()
_Z = _NORMAL.inv_cdf((1 + CONFIDENCE) / 2)  # 1.96
_NO_WIDTH = 1e-9  # below it two limits differ by rounding only

Scores = dict[str, np.ndarray]  # by key, (R,) each


@dataclass(frozen=True)
class Interval:
    """A score or a difference of two with its 95 % interval; NaN where undefined."""

    value: float
    low: float
    high: float

    @property
    def has_width(self) -> bool:
        """Whether there is an interval at all: limits that agree are what an older version
        stored for none.
        """
        return self.high - self.low > _NO_WIDTH

    def without(self) -> Interval:
        """The value alone."""
        return Interval(self.value, math.nan, math.nan)


NO_INTERVAL = Interval(math.nan, math.nan, math.nan)


# --------------------------------------------------------------------------- bootstrap


@dataclass(frozen=True)
class Corrected:
    """The scores whose percentiles are corrected: those of `score(counts)`."""

    score: Callable[[np.ndarray], Scores]
    # lesions of the rarest class, of those that are means over classes of ratios
    rarest: Mapping[str, int] = field(default_factory=dict)


def bootstrap_intervals(
    score: Callable[[np.ndarray], Scores],
    n_images: int,
    n_lesions: int,
    resamples: int | None,
    seed: int,
    instead: Callable[[str], Interval],
    undrawn: Iterable[str] = (),
    corrected: Corrected | None = None,
) -> dict[str, Interval]:
    """`score(counts)` of the images as they are, with its interval over `resamples` draws of
    lesions, RESAMPLES where none are named.

    `counts`: float (R, n_lesions), how often each lesion is counted. `instead(key)`: the interval
    of a score that is the same in every draw, and of those of `undrawn`, of which draws know too
    little. Of one lesion there is none. `corrected`: the scores whose percentiles are.
    """
    point = score(np.ones((1, n_lesions)))
    drawn = _bootstrap(score, n_images, n_lesions, resamples or RESAMPLES, seed)
    without = _jackknife(corrected.score, n_images, n_lesions) if corrected else {}
    found = {}
    for key, (value,) in point.items():
        if corrected and key in without:
            n = corrected.rarest.get(key)
            found[key] = _corrected_percentiles(value, drawn[key], without[key], n)
        else:
            found[key] = _percentiles(value, drawn[key])
    for key, one in found.items():
        if n_lesions == 1 or not math.isfinite(one.value):
            found[key] = one.without()
        elif key in undrawn or not one.has_width:
            limits = instead(key)
            # but for rounding
            found[key] = Interval(
                one.value, min(limits.low, one.value), max(limits.high, one.value)
            )
    return found


def _bootstrap(
    score: Callable[[np.ndarray], Scores], n_images: int, n_lesions: int, resamples: int, seed: int
) -> Scores:
    """`score(counts)` over draws of lesions, a block at a time so that memory stays small."""
    random = np.random.default_rng(seed)
    block = max(1, min(250, 2_000_000 // n_images))
    parts = []
    for start in range(0, resamples, block):
        rows = min(block, resamples - start)
        drawn = (
            random.integers(0, n_lesions, (rows, n_lesions)) + np.arange(rows)[:, None] * n_lesions
        )
        counts = np.bincount(drawn.ravel(), minlength=rows * n_lesions).reshape(rows, n_lesions)
        parts.append(score(counts.astype(np.float64)))
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}


def _jackknife(
    score: Callable[[np.ndarray], Scores], n_images: int, n_lesions: int
) -> dict[str, np.ndarray]:
    """`score(counts)` with each lesion left out in turn, (n_lesions,) each."""
    block = max(1, min(250, 2_000_000 // n_images))
    parts = []
    for start in range(0, n_lesions, block):
        counts = np.ones((min(block, n_lesions - start), n_lesions))
        counts[np.arange(len(counts)), start + np.arange(len(counts))] = 0
        parts.append(score(counts))
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}


def _percentiles(value: float, drawn: np.ndarray) -> Interval:
    """The percentile interval of the resamples in which the score is defined."""
    defined = drawn[np.isfinite(drawn)]
    if not len(defined) or not np.isfinite(value):
        return Interval(float(value), math.nan, math.nan)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(defined, (tail, 1 - tail))
    return Interval(float(value), float(low), float(high))


def _corrected_percentiles(
    value: float, drawn: np.ndarray, without: np.ndarray, rarest: int | None
) -> Interval:
    """Bias-corrected and accelerated percentiles (Efron, J. Am. Stat. Assoc. 82:171, 1987).

    `without`: the score with each lesion left out. A mean over classes of ratios also varies too
    little in the draws, by (n - 1) / n, n lesions of the rarest class: where `rarest` names that n,
    the percentiles are expanded (Hesterberg, American Statistician 69:371, 2015).
    """
    defined = drawn[np.isfinite(drawn)]
    if not len(defined) or not np.isfinite(value):
        return Interval(float(value), math.nan, math.nan)
    left = without[np.isfinite(without)]
    influence = left.mean() - left if len(left) else np.zeros(1)
    spread = float((influence**2).sum()) ** 1.5
    acceleration = float((influence**3).sum()) / (6 * spread) if spread else 0.0
    below = float(np.mean(defined < value) + np.mean(defined <= value)) / 2
    least = 0.5 / len(defined)
    shift = _NORMAL.inv_cdf(min(max(below, least), 1 - least))
    wide = _Z * (math.sqrt(max(rarest, 2) / (max(rarest, 2) - 1)) if rarest else 1.0)
    ends = [shift + sign * wide for sign in (-1, 1)]
    low, high = np.quantile(
        defined, [_NORMAL.cdf(shift + end / (1 - acceleration * end)) for end in ends]
    )
    return Interval(float(value), min(float(low), float(value)), max(float(high), float(value)))


# ------------------------------------------------------------------- where draws agree


def wilson(share: float, n: float) -> Interval:
    """Wilson's interval of a share of n observations; n need not be whole. NaN where n is 0.

    Wilson, J. Am. Stat. Assoc. 22:209, 1927; recommended for few observations by Brown, Cai,
    DasGupta, Statistical Science 16:101, 2001. 0 of 6: 0 to z² / (6 + z²) = 39 %.
    """
    if not n > 0:
        return Interval(math.nan, math.nan, math.nan)
    middle = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2)) / (1 + _Z**2 / n)
    return Interval(share, max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half)))


def effective_lesions(lesions: np.ndarray) -> float:
    """How many lesions of one image each tell as much as these, (n,) labels of n images.

    (sum m)² / sum m² for lesions of m images (Kish, Survey Sampling, 1965): the number of lesions
    where all have equally many, less where a few have most. It takes the answers on one lesion for
    one answer, the most that they can have in common. Wilson's interval with it: Dean, Pagano,
    J. Survey Statistics and Methodology 3:484, 2015.
    """
    if not len(lesions):
        return 0.0
    images = np.unique(lesions, return_counts=True)[1].astype(float)
    return float(images.sum() ** 2 / (images**2).sum())


def share(part: np.ndarray, lesions: np.ndarray) -> Interval:
    """Wilson's interval of the share of images in `part`, bool (n,), over their lesions, (n,).

    NaN without an image. Of one lesion it says nearly nothing, and stands for nothing alone: a
    term of a sum (`combined`), or see `share_interval`.
    """
    return wilson(float(np.mean(part)) if len(part) else math.nan, effective_lesions(lesions))


def share_interval(part: np.ndarray, lesions: np.ndarray) -> Interval:
    """`share` as it is shown: of one lesion the value alone."""
    found = share(part, lesions)
    return found.without() if of_one_lesion(lesions) else found


def of_one_lesion(lesions: np.ndarray) -> bool:
    return len(lesions) > 0 and bool((lesions == lesions[0]).all())


def combined(terms: list[tuple[float, Interval]]) -> Interval:
    """The sum of (factor, interval) from the intervals of its terms, taken as independent.

    Each limit lies as far from the sum as the square root of the summed squares of the terms' own
    distances on that side (Newcombe, Statistics in Medicine 17:873, 1998, for two shares; Zou,
    Huang, Zhang, Computational Statistics and Data Analysis 53:1080, 2009, for any sum of shares).
    """
    value = sum(factor * term.value for factor, term in terms)
    least, most = (sum(sign * max(sign * factor, 0) for factor, _ in terms) for sign in (-1, 1))
    below = above = 0.0
    for factor, term in terms:
        down, up = factor * (term.value - term.low), factor * (term.high - term.value)
        if factor < 0:
            down, up = -up, -down
        below, above = below + down**2, above + up**2
    # shares are from 0 to 1; but for rounding this changes nothing
    return Interval(
        value, max(value - math.sqrt(below), least), min(value + math.sqrt(above), most)
    )


def f1_interval(positive: np.ndarray, named: np.ndarray, lesions: np.ndarray) -> Interval:
    """Of the images that are of a class, and those named it, bool (n,) each.

    F1 = 2 s / (1 + s), where s is the share of right ones among the images that are of the class or
    named it; Wilson's limits of s give those of F1 ("Wilson indirect", which has width where F1 is
    0 or 1: Lam, Gopal, Qian, arXiv:2309.14621, 2023).
    """
    either = positive | named
    found = share((positive & named)[either], lesions[either])
    return Interval(*(2 * s / (1 + s) for s in (found.value, found.low, found.high)))


def area_interval(area: float, n_positive: float, n_negative: float) -> Interval:
    """An area under the ROC curve, from effective numbers of lesions on both sides.

    The areas from which the one seen is 1.96 standard errors away at most, by the variance of
    Hanley, McNeil (Radiology 143:29, 1982) with both sides of the mean size: method 5 of Newcombe,
    Statistics in Medicine 25:559, 2006, which has width where the sides are told apart without an
    error. With one lesion a side it is Wilson's interval of one observation.
    """
    from scipy.optimize import brentq

    pairs, more = n_positive * n_negative, (n_positive + n_negative) / 2 - 1

    def beyond(theta: float) -> float:
        variance = (
            theta
            * (1 - theta)
            * (1 + more * ((1 - theta) / (2 - theta) + theta / (1 + theta)))
            / pairs
        )
        return (area - theta) ** 2 - _Z**2 * variance

    inside = min(max(area, _NO_WIDTH), 1 - _NO_WIDTH)  # at 0 and 1 themselves there is no variance
    low = brentq(beyond, 0.0, inside) if area > _NO_WIDTH else 0.0
    high = brentq(beyond, inside, 1.0) if area < 1 - _NO_WIDTH else 1.0
    return Interval(area, float(low), float(high))
