"""Which run is better, in one sentence: the first thing that a comparison says."""

from __future__ import annotations

from ham.evaluation import SCORES, format_difference, format_score
from ham.report.comparison import Comparison
from ham.report.names import RunName
from ham.report.words import listed

#: What the verdict is about first, and what it mentions beside that.
DECIDING, BESIDE = "balanced_accuracy", "accuracy"


def verdict_in_words(comparison: Comparison) -> str:
    """Of every run whether it differs from the first by more than chance in balanced accuracy, and
    of which ones the accuracy says otherwise. Plain text.

    More than chance: the paired 95 % interval over lesions leaves zero out. Raises what the
    reports' properties do.
    """
    first, word = comparison.names[0].short, SCORES[DECIDING].word
    words = {
        1: f"better than {first} in {word}",
        -1: f"worse than {first} in {word}",
        0: f"not different from {first} in {word} by more than chance",
    }
    sentences = []
    for sign, what in words.items():
        names = [
            name for name, found in comparison.differences.items() if found.sign(DECIDING) == sign
        ]
        if names:
            verb = "is" if len(names) == 1 else "are"
            sentences.append(
                f"{listed([name.short for name in names])} {verb} {what}: "
                f"{_differences(comparison, names, DECIDING)}."
            )
    otherwise = [
        name
        for name, found in comparison.differences.items()
        if found.sign(BESIDE) != found.sign(DECIDING)
    ]
    if otherwise:
        letters = listed([name.short for name in otherwise])
        sentences.append(
            f"{SCORES[BESIDE].title} says otherwise of {letters}: "
            f"{_differences(comparison, otherwise, BESIDE)}."
        )
    return " ".join(sentences)


def _differences(comparison: Comparison, names: list[RunName], key: str) -> str:
    """ "+5.2 points (+2.1 to +8.3)", with the runs' letters where there are several."""
    written = {
        name: format_difference(key, comparison.differences[name].scores[key]) for name in names
    }
    if len(comparison.names) == 2:
        return written[names[0]]
    return ", ".join(f"{name.short} {words}" for name, words in written.items())


def worth_in_words(comparison: Comparison) -> str:
    """What the best balanced accuracy is worth: beside what needs no network. Plain text."""
    reports = comparison.reports
    best = max(reports, key=lambda name: reports[name].evaluation.scores[DECIDING].value)
    title, baseline = next(iter(comparison.baselines.items()))
    score = format_score(DECIDING, reports[best].evaluation.scores[DECIDING])
    return (
        f"The best is {best.short} with {score}; {title[0].lower()}{title[1:]} has "
        f"{format_score(DECIDING, baseline.scores[DECIDING])} at an accuracy of "
        f"{format_score(BESIDE, baseline.scores[BESIDE])}."
    )
