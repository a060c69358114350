"""The verb evaluate: reports of runs as words or as one JSON document (docs/report-schema.md)."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, TextIO

from ham.cli.images import ask
from ham.cli.reporting import write_report
from ham.cli.writing import DONE, SOME_REFUSED, WrongUsage, write_json, write_table
from ham.config import CLASSES

if TYPE_CHECKING:
    from ham.evaluation import Evaluation
    from ham.prediction import Judged
    from ham.report import Difference, RunName, RunReport
    from ham.store import Predictions, Run

_SENSITIVITY = "0.9"  # of malignant images on validation, for which the threshold is chosen


def evaluate(chosen: argparse.Namespace, out: TextIO) -> int:
    """Scores of runs with 95 % intervals, on their test images or, with --images and --labels,
    on any others."""
    from ham import report, store

    if (chosen.images is None) != (chosen.labels is None):
        raise WrongUsage(
            "python -m ham evaluate",
            "--images and --labels belong together: a folder of images and the CSV that says what "
            "they show.",
            "Add the other one, or leave both out for the test images.",
        )
    if chosen.keep is not None and chosen.images is None:
        raise WrongUsage(
            "python -m ham evaluate",
            "--keep is about other images: the answers to a run's own test images are kept anyway.",
            "Add --images and --labels, or leave it out.",
        )
    runs = [store.read_run(run_id) for run_id in chosen.runs]
    external, reports = None, [report.RunReport(run) for run in runs]
    for own in reports:
        own.read()  # what is damaged is said before images are read
    if chosen.images is not None:
        external, parts = _ask(runs, chosen)
        reports = [report.RunReport(run, part) for run, part in zip(runs, parts, strict=True)]
        _warn_of_known_images(reports)
    names = report.run_names(runs, {run.id: run.title for run in runs})
    by_name = dict(zip(names, reports, strict=True))
    differences = _differences(by_name)
    about = _external_record(chosen, external, reports[0].evaluation) if external else {}
    _warn_of_missing_thresholds(reports)
    if chosen.html:
        write_report(chosen.html, by_name, external is not None)
    if chosen.json:
        write_json(report.report_document(by_name, differences, runs[0].id, **about), out)
    else:
        if external:
            _write_external(chosen, external, reports[0].evaluation, out)
        for name, found in by_name.items():
            _write_scores(found, out)
            if name in differences:
                _write_difference(differences[name], runs[0].id, out)
    return SOME_REFUSED if external and (external.found.missing or external.unreadable) else DONE


def _ask(runs: list[Run], chosen: argparse.Namespace) -> tuple[Judged, list[Predictions]]:
    """With --keep the answers are kept with the runs."""
    from ham import prediction, store

    if chosen.keep is None:
        return ask(runs, chosen.images, chosen.labels)
    store.external_name(chosen.keep)  # said before images are read
    judged, parts = ask(
        runs,
        chosen.images,
        chosen.labels,
        lambda judged: prediction.refuse_name(runs, chosen.keep, judged),
    )
    prediction.keep_external(runs, chosen.keep, judged, parts, chosen.images, chosen.labels)
    return judged, parts


def _differences(by_name: dict[RunName, RunReport]) -> dict[RunName, Difference]:
    """Of those that were tested on the first one's images; says so where others were not."""
    from ham import report

    same = report.grouped(list(by_name), list(by_name.values()))[0]
    if len(same) < len(by_name):
        print(
            "These runs were tested on different images: their scores cannot be compared.",
            file=sys.stderr,
        )
    return report.Comparison(same, [by_name[name] for name in same]).differences


def _warn_of_known_images(reports: list[RunReport]) -> None:
    """A run keeps no list of its training images; those of its validation tell of their origin."""
    import numpy as np

    from ham import store

    keys = store.image_keys(reports[0].test.image_id)
    for found in reports:
        known = store.image_keys(found.validation.image_id)
        if n := np.isin(keys, known).sum():
            print(
                f"{found.run.id}: {n:,} of these images have names of its own validation images. "
                "If they are the same, it was trained on others of this set, and these scores "
                "flatter it.",
                file=sys.stderr,
            )


def _warn_of_missing_thresholds(reports: list[RunReport]) -> None:
    for found in reports:
        if _SENSITIVITY not in found.operating_points and not found.nothing_to_choose_on:
            print(
                f"{found.run.id}: no threshold for malignant: no validation image is malignant.",
                file=sys.stderr,
            )


def _external_record(
    chosen: argparse.Namespace, external: Judged, evaluation: Evaluation
) -> dict[str, object]:
    """What stands before the runs in the JSON: which images were asked about."""
    found, unreadable = external.found, external.unreadable
    return {
        "images": chosen.images,
        "labels": chosen.labels,
        "n_labelled": found.n_labelled,
        "n_images": evaluation.n_images,
        "n_lesions": evaluation.n_lesions,
        "n_missing": len(found.missing),
        "n_unreadable": len(unreadable),
        "n_unlabelled": found.n_unlabelled,
        "counts": _counts(evaluation),
        "missing": _reasons(found.missing),
        "unreadable": _reasons(unreadable),
        "notes": external.notes,
        "image_notes": external.image_notes,
    }


def _reasons(found: dict[str, str]) -> list[dict[str, str]]:
    return [{"image": name, "reason": why} for name, why in found.items()]


def _counts(evaluation: Evaluation) -> dict[str, int]:
    """Images of each class, by code."""
    return {code: int(n) for code, n in evaluation.per_class["support"].items()}


# ------------------------------------------------------------------------------- words


def _write_external(
    chosen: argparse.Namespace, external: Judged, evaluation: Evaluation, out: TextIO
) -> None:
    found, counts = external.found, _counts(evaluation)
    print(
        f"{chosen.images}: {evaluation.n_images:,} of {found.n_labelled:,} labelled images "
        f"evaluated, {len(found.missing):,} missing, {len(external.unreadable):,} unreadable; "
        f"{found.n_unlabelled:,} more in the folder without a label",
        file=out,
    )
    for note in external.notes:
        print(note, file=out)
    rows = [
        (
            f"  {c.title}",
            f"{counts[c.code]:,}",
            f"{100 * counts[c.code] / evaluation.n_images:.1f} %",
        )
        for c in CLASSES
    ]
    write_table([("  class", "images", "share"), *rows], out)


def _write_scores(found: RunReport, out: TextIO) -> None:
    from ham.evaluation import SCORES, format_score

    run, judged, kind, split = found.run, found.evaluation, "", ""
    if found.own_test:
        leaking = ", a leaking split" if run.leaking else ""
        kind, split = "test ", f" (split by {run.config.split}{leaking})"
    print(
        f"{run.id}: {run.title}, {judged.n_images:,} {kind}images of {judged.n_lesions:,} "
        f"lesions{split}",
        file=out,
    )
    scores = [
        (f"  {score.title}", format_score(key, judged.scores[key])) for key, score in SCORES.items()
    ]
    write_table(scores, out)
    print("  What takes no network, on the same images:", file=out)
    baselines = [
        (f"    {name}", ", ".join(_short_score(key, baseline) for key in _OF_BASELINES))
        for name, baseline in found.baselines.items()
    ]
    write_table(baselines, out)
    print("  Chosen on the run's validation images, seen on these:", file=out)
    write_table(_chosen_on_validation(found), out)


_OF_BASELINES = ("accuracy", "balanced_accuracy")


def _short_score(key: str, found: Evaluation) -> str:
    from ham.evaluation import SCORES, format_score

    return f"{SCORES[key].word} {format_score(key, found.scores[key])}"


def _write_difference(found: Difference, first: str, out: TextIO) -> None:
    from ham.evaluation import SCORES, format_difference, p_value

    print(f"  Minus {first}:", file=out)
    rows = [
        (f"    {score.title}", format_difference(key, found.scores[key]))
        for key, score in SCORES.items()
    ]
    test = (
        f"p {p_value(found.test.p)}: {found.test.c:,} images correct by this run only, "
        f"{found.test.b:,} by the first only"
    )
    write_table([*rows, ("    McNemar's test", test)], out)


def _chosen_on_validation(found: RunReport) -> list[tuple[str, str]]:
    from ham.evaluation import COVERAGE, percent

    if found.nothing_to_choose_on:
        return [("    Chosen on validation", "nothing: it is the test part")]
    calibration, sets = found.calibration.summary, found.sets
    rows = [
        (
            "    Calibration error",
            f"{calibration.ece_before:.3f}; {calibration.ece_after:.3f} after its temperature, "
            f"{calibration.temperature:.2f}",
        ),
        (
            "    Sets with the true class",
            f"{percent(sets.coverage)}, aimed at {100 * COVERAGE:.0f} %, "
            f"{sets.mean_size:.1f} classes on average",
        ),
    ]
    if point := found.operating_points.get(_SENSITIVITY):
        aim = f"aimed at {100 * float(_SENSITIVITY):.0f} %"
        rows += [
            (
                f"    Malignant from {point.threshold:.2f} on",
                f"sensitivity {percent(point.sensitivity)}, {aim}",
            ),
            ("", f"specificity {percent(point.specificity)}"),
        ]
    return rows
