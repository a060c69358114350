"""The verb evaluate: scores, what was chosen on validation, differences to the first run."""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from ham.cli.images import External, ask
from ham.cli.writing import DONE, SOME_REFUSED, WrongUsage, write_json, write_table
from ham.config import CLASSES

if TYPE_CHECKING:
    from ham.evaluation import Calibration, Evaluation, Interval, McNemar, OperatingPoint, PredictionSets
    from ham.store import Predictions, Run

_SENSITIVITY = 0.90  # of malignant images on validation, for which the threshold is chosen


def evaluate(chosen: argparse.Namespace, out: TextIO) -> int:
    """Scores of runs with 95 % intervals, on their test images or, with --images and --labels, on any others."""
    from ham import store

    if (chosen.images is None) != (chosen.labels is None):
        raise WrongUsage("python -m ham evaluate", "--images and --labels belong together: a folder of images and the "
                         "CSV that says what they show.", "Add the other one, or leave both out for the test images.")
    runs = [store.read_run(run_id) for run_id in chosen.runs]
    stored = [store.read_predictions(run) for run in runs]
    validation, parts, external = [part["validation"] for part in stored], [part["test"] for part in stored], None
    if chosen.images is not None:
        external, parts = ask(runs, chosen.images, chosen.labels)
        _warn_of_known_images(runs, validation, parts[0])
    elif not all(store.same_test_images(run, runs[0]) for run in runs[1:]):
        print("These runs were tested on different images: their scores cannot be compared.", file=sys.stderr)
    scored = []
    for run, chosen_on, part in zip(runs, validation, parts, strict=True):
        # the first has nothing to be compared with, and may be of a version that recorded no split
        comparable = bool(scored) and (external is not None or store.same_test_images(run, runs[0]))
        scored.append(_score(run, chosen_on, part, (runs[0], parts[0]) if comparable else None, external is None))
    if chosen.json:
        about = _external_record(chosen, external, scored[0].evaluation) if external else {}
        write_json(about | {"runs": [_record(found) for found in scored]}, out)
    else:
        if external:
            _write_external(chosen, external, scored[0].evaluation, out)
        for found in scored:
            _write_scores(found, external is None, out)
    return SOME_REFUSED if external and (external.found.missing or external.unreadable) else DONE


# ------------------------------------------------------------------------------ scores


@dataclass(frozen=True)
class _Difference:
    """This run minus the first on the same images; McNemar's a is the first."""

    first: Run
    scores: dict[str, Interval]
    mcnemar: McNemar


@dataclass(frozen=True)
class _Scored:
    run: Run
    evaluation: Evaluation
    calibration: Calibration
    sets: PredictionSets
    malignant: OperatingPoint | None  # None where validation has no malignant image
    difference: _Difference | None  # None for the first run, and on other images than the first's
    floors: dict[str, Evaluation]  # what takes no network, on the same images


def _score(run: Run, validation: Predictions, part: Predictions, first: tuple[Run, Predictions] | None,
           own_test: bool) -> _Scored:
    from ham import evaluation, store

    calibration = evaluation.calibrate(validation.y_true, validation.proba, part.y_true, part.proba)
    scaled = evaluation.with_temperature(part.proba, calibration.temperature)
    sets = evaluation.prediction_sets(part.y_true, scaled, part.lesion, calibration.threshold)
    malignant, difference = None, None
    try:
        threshold = evaluation.malignant_threshold(validation.y_true, validation.proba, _SENSITIVITY)
        malignant = evaluation.operating_point(part.y_true, part.proba, part.lesion, threshold)
    except evaluation.EvaluationError as error:
        print(f"{run.id}: no threshold for malignant. {error}", file=sys.stderr)
    if first:
        theirs, ours = store.aligned(first[1], part)
        difference = _Difference(
            first[0], evaluation.compare(ours.y_true, ours.proba, theirs.proba, ours.lesion),
            evaluation.mcnemar(ours.y_true, theirs.proba, ours.proba))
    found = evaluation.evaluate(part.y_true, part.proba, part.lesion)
    counts = evaluation.train_counts(run.record, validation.y_true)
    floors = {evaluation.majority_title(counts): evaluation.majority_floor(counts, part.y_true, part.lesion)}
    if own_test and (stored := evaluation.stored_floor(run.record)):  # its answers on other images were not asked
        floors[evaluation.LOGISTIC_REGRESSION] = stored
    return _Scored(run, found, calibration, sets, malignant, difference, floors)


def _warn_of_known_images(runs: list[Run], validation: list[Predictions], part: Predictions) -> None:
    """A run keeps no list of its training images; those of its validation tell where the images come from."""
    import numpy as np

    from ham import store

    keys = store.image_keys(part.image_id)
    for run, known in zip(runs, validation, strict=True):
        if n := np.isin(keys, store.image_keys(known.image_id)).sum():
            print(f"{run.id}: {n:,} of these images have names of its own validation images. If they are the same, it "
                  "was trained on others of this set, and these scores flatter it.", file=sys.stderr)


# ------------------------------------------------------------------------------- JSON


def _record(found: _Scored) -> dict:
    from ham import evaluation

    difference = found.difference
    return {
        "run": found.run.id, "title": found.run.title, **evaluation.evaluation_record(found.evaluation),
        "calibration": _calibration_record(found),
        "floors": {name: evaluation.evaluation_record(floor) for name, floor in found.floors.items()},
        "difference": difference and {
            "minus": difference.first.id, "scores": evaluation.intervals_record(difference.scores),
            "mcnemar": {"right_by_the_first_only": difference.mcnemar.b, "right_by_this_only": difference.mcnemar.c,
                        "p": difference.mcnemar.p}},
    }


def _calibration_record(found: _Scored) -> dict:
    """None for a threshold of infinity: validation was too small, and every class is in every set."""
    from ham import evaluation

    calibration, malignant = found.calibration, found.malignant
    record = {
        "temperature": calibration.temperature, "ece_before": calibration.ece_before,
        "ece_after": calibration.ece_after,
        "set_threshold": calibration.threshold if math.isfinite(calibration.threshold) else None,
        **evaluation.intervals_record({"coverage": found.sets.coverage}), "mean_set_size": found.sets.mean_size,
    }
    if malignant is None:
        return record | dict.fromkeys(("malignant_threshold", "malignant_sensitivity", "malignant_specificity"))
    return record | {"malignant_threshold": malignant.threshold} | evaluation.intervals_record(
        {"malignant_sensitivity": malignant.sensitivity, "malignant_specificity": malignant.specificity})


def _external_record(chosen: argparse.Namespace, external: External, evaluation: Evaluation) -> dict:
    found, unreadable = external.found, external.unreadable
    return {
        "images": chosen.images, "labels": chosen.labels, "n_labelled": found.n_labelled,
        "n_images": evaluation.n_images, "n_lesions": evaluation.n_lesions, "n_missing": len(found.missing),
        "n_unreadable": len(unreadable), "n_unlabelled": found.n_unlabelled, "counts": _counts(evaluation),
        **{kind: [{"image": name, "reason": why} for name, why in reasons.items()]
           for kind, reasons in (("missing", found.missing), ("unreadable", unreadable))},
        "notes": external.notes, "image_notes": external.image_notes,
    }


def _counts(evaluation: Evaluation) -> dict[str, int]:
    """Images of each class, by code."""
    return {code: int(n) for code, n in evaluation.per_class["support"].items()}


# ------------------------------------------------------------------------------- words


def _write_external(chosen: argparse.Namespace, external: External, evaluation: Evaluation, out: TextIO) -> None:
    found, counts = external.found, _counts(evaluation)
    print(f"{chosen.images}: {evaluation.n_images:,} of {found.n_labelled:,} labelled images evaluated, "
          f"{len(found.missing):,} missing, {len(external.unreadable):,} unreadable; "
          f"{found.n_unlabelled:,} more in the folder without a label", file=out)
    for note in external.notes:
        print(note, file=out)
    write_table([("  class", "images", "share"), *(
        (f"  {c.title}", f"{counts[c.code]:,}", f"{100 * counts[c.code] / evaluation.n_images:.1f} %")
        for c in CLASSES)], out)


def _write_scores(found: _Scored, own_test: bool, out: TextIO) -> None:
    from ham import evaluation

    run, kind, split = found.run, "", ""
    if own_test:
        leaking = ", a leaking split" if run.leaking else ""
        kind, split = "test ", f" (split by {run.config.split}{leaking})"
    print(f"{run.id}: {run.title}, {found.evaluation.n_images:,} {kind}images of {found.evaluation.n_lesions:,} "
          f"lesions{split}", file=out)
    write_table([(f"  {score.title}", evaluation.format_score(key, found.evaluation.scores[key]))
                 for key, score in evaluation.SCORES.items()], out)
    print("  What takes no network, on the same images:", file=out)
    write_table([(f"    {name}", ", ".join(
        f"{evaluation.SCORES[key].title.lower()} {evaluation.format_score(key, floor.scores[key])}"
        for key in ("accuracy", "balanced_accuracy"))) for name, floor in found.floors.items()], out)
    print("  Chosen on the run's validation images, seen on these:", file=out)
    write_table(_chosen_on_validation(found), out)
    if difference := found.difference:
        print(f"  Minus {difference.first.id}:", file=out)
        test = difference.mcnemar
        write_table([*((f"    {score.title}", evaluation.format_difference(key, difference.scores[key]))
                       for key, score in evaluation.SCORES.items()),
                     ("    McNemar's test", f"p {evaluation.p_value(test.p)}: {test.c:,} images named right by this "
                      f"run only, {test.b:,} by the first only")], out)


def _chosen_on_validation(found: _Scored) -> list[tuple[str, str]]:
    from ham.evaluation import COVERAGE, percent

    calibration, malignant = found.calibration, found.malignant
    rows = [
        ("    Calibration error", f"{calibration.ece_before:.3f}; {calibration.ece_after:.3f} after its temperature, "
         f"{calibration.temperature:.2f}"),
        ("    Sets with the true class", f"{percent(found.sets.coverage)}, aimed at {100 * COVERAGE:.0f} %, "
         f"{found.sets.mean_size:.1f} classes on average"),
    ]
    if malignant:
        rows += [(f"    Malignant from {malignant.threshold:.2f} on", f"sensitivity {percent(malignant.sensitivity)}, "
                  f"aimed at {100 * _SENSITIVITY:.0f} %"), ("", f"specificity {percent(malignant.specificity)}")]
    return rows
