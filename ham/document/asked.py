"""The sections about the test images changed and shuffled, where the runs were asked about them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from ham import report
from ham.charts.robustness import shuffled_scores, strength_curve
from ham.document.parts import Charts, Piece, Subject, one_chart
from ham.prediction import PERTURBATIONS, SHUFFLES, STRENGTHS
from ham.report import Bullets

_NOT_ASKED = (
    "Not measured: the runs were not asked about these images. The button on the Comparison page, "
    "under {part}, asks them in some seconds a run."
)
_SCORE = "accuracy"


def changed(subject: Subject) -> Iterable[Piece]:
    """Accuracy against the strength of every change of the test images."""
    found = subject.changed
    if not found:
        yield _NOT_ASKED.format(part="Changed images")
        return
    titles = {kind: way.title for kind, way in PERTURBATIONS.items()}
    yield Bullets(
        tuple(f"{name}: {report.robustness_in_words(one, titles)}" for name, one in found.items())
    )

    def draw(dark: bool) -> list[object]:
        return [
            strength_curve(
                found,
                kind,
                way.title,
                ["as it is", *(way.in_words(n + 1) for n in range(STRENGTHS))],
                _SCORE,
                dark,
            )
            for kind, way in PERTURBATIONS.items()
        ]

    yield Charts(draw, columns=2)


def shuffled(subject: Subject) -> Iterable[Piece]:
    """Balanced accuracy with rows, columns and all pixels of the test images shuffled."""
    found = subject.shuffled
    if not found:
        yield _NOT_ASKED.format(part="Shuffled pixels")
        return
    titles = {kind: way.title for kind, way in SHUFFLES.items()}
    majority = next(iter(subject.compared.baselines.values())).scores["balanced_accuracy"].value
    yield Bullets(
        tuple(
            f"{name}: {report.arrangement_in_words(one, titles, majority)}"
            for name, one in found.items()
        )
    )
    yield one_chart(partial(shuffled_scores, found, titles, "balanced_accuracy", majority))
