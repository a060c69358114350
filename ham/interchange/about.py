"""What a file says of itself: its classes, what goes in and comes out, where it comes from."""

from __future__ import annotations

import ham
from ham.config import APP_NAME, CLASSES, CODES, DISCLAIMER, IMAGE_SIZE, MODEL_TITLES, N_CLASSES
from ham.report import RunReport, data_in_words, decision_rule, split_in_words
from ham.store import Run

#: An entry of the metadata: words, a number, or a list of words.
Entry = str | float | list[str] | None


def about_model(run: Run) -> dict[str, Entry]:
    """By name, in the order in which one would read it. Raises StoreError, as `report` does."""
    report, size = RunReport(run), IMAGE_SIZE
    return {
        "title": run.short_title if run.shipped else run.title,
        "description": f"{MODEL_TITLES[run.config.model]} that gives each of {N_CLASSES} kinds of "
        f"skin lesion a probability, from a dermatoscopic photograph. {DISCLAIMER}.",
        "labels": list(CODES),
        "label_names": [c.name for c in CLASSES],
        "malignant": [c.code for c in CLASSES if c.malignant],
        "input": f"image: uint8 (n, {size}, {size}, 3), RGB, 0-255, the photograph squashed to "
        f"{size}x{size} with Lanczos; everything else is inside",
        "output": f"proba: float32 (n, {N_CLASSES}), rows sum to 1, in the order of labels",
        # chosen on validation: proba ** (1 / temperature), divided by its sum, is calibrated
        "temperature": decision_rule(run).temperature,
        "data": data_in_words(report),
        "split": split_in_words(report),
        "run": run.id,
        "model_sha256": run.record.model.sha256 if run.record.model else None,
        "made_by": f"{APP_NAME} {ham.__version__}",
    }
