"""The verb split: which image is in which part."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, TextIO

from ham.cli.verbs import open_data
from ham.cli.writing import DONE, write_table
from ham.config import CLASSES, TrainConfig, parse_settings

if TYPE_CHECKING:
    from ham.data import LesionDataset, Split


def split(chosen: argparse.Namespace, out: TextIO) -> int:
    """How a training would split the data set: counts, or with --csv the part of every image."""
    from ham import data

    config = TrainConfig().replace(**parse_settings(TrainConfig().model, chosen.set))
    dataset = open_data(chosen.data)
    found = data.configured_split(dataset, config)
    if chosen.csv:
        table = data.split_table(dataset, found)
        out.write(table.to_csv(index=False, lineterminator="\n"))
        return DONE
    _write_counts(dataset, found, out)
    return DONE


def _write_counts(dataset: LesionDataset, found: Split, out: TextIO) -> None:
    import numpy as np

    from ham import data

    title, sentence = data.SPLIT_TITLES[found.protocol]
    print(f"{title}: {dataset.name}, {dataset.n_images:,} images\n{sentence}\n", file=out)
    counts = {
        name: np.bincount(found.labels[rows], minlength=len(CLASSES))
        for name, rows in found.parts()
    }
    rows = [
        (c.title, *(f"{of_part[k]:,}" for of_part in counts.values()))
        for k, c in enumerate(CLASSES)
    ]
    whole = ("all", *(f"{of_part.sum():,}" for of_part in counts.values()))
    write_table([("class", *counts), *rows, whole], out)
    leak = data.leakage_report(found)
    print(
        f"\n{100 * leak.sibling:.1f} % of the test rows have their lesion in training, "
        f"{100 * leak.copies:.1f} % their very image.\n"
        f"test part {found.test_fingerprint}",
        file=out,
    )
