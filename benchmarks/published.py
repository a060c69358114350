"""How the two reported numbers came about: the published protocol, five seeds, every epoch.

    HAM_DATA=../shared/ham10000 python -m benchmarks.published [--seeds 0-4] [--splits ...]
        [--models ...]
    python -m benchmarks.published --picture docs/published.png    # trains nothing; needs Chromium

Trains what benchmarks/results/published.json lacks (5 to 15 minutes a run on one core), keeps
every result there at once, and prints the tables of docs/results.md and BENCHMARKS.md.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import sys
import time
from pathlib import Path

import numpy as np

from ham import data, io, store, training
from ham.config import MODEL_TITLES, parse_seeds, recipe_config
from ham.data import SPLIT_TITLES
from ham.report import published
from ham.report.words import count

RESULTS = Path(__file__).parent / "results" / "published.json"
RECIPE = "as published"
#: split -> what differs from the recipe. By lesion the test part is as large, and new.
SPLITS: dict[str, dict[str, object]] = {
    "published": {},
    "lesion": {"split": "lesion", "test_fraction": 0.2, "validation_fraction": 0.1},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", default="0-4")
    parser.add_argument("--splits", nargs="+", choices=SPLITS, default=list(SPLITS))
    parser.add_argument(
        "--models", nargs="+", choices=published.REPORTED, default=list(published.REPORTED)
    )
    parser.add_argument("--picture", type=Path, help="draw what there is, and train nothing")
    chosen = parser.parse_args()
    if chosen.picture:
        draw(read(), chosen.picture)
        return
    source = data.current_source()
    if data.is_demo(source):
        sys.exit("Name the folder of HAM10000 in HAM_DATA.")
    dataset = data.open_dataset(source)
    results = read()
    for split in chosen.splits:
        for seed in parse_seeds(chosen.seeds):
            for model in chosen.models:
                key = f"{model} {split} seed {seed}"
                if results.get(key, {}).get("data_fingerprint") != dataset.fingerprint:
                    results[key] = measure(dataset, model, split, seed)
                    io.write_file(RESULTS, json.dumps(results, indent=1).encode() + b"\n")
    print(table(results))


def read() -> dict[str, dict]:
    """The stored results by model, split and seed."""
    return json.loads(RESULTS.read_text()) if RESULTS.exists() else {}


def by_epoch(results: dict[str, dict], model: str, split: str) -> list[list[float]]:
    """Accuracy of every epoch, a list a seed."""
    return [
        r["accuracy_by_epoch"]
        for r in results.values()
        if (r["model"], r["split"]) == (model, split)
    ]


def measure(dataset: data.LesionDataset, model: str, split: str, seed: int) -> dict[str, object]:
    """One training; of every epoch the accuracy on validation, which as published is the test."""
    config = recipe_config(RECIPE, model, seed=seed, **SPLITS[split])
    began = time.monotonic()

    def report(progress: training.Progress) -> None:
        if progress.row:
            print(
                f"{model} {split} seed {seed}: epoch {progress.epoch} of {progress.epochs}, "
                f"accuracy {progress.row['validation_accuracy']:.4f}",
                file=sys.stderr,
                flush=True,
            )

    run = training.train(config, dataset, report)
    history = store.read_history(run)
    return {
        "model": model,
        "split": split,
        "seed": seed,
        "watched": "test" if split == "published" else "validation",
        "data_fingerprint": dataset.fingerprint,
        "test_fingerprint": run.record.split.test_fingerprint,
        "accuracy_by_epoch": history["validation_accuracy"].round(6).tolist(),
        "scores": {key: found.value for key, found in (run.scores or {}).items()},
        "seconds": round(time.monotonic() - began),
        "packages": run.record.packages,
        "machine": platform.processor() or platform.machine(),
    }


def table(results: dict[str, dict]) -> str:
    """A row a model and split: the last epoch over the seeds, and the last 20 epochs."""
    lines = [
        "| Model | Split | Seeds | Last epoch: mean, SD | Range | Last 20 epochs: range (median) | "
        "Reported | Epochs that reach it | Balanced accuracy, test: mean, SD |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for split in SPLITS:
        for model, reported in published.REPORTED.items():
            runs = [r for r in results.values() if (r["model"], r["split"]) == (model, split)]
            if not runs:
                continue
            found = published.draws([r["accuracy_by_epoch"] for r in runs])
            # by lesion the epochs were watched on validation, and the test was looked at once
            tested = np.array([r["scores"]["accuracy"] for r in runs])
            balanced = np.array([r["scores"]["balanced_accuracy"] for r in runs])
            lines.append(
                f"| {MODEL_TITLES[model]} | {SPLIT_TITLES[split][0].lower()} | {len(runs)} | "
                f"{_mean_sd(tested)} | {_range(tested.min(), tested.max())} | "
                f"{_range(found.low, found.high)} ({100 * found.median:.1f}) | "
                f"{100 * reported:.2f} | {100 * found.reached(reported):.0f} % | "
                f"{_mean_sd(balanced)} |"
            )
    return "\n".join(lines)


def draw(results: dict[str, dict], path: Path) -> None:
    """The last epochs of all seeds as bands, and the reported numbers as lines."""
    from playwright.sync_api import sync_playwright

    from ham.charts.published import watched_epochs
    from ham.report import RunName

    found, reported = {}, {}
    for letter, (model, value) in zip("AB", published.REPORTED.items(), strict=True):
        seeds = by_epoch(results, model, "published")
        name = RunName(letter, f"{MODEL_TITLES[model]}, {count(len(seeds), 'seed')}")
        found[name], reported[name] = published.draws(seeds), value
    figure = watched_epochs(found, dict.fromkeys(found, 50), reported)
    figure.update_layout(width=1000, height=460)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        page = browser.new_page(viewport={"width": 1000, "height": 460}, device_scale_factor=2)
        page.set_content(figure.to_html(config={"staticPlot": True}, full_html=False))
        page.locator(".main-svg").first.wait_for()
        page.locator(".plotly-graph-div").screenshot(path=path)
        browser.close()


def _mean_sd(values: np.ndarray) -> str:
    spread = f", {100 * values.std(ddof=1):.1f}" if len(values) > 1 else ""
    return f"{100 * values.mean():.1f} %{spread}"


def _range(low: float, high: float) -> str:
    return f"{100 * low:.1f} to {100 * high:.1f}"


if __name__ == "__main__":
    main()
