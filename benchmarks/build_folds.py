"""The cross-validation's numbers as they ship: ham/reference/folds.json, of what
benchmarks/results/accuracy holds.

    HAM_DATA=../shared/ham10000 python -m benchmarks.build_folds

An image's answer is taken as the run's own recipe takes it (one view, or the mean of eight).
"""

from __future__ import annotations

import json
import sys

from benchmarks.accuracy import CELLS, FOLDS, read
from ham import data, io
from ham.config import TrainConfig, reference_folder
from ham.store.folds import FILE


def main() -> None:
    source = data.current_source()
    if data.is_demo(source):
        sys.exit("Name the folder of HAM10000 in HAM_DATA.")
    dataset = data.open_dataset(source)
    found = [as_shipped(dataset, read(cell, fold)) for cell in CELLS for fold in range(FOLDS)]
    path = reference_folder() / FILE
    io.write_file(path, json.dumps({"folds": found}, indent=1).encode() + b"\n")
    print(f"{len(found)} folds in {path}, {path.stat().st_size / 1024:.0f} KiB")


def as_shipped(dataset: data.LesionDataset, result: dict | None) -> dict[str, object]:
    """The entries of a `FoldResult`, with the size of the training part, which was not stored."""
    if result is None or result["data_fingerprint"] != dataset.fingerprint:
        sys.exit("A fold is missing, or was trained on other data: run benchmarks.accuracy first.")
    config = TrainConfig.from_dict(result["config"])
    split = data.configured_split(dataset, config)
    if split.test_fingerprint != result["test_fingerprint"]:
        sys.exit(f"{result['cell']} {result['fold']} was tested on other images.")
    kept = ("cell", "data_fingerprint", "test_fingerprint", "n_test", "date")
    return {
        **{name: result[name] for name in kept},
        "config": config.to_dict(),
        "n_train": len(split.train),
        "scores": result["views"][config.test_time_augmentation]["scores"],
    }


if __name__ == "__main__":
    main()
