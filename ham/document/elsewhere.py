"""The section about labelled images from elsewhere that the runs were asked about."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from ham import report
from ham.charts.external import external_scores
from ham.document.parts import Heading, Piece, Subject, one_chart, rows
from ham.report import Bullets


def external(subject: Subject) -> Iterable[Piece]:
    """Every test that is kept with any of the runs, beside their own test images."""
    compared = subject.compared
    if not compared.first.own_test:
        yield "All of this report is about images from elsewhere."
        return
    titles, problems = report.external_tests(compared)
    if not titles:
        yield "No test on images from elsewhere is kept with these runs."
    for name, title in titles.items():
        found = report.external_test(compared, name)
        yield Heading(title)
        yield f"{report.external_in_words(found)} {report.missing_in_words(found)}".strip()
        drops = tuple(f"{run}: {report.drop_in_words(found, run)}" for run in found.own)
        yield Bullets(drops)
        yield one_chart(partial(external_scores, found))
        yield rows(report.external_table(found), f"Scores on {title}")
    yield from problems
