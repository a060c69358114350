"""What it costs to ask why, what if and like which, and whether the maps say anything.

    HAM_DATA=.../ham10000 python -m benchmarks.explain [--images 50]

Test images of HAM10000 spread over its classes, every run that ships. Prints Markdown tables:
seconds and milliseconds, warm, in this process; and how far a run's probability falls when the
brightest tenth of a map is hidden, against the map of random weights and a random tenth.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import statistics
import tempfile
import time
from collections.abc import Callable

import numpy as np

from ham import data, prediction, store
from ham.prediction import Change, Evidence, Explanation, Predictor

SLIDER = "brightness"
THREE = ("lstm-improved", "cnn-improved", "resnet-improved")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=50)
    count = parser.parse_args().images
    source = os.environ["HAM_DATA"]
    with tempfile.TemporaryDirectory() as home:
        os.environ["HAM_HOME"] = home
        dataset = data.open_dataset(source)
        runs = store.reference_runs()
        predictors = {run.id: Predictor(run) for run in runs}
        split = data.make_split(dataset)
        rows = prediction.new_quiz(dataset, split.test, seed=0).rows[:count]
        _why(predictors, dataset, rows)
        _what_if([predictors[name] for name in THREE], dataset, rows)
        _like_which(runs, predictors, dataset, rows)


# ------------------------------------------------------------------------------ why


def _why(predictors: dict[str, Predictor], dataset: data.LesionDataset, rows: np.ndarray) -> None:
    found: dict[str, list[Explanation]] = {}
    print(
        "| Why, one image | first, s | median, ms | p95, ms | processor, ms |\n"
        "|---|---|---|---|---|"
    )
    for name, predictor in predictors.items():
        found[name] = []

        def ask(row: int, p: Predictor = predictor, kept: list[Explanation] = found[name]) -> None:
            kept.append(prediction.explain(p, dataset.images[row]))

        first, _ = _milliseconds(lambda ask=ask: ask(rows[0]))
        print(f"| {name} | {first / 1000:.1f} | {_timed(ask, rows)} |", flush=True)
        found[name] = found[name][2:]
    print(
        "\n| Fall when a tenth is hidden, points | brightest of the map | of random weights' map | "
        "random tenth | images where the map beats the random tenth |\n|---|---|---|---|---|"
    )
    for name, explained in found.items():
        for kind in ("occlusion", "grad_cam", "rows"):
            for of in ("named", "malignant"):
                evidence = [getattr(getattr(one, of), kind) for one in explained]
                if evidence[0] is not None:
                    print(f"| {name}, {kind}, {of} | {_falls(evidence)} |")


def _falls(evidence: list[Evidence]) -> str:
    falls = np.array(
        [[e.falls.brightest, e.falls.random_weights, e.falls.random_tenth] for e in evidence]
    )
    means = 100 * np.nanmean(falls, axis=0)
    better = (falls[:, 0] > falls[:, 2]).mean()
    return " | ".join(f"{mean:+.1f}" for mean in means) + f" | {100 * better:.0f} %"


# -------------------------------------------------------------------------- what if


def _what_if(predictors: list[Predictor], dataset: data.LesionDataset, rows: np.ndarray) -> None:
    pictures = [prediction.dataset_image(dataset, int(row)).original for row in rows]
    pictures += [np.repeat(np.repeat(pictures[0], 3, 0), 3, 1)]  # 600x450, as HAM10000's own
    changes = [
        Change(rotation=30, zoom=1.2, brightness=10, warmth=6, blur=1, rim=20),
        Change(brightness=10),
    ]

    def one_setting(picture: np.ndarray, change: Change) -> None:
        seen = prediction.changed_pixels(picture, change)[np.newaxis]
        for predictor in predictors:
            predictor.proba(seen)

    print(
        "\n| What if, three runs of eight views | median, ms | p95, ms | processor, ms |\n"
        "|---|---|---|---|"
    )
    for title, change in zip(("every slider moved", "brightness alone"), changes, strict=True):
        print(
            f"| one setting, {title} | {_timed(lambda p, c=change: one_setting(p, c), pictures)} |"
        )
    for name in (SLIDER, "rotation"):
        taken = _timed(lambda p, n=name: prediction.along(p, changes[0], n, predictors), pictures)
        print(f"| the curve of {name}, 21 steps | {taken} |")
    moved = [dataclasses.replace(changes[0], **{SLIDER: value}) for value in range(-48, 50, 4)]
    taken = _timed(lambda c: prediction.along(pictures[0], c, SLIDER, predictors), moved)
    print(f"| its own slider moved, the curve being kept | {taken} |")


# ------------------------------------------------------------------------ like which


def _like_which(
    runs: list[store.Run],
    predictors: dict[str, Predictor],
    dataset: data.LesionDataset,
    rows: np.ndarray,
) -> None:
    print(
        "\n| Like which | made once, s | kept, read again, ms | one image, ms | of 5 neighbours of "
        "its class | nearest of its class |\n|---|---|---|---|---|---|"
    )
    for run in runs:
        predictor = predictors[run.id]
        made, _ = _milliseconds(lambda r=run, p=predictor: prediction.feature_space(p, r, dataset))
        kept, _ = _milliseconds(lambda r=run, p=predictor: prediction.feature_space(p, r, dataset))
        space = prediction.feature_space(predictor, run, dataset)

        def ask(row: int, p: Predictor = predictor, s: prediction.FeatureSpace = space) -> float:
            seen = dataset.images[row]
            lesion = prediction.lesion_of(dataset, seen)
            near = s.nearest(prediction.features(p, seen[np.newaxis])[0], lesion=lesion)
            return [n.label == dataset.labels[row] for n in near]

        same = np.array([ask(row) for row in rows])
        taken = _timed(ask, rows)
        print(
            f"| {run.id} | {made / 1000:.1f} | {kept:.0f} | {taken.split(' |')[0]} | "
            f"{5 * same.mean():.1f} | {100 * same[:, 0].mean():.0f} % |"
        )


# ------------------------------------------------------------------------------ time


def _timed(work: Callable, things) -> str:
    """Milliseconds: median and 95 % by the clock, median of the processor; a first one before."""
    work(things[0])
    wall, processor = zip(
        *(_milliseconds(lambda t=thing: work(t)) for thing in things), strict=True
    )
    return (
        f"{statistics.median(wall):.0f} | {np.quantile(wall, 0.95):.0f} | "
        f"{statistics.median(processor):.0f}"
    )


def _milliseconds(work: Callable[[], object]) -> tuple[float, float]:
    """By the clock on the wall, and of the processor's cores together."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return 1000 * (time.perf_counter() - wall), 1000 * (time.process_time() - processor)


if __name__ == "__main__":
    main()
