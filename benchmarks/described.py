"""The described recipe on HAM10000, by image and by lesion: what the two reported numbers are
worth.

    HAM_DATA=../shared/ham10000 python -m benchmarks.described [--seed 0]

Trains what benchmarks/results/described.json lacks (about 2 to 8 minutes a run on two cores),
keeps every result there at once, and prints the table of docs/results.md.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from pathlib import Path

import numpy as np

from ham import data, io, store, training
from ham.config import CLASS_INDEX, MODEL_TITLES, recipe_config
from ham.evaluation import Interval, format_score, intervals_record

RESULTS = Path(__file__).parent / "results" / "described.json"
REPORTED = {"lstm": 0.7099, "cnn": 0.7164}
SCORES = ("accuracy", "balanced_accuracy", "macro_f1", "macro_auc")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    source = data.current_source()
    if data.is_demo(source):
        sys.exit("Name the folder of HAM10000 in HAM_DATA.")
    dataset = data.open_dataset(source)
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for split in ("image", "lesion"):
        for model in ("cnn", "lstm"):
            key = f"{model} described by {split} seed {seed}"
            if results.get(key, {}).get("data_fingerprint") != dataset.fingerprint:
                results[key] = measure(dataset, model, split, seed)
                io.write_file(RESULTS, json.dumps(results, indent=1).encode() + b"\n")
    print(table({key: r for key, r in results.items() if r["seed"] == seed}))


def measure(dataset: data.LesionDataset, model: str, split: str, seed: int) -> dict:
    config = recipe_config("described", model, split=split, seed=seed)
    began = time.monotonic()

    def report(progress: training.Progress) -> None:
        if progress.row:
            print(
                f"{model} by {split}: epoch {progress.epoch} of {progress.epochs}, "
                f"validation loss {progress.row['validation_loss']:.3f}",
                file=sys.stderr,
            )

    run = training.train(config, dataset, report)
    test = store.read_predictions(run)["test"]
    return {
        "model": model,
        "split": split,
        "seed": seed,
        "epochs": config.epochs,
        "best_epoch": run.status.best_epoch,
        "minutes": round((time.monotonic() - began) / 60, 1),
        "n_test": len(test.y_true),
        "majority": float(np.mean(test.y_true == CLASS_INDEX["nv"])),
        "data_fingerprint": dataset.fingerprint,
        "date": time.strftime("%Y-%m-%d"),
        "python": platform.python_version(),
        "packages": run.record.packages,
        "scores": intervals_record({name: run.scores[name] for name in SCORES}),
    }


def table(results: dict[str, dict]) -> str:
    lines = [
        "| Model | Split | Accuracy (95 % interval) | Reported | Always nevus | Balanced "
        "accuracy | Macro AUC |",
        "|---|---|---|---|---|---|---|",
    ]
    for r in results.values():
        cells = [
            format_score(name, Interval(**r["scores"][name]))
            for name in ("accuracy", "balanced_accuracy", "macro_auc")
        ]
        lines.append(
            f"| {MODEL_TITLES[r['model']]} | by {r['split']} | {cells[0]} | "
            f"{100 * REPORTED[r['model']]:.2f} % | {100 * r['majority']:.1f} % | "
            f"{cells[1]} | {cells[2]} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
