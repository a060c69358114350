"""The section about groups of test images: by age, sex, site and what the images look like."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from ham import report
from ham.charts.slices import slice_forest
from ham.data import hair
from ham.document.parts import Fold, Heading, Piece, Subject, one_chart, rows
from ham.evaluation import SCORES
from ham.report import Bullets

_SCORE = "malignant_auc"  # follows no mix of diagnoses, as accuracy does


def by_group(subject: Subject) -> Iterable[Piece]:
    """Malignant AUC by every way of sharing out the test images."""
    compared, dataset = subject.compared, subject.dataset
    if dataset is None:
        yield "Left out: what is known of these images is not in the data in use."
        return
    of_data = report.rows_of(compared, dataset)
    ways = report.slicings(dataset, of_data, hair.measured_hair(dataset, of_data))
    overall = {name: one.evaluation.scores[_SCORE] for name, one in compared.reports.items()}
    for key, way in ways.items():
        found = report.sliced(compared, way)
        yield Heading(way.title)
        yield one_chart(partial(slice_forest, found, overall, _SCORE))
        said = report.slices_in_words(found, _SCORE)
        yield Bullets(tuple(f"{name}: {words}" for name, words in said.items()))
        title = f"{SCORES[_SCORE].title} by {way.title.lower()}"
        yield Fold(f"{title}, as a table", (rows(report.slice_table(found, _SCORE), title),))
        if key in report.MEASURED:
            yield report.MEASURED[key]
        yield report.by_chance_in_words(found, _SCORE)
    yield report.SKIN_TONE
