"""The sections of the file, in their order. To add one: a function, and its line in SECTIONS."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import numpy as np
import pandas as pd

from ham import charts, data, report, store
from ham.charts.decisions import precision_recall_curves
from ham.charts.matrix import difference_table
from ham.config import CLASSES, CODES, train_command
from ham.data import SPLIT_TITLES
from ham.document.asked import changed, shuffled
from ham.document.elsewhere import external
from ham.document.parts import (
    Charts,
    Fold,
    Heading,
    Lead,
    Picture,
    Pictures,
    Piece,
    Subject,
    one_chart,
    rows,
)
from ham.document.probabilities import chosen_on_validation, costs_and_alarms, proper_scores
from ham.document.subgroups import by_group
from ham.evaluation import COVERAGE, SCORES, TARGETS, format_score
from ham.images import data_url
from ham.report import (
    BY_CLASS,
    CLASS_SCORES,
    Bullets,
    Code,
    Comparison,
    RunName,
    RunReport,
    answer_in_words,
    probabilities,
)

_MISTAKES = 12  # images a run
_SENSITIVITY = "0.9"  # of malignant images on validation, for which the threshold is chosen


def runs(subject: Subject) -> Iterable[Piece]:
    """What each letter stands for, and what came out."""
    compared = subject.compared
    first = compared.names[0]
    found = [
        f"{name}: {report.difference_in_words(name, first, difference)}"
        for name, difference in compared.differences.items()
    ]
    if found:
        yield Lead(report.verdict_in_words(compared))
        yield report.worth_in_words(compared)
        yield Bullets(tuple(found))
    else:
        yield Lead(f"{first}: {_headline(compared.first)}")
    yield from _warnings(compared)
    yield rows(report.runs_table(compared).set_index("Letter"), "The runs compared")


def _headline(one: RunReport) -> str:
    keys = ("accuracy", "balanced_accuracy")
    scores = one.evaluation.scores
    return ", ".join(f"{SCORES[key].word} {format_score(key, scores[key])}" for key in keys) + "."


def _warnings(compared: Comparison) -> Iterable[Piece]:
    for name, one in compared.reports.items():
        if one.run.leaking:
            title, sentence = SPLIT_TITLES[one.run.config.split]
            yield f"{name}: leaking split, {title[0].lower()}{title[1:]}. {sentence}"
    if any(one.run.synthetic for one in compared.reports.values()):
        yield "Synthetic images: nothing measured on them says anything about skin lesions."


def matrices(subject: Subject) -> Iterable[Piece]:
    compared = subject.compared
    confusions = {name: one.evaluation.confusion for name, one in compared.reports.items()}
    columns = 2 if len(confusions) in (2, 4) else 3
    yield Charts(lambda dark: charts.confusion_matrices(confusions, "count", dark), columns)
    for name, confusion in confusions.items():
        table = pd.DataFrame(confusion, index=list(CODES), columns=list(CODES))
        yield Fold(
            f"Counts of {name}",
            (rows(table.rename_axis("True, predicted"), f"Confusion matrix of {name}"),),
        )
    first = compared.names[0]
    for name in compared.names[1:]:
        minus = difference_table(name.letter, name, first, confusions[name], confusions[first])
        texts = [[cell.text or "0" for cell in row] for row in minus.cells]
        table = pd.DataFrame(texts, index=list(CODES), columns=list(CODES))
        title = f"{name.short} minus {first.short}, cell by cell"
        yield Fold(title, (rows(table.rename_axis("True, predicted"), title),))
    yield (
        "Rows are true, columns predicted classes; the colour follows the square root of the "
        "count. The lines part malignant (mel, bcc, akiec) from benign classes."
    )


def scores(subject: Subject) -> Iterable[Piece]:
    compared = subject.compared
    first = compared.names[0]
    of_runs = {name: one.evaluation.scores for name, one in compared.reports.items()}
    floors = {name: found.scores for name, found in compared.baselines.items()}
    minus = {name: found.scores for name, found in compared.differences.items()}
    yield Charts(
        lambda dark: [
            charts.headline_scores(of_runs, floors, dark=dark),
            *([charts.score_differences(minus, first, dark=dark)] if minus else []),
        ],
        2,
    )
    yield rows(report.score_table(compared).rename_axis("Score"), "Scores with 95 % intervals")
    if minus:
        table = report.difference_table(compared).rename_axis("Score")
        yield rows(table, f"Differences to {first.short} with 95 % intervals")
    tested = compared.first.evaluation
    yield (
        f"{tested.n_images:,} test images of {tested.n_lesions:,} lesions. In brackets 95 % "
        "intervals: what 2,000 draws of the test lesions, with replacement, give; where all draws "
        "agree, Wilson's. Differences come from the same draws for both runs; bold where the "
        "interval leaves zero out. Lower is better: "
        + ", ".join(score.word for score in SCORES.values() if not score.higher_is_better)
        + "."
    )
    yield Fold(
        "What the scores mean",
        (Bullets(tuple(f"{score.title}: {score.help}" for score in SCORES.values())),),
    )


def classes(subject: Subject) -> Iterable[Piece]:
    compared = subject.compared
    per_class = {name: one.evaluation.per_class for name, one in compared.reports.items()}
    yield Charts(
        lambda dark: [charts.per_class_scores(per_class, score, dark) for score in CLASS_SCORES], 2
    )
    table = report.class_table(compared)
    for title, _ in CLASS_SCORES.values():
        columns = [c for c in table if c == "Images" or c.startswith(f"{title} ")]
        written = {c: table[c].map(partial(_of_class, c)) for c in columns}
        found = pd.DataFrame(written).rename_axis("Class")
        yield Fold(f"{title} of every class", (rows(found, f"{title} by class"),))


def _of_class(column: str, value: float) -> str:
    if value != value:
        return "–"
    if column == "Images":
        return f"{value:,.0f}"
    return f"{value:.2f}" if column.startswith("AUC") else f"{value:.0f} %"


def calibration(subject: Subject) -> Iterable[Piece]:
    chosen = yield from chosen_on_validation(subject.compared)
    if not chosen:
        return
    found = {name: one.calibration for name, one in chosen.items()}
    yield Bullets(
        tuple(
            f"{name} "
            + report.calibration_in_words(one, chosen[name].evaluation.scores["accuracy"])
            for name, one in found.items()
        )
    )
    for which, title in (
        ("before", "As the model gives the probabilities"),
        ("after", "After the temperature"),
    ):
        yield Heading(title)
        tables = {name: getattr(one, which) for name, one in found.items()}
        errors = {name: getattr(one.summary, f"ece_{which}") for name, one in found.items()}
        columns = 2 if len(found) in (2, 4) else 3
        yield Charts(partial(charts.reliability_diagrams, tables, errors), columns)
    yield rows(report.calibration_table(found), "Temperature and calibration error")


def sets(subject: Subject) -> Iterable[Piece]:
    chosen = yield from chosen_on_validation(subject.compared)
    if not chosen:
        return
    found = {name: one.sets for name, one in chosen.items()}
    yield Bullets(tuple(f"{n}: {report.coverage_in_words(one)}" for n, one in found.items()))
    yield Charts(lambda dark: [charts.set_coverage(found, dark), charts.set_sizes(found, dark)], 2)
    yield rows(report.set_table(found), "Coverage and size of the prediction sets")
    yield (
        "A set holds every class that is probable enough; how probable is chosen on validation so "
        f"that {100 * COVERAGE:.0f} % of new images have their true class in the set."
    )


def operating(subject: Subject) -> Iterable[Piece]:
    reports = subject.compared.reports
    points = {name: one.operating_points for name, one in reports.items()}
    yield Bullets(
        tuple(
            f"{name}: "
            + report.operating_point_in_words(
                found.get(_SENSITIVITY), found[BY_CLASS], reports[name].nothing_to_choose_on
            )
            for name, found in points.items()
        )
    )
    yield one_chart(
        lambda dark: charts.malignant_roc_curves(
            {name: one.roc() for name, one in reports.items()},
            {name: one.evaluation.scores["malignant_auc"] for name, one in reports.items()},
            {n: found[_SENSITIVITY] for n, found in points.items() if _SENSITIVITY in found},
            {name: found[BY_CLASS] for name, found in points.items()},
            dark,
        )
    )
    for target in TARGETS:
        yield rows(
            report.operating_table(points, f"{target:g}"),
            f"Threshold that finds {100 * target:.0f} % of the malignant images of validation, "
            "on the test images",
        )


def roc(subject: Subject) -> Iterable[Piece]:
    reports = subject.compared.reports
    present = [k for k, c in enumerate(CLASSES) if _support(subject.compared, c.code)]

    def draw(dark: bool) -> list[object]:
        return [
            charts.class_roc_curves(
                CLASSES[k],
                {name: one.roc(k) for name, one in reports.items()},
                {n: one.evaluation.per_class.loc[CODES[k], "auc"] for n, one in reports.items()},
                {name: one.predicted_as(k) for name, one in reports.items()},
                dark,
            )
            for k in present
        ]

    def draw_precision(dark: bool) -> list[object]:
        support = subject.compared.first.evaluation.per_class["support"]
        return [
            precision_recall_curves(
                CLASSES[k],
                {name: one.precision_recall(CODES[k]) for name, one in reports.items()},
                {name: one.average_precision[CODES[k]] for name, one in reports.items()},
                support.iloc[k] / support.sum(),
                dark,
            )
            for k in present
        ]

    yield Charts(draw, 2)
    yield Charts(draw_precision, 2)
    table = report.auc_table(subject.compared)
    written = {
        column: table[column].map(partial(_of_class, column if column == "Images" else "AUC"))
        for column in table
    }
    yield rows(pd.DataFrame(written).rename_axis("Class"), "Area under the ROC curve by class")
    precision = probabilities.average_precision_table(reports).map("{:.2f}".format)
    yield rows(precision.replace("nan", "–"), "Average precision by class")


def _support(compared: Comparison, code: str) -> int:
    return int(compared.first.evaluation.per_class.loc[code, "support"])


def curves(subject: Subject) -> Iterable[Piece]:
    reports = subject.compared.reports
    histories = {name: store.read_history(one.run) for name, one in reports.items()}
    kept = {name: one.run.status.best_epoch for name, one in reports.items()}
    yield Charts(
        lambda dark: [
            charts.learning_curves(histories, metric, kept, dark=dark) for metric in charts.CURVES
        ],
        2,
    )


def settings(subject: Subject) -> Iterable[Piece]:
    compared = subject.compared
    table = report.settings_table(compared.reports)
    different = table[table.nunique(axis=1) > 1]
    if len(compared.names) == 1 or different.empty:
        yield rows(table, "All settings")
    else:
        yield rows(different, "Settings in which the runs differ")
        yield Fold("All settings", (rows(table, "All settings"),))
    for name, one in compared.reports.items():
        yield f"To train {name} again, on the same data:"
        yield Code(train_command(one.run.config))


def data_and_split(subject: Subject) -> Iterable[Piece]:
    table = report.data_table(subject.compared)
    yield rows(table, "What each run was trained and tested on")


def mistakes(subject: Subject) -> Iterable[Piece]:
    """The surest wrong answers of each run, with their pictures where those may be passed on."""
    compared, dataset = subject.compared, subject.dataset
    if dataset is None:
        yield subject.why_no_pictures
        return
    sharing = data.sharing(dataset)
    yield sharing.words
    if not sharing.allowed:
        return
    of_data = report.rows_of(compared, dataset)
    for name in compared.names:
        found = report.surest_mistakes(compared, name, _MISTAKES)
        if not len(found):
            continue
        yield Heading(f"{name}: the surest wrong answers")
        shown = [_mistake(compared, name, dataset, of_data[number], number) for number in found]
        yield Pictures(tuple(shown))


def _mistake(
    compared: Comparison, name: RunName, dataset: data.LesionDataset, row: int, number: int
) -> Picture:
    own = compared.aligned[name]
    true, predicted = int(own.y_true[number]), int(np.argmax(own.proba[number]))
    answers = [
        answer_in_words(one.letter or one.title, part.proba[number], true)
        for one, part in compared.aligned.items()
    ]
    return Picture(
        data_url(dataset.images[row]),
        f"{CLASSES[true].title} predicted as {CLASSES[predicted].title}, 28 by 28 pixels",
        (f"True: {CODES[true]}", f"Predicted: {CODES[predicted]}", *answers),
    )


def limits(subject: Subject) -> Iterable[Piece]:
    found = [words for one in subject.compared.reports.values() for words in report.limits(one)]
    yield Bullets(tuple(dict.fromkeys(found)))


def cards(subject: Subject) -> Iterable[Piece]:
    for name, one in subject.compared.reports.items():
        pieces: list[Piece] = []
        for section in report.card_sections(one):
            pieces += [Heading(section.title, section.level + 2), *section.parts]
        yield Heading(str(name))
        yield Fold(f"Model card of {name}", tuple(pieces))


def claim(subject: Subject) -> Iterable[Piece]:
    items = report.claim_checklist(subject.compared)
    yield report.claim_in_words(items)
    yield report.claim_rows(items)


SECTIONS: dict[str, Callable[[Subject], Iterable[Piece]]] = {
    "What came out": runs,
    "Confusion matrices": matrices,
    "Scores": scores,
    "Class by class": classes,
    "Calibration": calibration,
    "Prediction sets": sets,
    "Malignant against benign": operating,
    "ROC and precision": roc,
    "Proper scores": proper_scores,
    "Costs and alarms": costs_and_alarms,
    "Slices": by_group,
    "External tests": external,
    "Changed images": changed,
    "Shuffled pixels": shuffled,
    "Learning curves": curves,
    "Settings": settings,
    "Data and split": data_and_split,
    "Wrong answers": mistakes,
    "Limits": limits,
    "Model cards": cards,
    "CLAIM checklist": claim,
}
