"""Every architecture under every recipe, by five lesion folds: the table of BENCHMARKS.md.

    HAM_DATA=../shared/ham10000 python -m benchmarks.accuracy [--minutes 60] [--only
    resnet-improved] [--table]

Trains what benchmarks/results/accuracy lacks, each training in a process of its own, and writes
each fold's result there at once; started again, it goes on where it was. `--minutes` starts no
training after so many. `--table` only prints what there is. Minutes are the processor's, of all
threads: what else the machine did meanwhile does not count.

Folds: test share 0.2, folds 0 to 4 of seed 0, so every lesion is tested once; a validation share of
0.1 chooses epoch, temperature and the threshold of the sets. The described recipes are
trained by image as well, which is how the reported numbers must have come about.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ham import data, io, store, training
from ham.config import MODEL_TITLES, RECIPES, TrainConfig, recipe_config
from ham.evaluation import calibrate, evaluate

RESULTS = Path(__file__).parent / "results" / "accuracy"
FOLDS, TEST_FRACTION = 5, 0.2
VIEWS = {"none": "", "dihedral": "mean of 8 views"}


@dataclass(frozen=True)
class Cell:
    """A row of the table: one recipe of one model under one split."""

    model: str
    recipe: str
    split: str = "lesion"

    @property
    def name(self) -> str:
        return f"{self.model}-{self.recipe}" + (
            "" if self.split == "lesion" else f"-by-{self.split}"
        )

    def config(self, fold: int) -> TrainConfig:
        return recipe_config(
            self.recipe, self.model, split=self.split, fold=fold, test_fraction=TEST_FRACTION
        )

    def file(self, fold: int) -> Path:
        return RESULTS / f"{self.name}-{fold}.json"


CELLS = (
    *(Cell(model, recipe) for recipe in ("described", "improved") for model in MODEL_TITLES),
    Cell("resnet", "balanced"),
    *(Cell(model, "described", "image") for model in ("lstm", "cnn")),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--only", action="append", choices=[cell.name for cell in CELLS])
    parser.add_argument("--fold", action="append", type=int, choices=range(FOLDS))
    parser.add_argument("--table", action="store_true", help="train nothing")
    parser.add_argument("--one", nargs=2, metavar=("CELL", "FOLD"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        measure(next(cell for cell in CELLS if cell.name == chosen.one[0]), int(chosen.one[1]))
        return
    end = time.monotonic() + 60 * chosen.minutes
    for cell, fold in () if chosen.table else missing(chosen.only, chosen.fold):
        if time.monotonic() > end:
            print("The minutes are over; started again, this goes on.", file=sys.stderr)
            break
        subprocess.run(
            [sys.executable, "-m", "benchmarks.accuracy", "--one", cell.name, str(fold)], check=True
        )
    print(table())


def missing(only: list[str] | None, folds: list[int] | None) -> Iterator[tuple[Cell, int]]:
    """What has no result of its present settings yet, fold by fold, so that an early end has
    something of each.
    """
    for fold in folds or range(FOLDS):
        for cell in CELLS:
            if (not only or cell.name in only) and read(cell, fold) is None:
                yield cell, fold


def read(cell: Cell, fold: int) -> dict | None:
    """The stored result; None where there is none, or one of other settings."""
    if not cell.file(fold).exists():
        return None
    found = json.loads(cell.file(fold).read_text())
    return found if found["config_fingerprint"] == cell.config(fold).fingerprint else None


def measure(cell: Cell, fold: int) -> None:
    """Trains one fold and writes its result."""
    source = data.current_source()
    if data.is_demo(source):
        sys.exit("Name the folder of HAM10000 in HAM_DATA.")
    dataset = data.open_dataset(source)
    config = cell.config(fold)

    def report(progress: training.Progress) -> None:
        if progress.row:
            row = progress.row
            print(
                f"{cell.name} fold {fold}: epoch {progress.epoch} of {progress.epochs}, "
                f"{row['seconds']:.1f} s, "
                f"validation loss {row['validation_loss']:.3f}, accuracy "
                f"{row['validation_accuracy']:.3f}, "
                "balanced "
                f"{row['validation_balanced_accuracy']:.3f}",
                file=sys.stderr,
                flush=True,
            )

    before = _cpu_seconds()
    run = training.train(config, dataset, report)
    cpu_minutes = (_cpu_seconds() - before) / 60
    history = store.read_history(run)
    parts = store.read_predictions(run)
    plain = views_of(run, dataset, parts, "none")
    result = {
        "cell": cell.name,
        "fold": fold,
        "config": config.to_dict(),
        "config_fingerprint": config.fingerprint,
        "data_fingerprint": dataset.fingerprint,
        "test_fingerprint": run.record.split.test_fingerprint,
        "n_test": len(parts["test"].y_true),
        "parameters": run.record.parameters.total,
        "epochs": len(history),
        "best_epoch": run.status.best_epoch,
        "minutes": round(history["seconds"].sum() / 60, 2),
        "cpu_minutes": round(cpu_minutes, 2),
        "memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine(),
        "packages": run.record.packages,
        "python": platform.python_version(),
        "views": {"none": plain, "dihedral": views_of(run, dataset, parts, "dihedral")},
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    io.write_file(cell.file(fold), json.dumps(result, indent=1).encode() + b"\n")


def views_of(
    run: store.Run, dataset: data.LesionDataset, parts: dict[str, store.Predictions], views: str
) -> dict:
    """Scores of the run's model with an image's answer taken so, whatever the run itself does."""
    from ham.prediction import Predictor

    predictor = Predictor(
        dataclasses.replace(run, config=run.config.replace(test_time_augmentation=views))
    )
    place = {image_id: row for row, image_id in enumerate(dataset.metadata["image_id"])}
    proba = {
        name: predictor.proba(dataset.images[[place[image_id] for image_id in part.image_id]])
        for name, part in parts.items()
    }
    validation, test = parts["validation"], parts["test"]
    found = evaluate(test.y_true, proba["test"], test.lesion)
    calibration = calibrate(validation.y_true, proba["validation"], test.y_true, proba["test"])
    return {
        "scores": {key: score.value for key, score in found.scores.items()},
        "recall": found.per_class["recall"].to_dict(),
        "calibration": dataclasses.asdict(calibration),
    }


def _cpu_seconds() -> float:
    """Of all threads of this process: what a training costs, whatever else the machine does."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def machine() -> str:
    names = (
        [
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ]
        if Path("/proc/cpuinfo").exists()
        else [platform.processor()]
    )
    return f"{os.cpu_count()} cores of {names[0]}"


# -------------------------------------------------------------------------------- table

_COLUMNS = (
    ("Accuracy", "scores", "accuracy"),
    ("Balanced acc.", "scores", "balanced_accuracy"),
    ("Macro F1", "scores", "macro_f1"),
    ("Macro AUC", "scores", "macro_auc"),
    ("Malignant AUC", "scores", "malignant_auc"),
    ("ECE", "calibration", "ece_before"),
    ("ECE after", "calibration", "ece_after"),
    ("Coverage", "calibration", "coverage"),
    ("Set size", "calibration", "mean_set_size"),
)


def table() -> str:
    lines = [
        "| Model | Recipe | Split | Views | "
        + " | ".join(title for title, *_ in _COLUMNS)
        + " | Epochs | Processor minutes | Folds |",
        "|---" * (len(_COLUMNS) + 7) + "|",
    ]
    for cell in CELLS:
        found = [result for fold in range(FOLDS) if (result := read(cell, fold))]
        for views in VIEWS if found else ():
            cells = [
                _mean_and_deviation([result["views"][views][part][key] for result in found])
                for _, part, key in _COLUMNS
            ]
            epochs = f"{found[0]['epochs']}" if views == "none" else ""
            counted = [
                result["cpu_minutes"] for result in found if result["cpu_minutes"] is not None
            ]
            minutes = f"{statistics.mean(counted):.0f}" if counted and views == "none" else ""
            lines.append(
                f"| {MODEL_TITLES[cell.model]} | {RECIPES[cell.recipe].title.lower()} | "
                f"by {cell.split} | "
                f"{'1' if views == 'none' else '8'} | "
                + " | ".join(cells)
                + f" | {epochs} | {minutes} | {len(found)} |"
            )
    return "\n".join(lines)


def _mean_and_deviation(values: list[float]) -> str:
    """ "0.751 ± 0.012": mean and sample standard deviation over the folds."""
    deviation = f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else ""
    return f"{np.mean(values):.3f}{deviation}"


if __name__ == "__main__":
    main()
