"""How often the 95 % intervals hold the true score: test parts drawn from a population whose
scores are known.

    python -m benchmarks.coverage [--tests 400] [--lesions 1120] [--seed 0]

A lesion has a class and 1 to 6 images as often as in HAM10000 (SIZES: lesions of the real data by
class and number of images). What a model says of an image is invented: log-probabilities with the
classes' frequencies, a gain for the true class, and noise of which a part is the lesion's own, so
that images of one lesion are alike. The true scores are those of 400,000 lesions. Each test part
of about 1,500 images is given to `ham.evaluation.evaluate` as a run's is, with its 2,000 draws.
Beside the share of test parts whose interval holds the true score stand the shares in which it
lies wholly below and above it, and the share that a bootstrap over images would hold.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

import numpy as np

from ham.config import CODES
from ham.evaluation import SCORES, evaluate, evaluate_scores, percent
from ham.evaluation.scores import proportion, scores_by_draw

#: Lesions of HAM10000 by class, in the order of CODES, and number of images, 1 to 6.
SIZES = np.array(
    [
        [230, 278, 100, 4, 1, 1],
        [175, 118, 33, 1, 0, 0],
        [151, 57, 18, 2, 0, 0],
        [4415, 699, 268, 18, 2, 1],
        [440, 220, 55, 8, 2, 2],
        [64, 25, 8, 1, 0, 0],
        [39, 26, 8, 0, 0, 0],
    ]
)
GAIN = np.array([1.9, 2.6, 2.6, 2.0, 1.9, 4.0, 3.0])  # of the true class's log-probability
NOISE_OF_LESION, NOISE_OF_IMAGE = 0.9, 0.6
POPULATION = 400_000  # lesions; more than a test part has by a factor of 350
#: Whose share under a bootstrap over images is shown too: those that take no AUC.
BY_IMAGE = [key for key in SCORES if not key.endswith("auc")]


def draw(lesions: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """y_true int (n,), proba float64 (n, 7), lesion int (n,) of so many lesions."""
    kind = random.choice(SIZES.size, lesions, p=SIZES.ravel() / SIZES.sum())
    of_class, images = kind // SIZES.shape[1], kind % SIZES.shape[1] + 1
    lesion = np.repeat(np.arange(lesions), images)
    y_true = of_class[lesion]
    shares = SIZES @ np.arange(1, SIZES.shape[1] + 1)
    logits = np.log(shares / shares.sum()) + np.eye(len(CODES))[y_true] * GAIN
    logits += NOISE_OF_LESION * random.normal(size=(lesions, len(CODES)))[lesion]
    logits += NOISE_OF_IMAGE * random.normal(size=logits.shape)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return y_true, powers / powers.sum(axis=1, keepdims=True), lesion


def true_scores(random: np.random.Generator) -> dict[str, float]:
    y_true, proba, lesion = draw(POPULATION, random)
    found = scores_by_draw(y_true, proba, lesion, np.ones((1, POPULATION)))
    return {key: float(value[0]) for key, value in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tests", type=int, default=400)
    parser.add_argument("--lesions", type=int, default=1120)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    random, began = np.random.default_rng(asked.seed), time.process_time()
    truth = true_scores(random)
    where = {key: Counter() for key in SCORES}
    by_image, images, widths = Counter(), [], {key: [] for key in SCORES}
    for number in range(asked.tests):
        y_true, proba, lesion = draw(asked.lesions, random)
        images.append(len(y_true))
        for key, one in evaluate(y_true, proba, lesion, seed=number).scores.items():
            side = "below" if one.high < truth[key] else "above" if one.low > truth[key] else "held"
            where[key][side] += 1
            widths[key].append(one.high - one.low)
        each = np.arange(len(y_true))
        for key, one in evaluate_scores(BY_IMAGE, y_true, proba, each, seed=number).items():
            by_image[key] += one.low <= truth[key] <= one.high
        if number % 50 == 49:
            print(f"{number + 1} of {asked.tests}", file=sys.stderr)
    print(
        f"{asked.tests} test parts of {min(images):,} to {max(images):,} images "
        f"({asked.lesions:,} lesions), seed {asked.seed}, "
        f"{(time.process_time() - began) / 60:.0f} min of one core\n"
    )
    print("| Score | True | Mean width | Held, % (95 % interval) | Below | Above | By images, % |")
    print("|---|---|---|---|---|---|---|")
    for key, score in SCORES.items():
        held = percent(proportion(where[key]["held"], asked.tests)).replace(" %", "")
        below, above = (
            f"{100 * where[key][side] / asked.tests:.1f}" for side in ("below", "above")
        )
        plain = f"{100 * by_image[key] / asked.tests:.1f}" if key in BY_IMAGE else "–"
        print(
            f"| {score.title} | {truth[key]:.3f} | {np.mean(widths[key]):.3f} "
            f"| {held} | {below} | {above} | {plain} |"
        )


if __name__ == "__main__":
    main()
