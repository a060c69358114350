"""The comparison as one HTML file, for evaluate --html."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import TYPE_CHECKING

from ham.cli.writing import write_file
from ham.config import DataError

if TYPE_CHECKING:
    from ham.data import LesionDataset
    from ham.report import Comparison, RunName, RunReport


def write_report(file: str, reports: dict[RunName, RunReport], external: bool) -> None:
    """Raises NotComparable, where the runs were tested on different images, and FileError."""
    from ham.document import Subject, comparison_html
    from ham.report import Comparison, labels, run_names

    runs = [one.run for one in reports.values()]
    # the table of runs says which ship with HAM Lab
    titles = labels(runs) | {run.id: run.short_title for run in runs if run.shipped}
    compared = Comparison(run_names(runs, titles), list(reports.values()))
    dataset, why_not = (None, _EXTERNAL) if external else _pictures(compared)
    html = comparison_html(Subject(compared, dataset, why_not), datetime.now())
    write_file(file, html)
    print(f"{file}: {len(html.encode()) / 1e6:.1f} MB", file=sys.stderr)


_EXTERNAL = "Images are left out: the licence of these images is not known to HAM Lab."


def _pictures(compared: Comparison) -> tuple[LesionDataset | None, str]:
    """The data in use where it holds the test images; else why there are no pictures."""
    import numpy as np

    from ham import data, store

    try:
        dataset = data.open_dataset(data.current_source())
    except DataError as error:
        return None, f"Images are left out: {error.what}: {error.why}"
    keys = store.image_keys(compared.first.test.image_id)
    if np.isin(keys, store.image_keys(dataset.metadata["image_id"])).all():
        return dataset, ""
    return None, "Images are left out: the test images are not in the data in use."
