"""The result as people read it: a table, a sentence a protocol, one explanation."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from ham.config import CLASSES
from ham.data import SPLIT_TITLES, LesionDataset
from ham.evaluation import Interval, Leak, Part, format_difference, percent
from ham.lab.leakage.plan import Cell, lab_config
from ham.lab.leakage.result import SCORE, ProtocolResult
from ham.report.tables import unbroken

_NONE = "–"

#: What stands behind the question mark beside the result, Markdown.
EXPLANATION = """
Each run is scored on its own test part, as whoever splits that way would publish it, and then apart
on the test images whose lesion its training has and has not seen.

**Intervals** (95 %, in brackets) come from 2,000 draws of the test lesions with replacement. Where
all draws agree they are Wilson's; a single lesion has none. Runs of a protocol are pooled, and a
lesion that several of them test is drawn for all. With one run, what another seed would change is
not in the intervals.

**Published minus by lesion** compares different test images, so it is unpaired, on the seeds that
both have.

**What else could make a gap**: seen lesions are lesions with several photographs, which may be
easier or harder in themselves. Melanoma has most siblings, so accuracy compares other mixtures of
classes; balanced accuracy and the recalls do not. Oversampling repeats test images too, and every
repeat counts. It also gives the rare classes more weight in training, so part of what it publishes
more may be honest.
""".strip()


def recipe_in_words(protocols: Iterable[str], dataset: LesionDataset) -> str:
    """What is trained, in one sentence."""
    config, *others = (lab_config(protocol, 0, dataset) for protocol in protocols)
    fewer = "".join(
        f" ({other.epochs} where rows are repeated, which makes as many steps)"
        for other in others
        if other.epochs != config.epochs
    )
    return (
        "The same small training under each protocol: the CNN of the improved recipe without "
        f"augmentation, {config.epochs} epochs{fewer} in batches of {config.batch_size}, "
        f"{100 * config.test_fraction:.0f} % of the images for the test and "
        f"{100 * config.validation_fraction:.0f} % to choose the epoch."
    )


# ---------------------------------------------------------------------------- sentences


def finding(one: ProtocolResult) -> str:
    """Whether the leak shows in the protocol's score, in one sentence (Markdown)."""
    return f"**{SPLIT_TITLES[one.protocol][0]}**: {_verdict(one)}."


def _verdict(one: ProtocolResult) -> str:
    leak = one.leak
    if leak.seen is None:
        return "training has seen no test lesion, so the score is for new lesions"
    if leak.unseen is None:
        return (
            "training has seen the lesion of every test image, so the score says nothing about "
            "new lesions"
        )
    if leak.gap is None or not one.whole_gap:
        return (
            f"seen and new lesions can be compared in {len(leak.gap_classes)} of {one.n_classes} "
            "classes only, so the score on new lesions is unknown"
        )
    return _sure(leak.gap[SCORE])


def _sure(gap: Interval) -> str:
    """What the interval of seen minus unseen says."""
    if not np.isfinite(gap.low):
        return "there are too few lesions to tell a gap from chance"
    if gap.low > 0:
        return (
            "the model scores higher on lesions that training has seen, more than chance explains"
        )
    if gap.high < 0:
        return "the model scores lower on lesions that training has seen, more than chance explains"
    return "no clear difference between seen and new lesions: the interval of the gap includes zero"


def control(found: Iterable[ProtocolResult]) -> str:
    """Whether the images of much-photographed lesions differ by themselves; "" where unknown."""
    for one in found:
        leak = one.several
        if leak is None or len(leak.gap_classes) < one.n_classes:
            continue
        several, single = leak.seen, leak.unseen
        if several is None or single is None or leak.gap is None:
            continue
        return (
            "Control: by lesion, where training has seen none, lesions with several photographs "
            f"score {percent(several.scores[SCORE])}, n = {several.n_images:,}, and those with one "
            f"{percent(single.scores[SCORE])}, n = {single.n_images:,}: "
            f"{format_difference(SCORE, leak.gap[SCORE])}."
        )
    return ""


def different_versions(done: Iterable[Cell]) -> bool:
    """Whether the runs were made by different versions of HAM Lab or of its packages."""
    records = [cell.run.record for cell in done if cell.run is not None]
    made = {(record.code_version, tuple(sorted(record.packages.items()))) for record in records}
    return len(made) > 1


# ------------------------------------------------------------------------------- tables


def result_table(found: Iterable[ProtocolResult]) -> pd.DataFrame:
    """A row a protocol: balanced accuracies and differences with intervals, and the images."""
    return pd.DataFrame([_row(one) for one in found])


def _row(one: ProtocolResult) -> dict[str, str]:
    leak = one.leak
    n_seen = leak.seen.n_images if leak.seen else 0
    return {
        "Split": SPLIT_TITLES[one.protocol][0],
        "Published": unbroken(percent(leak.whole.scores[SCORE])),
        "Lesion seen": _score(leak.seen, one.n_classes),
        "Lesion not seen": _score(leak.unseen, one.n_classes),
        "Seen minus not seen": _gap(one),
        "Published minus by lesion": _difference(one.above),
        "Images": unbroken(f"{leak.whole.n_images:,} ({n_seen:,} seen)"),
    }


def _score(part: Part | None, n_classes: int) -> str:
    if part is None:
        return _NONE
    return unbroken(percent(part.scores[SCORE])) + _fewer(len(part.support), n_classes)


def _difference(found: dict[str, Interval] | None, key: str = SCORE) -> str:
    return unbroken(format_difference(SCORE, found[key])) if found else _NONE


def _gap(one: ProtocolResult) -> str:
    gap, n_classes = one.leak.gap, len(one.leak.gap_classes)
    if not gap or not n_classes:
        return _NONE
    return _difference(gap) + _fewer(n_classes, one.n_classes)


def _fewer(n_classes: int, of: int) -> str:
    """Balanced accuracies over other classes are of something else, which has to be said."""
    return f" over {n_classes} of {of} classes" if n_classes < of else ""


def class_table(leak: Leak) -> pd.DataFrame:
    """A row a class: recall on seen and unseen lesions with their images, and the difference."""
    rows = []
    for lesion_class in CLASSES:
        code = lesion_class.code
        if code not in leak.whole.support:
            continue
        rows.append(
            {
                "Class": lesion_class.title,
                "Lesion seen": _recall(leak.seen, code),
                "Images": _images(leak.seen, code),
                "Lesion not seen": _recall(leak.unseen, code),
                "Images ": _images(leak.unseen, code),
                "Seen minus not seen": _difference(leak.gap, code),
            }
        )
    return pd.DataFrame(rows)


def _recall(part: Part | None, code: str) -> str:
    return unbroken(percent(part.scores[code])) if part and code in part.support else _NONE


def _images(part: Part | None, code: str) -> str:
    return f"{part.support.get(code, 0) if part else 0:,}"
