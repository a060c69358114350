"""What a visitor of the lesson can have done. Each is noted where it happens, from what is there
anyway: nothing is read or computed for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from ham.config import CLASSES, CODES
from ham.report import Comparison
from ham.report.verdict import DECIDING
from ham.store import Run


class Fact(StrEnum):
    """Its value is what a browser keeps: letters and "_" alone."""

    BALANCE_SEEN = "balance_seen"  # the class balance of the data in use
    LEAK_TRAINED = "leak_trained"  # a run whose split leaks is done
    CNN_BEATEN = "cnn_beaten"  # compared with a run that is better beyond chance
    MELANOMA_FOUND = "melanoma_found"  # images of melanoma predicted as a benign class were opened
    MODEL_FOOLED = "model_fooled"  # a change of an image changed the predicted class
    EPOCHS_WATCHED = "epochs_watched"  # a run trained as published, epoch by epoch
    MAJORITY_SAID = "majority_said"  # the questions of the tasks, answered
    LEAK_SAID = "leak_said"
    INTERVAL_SAID = "interval_said"
    COUNT_SAID = "count_said"


def beaten(compared: Comparison) -> bool:
    """Whether the first run is a CNN as described and another is better by more than chance in
    balanced accuracy: the paired 95 % interval over lesions lies above zero.

    By a split that leaks none is: its test images are not new to it.
    """
    first = compared.first.run
    if (first.config.model, first.config.recipe) != ("cnn", "described") or first.leaking:
        return False
    return any(
        found.sign(DECIDING) > 0 and not compared.reports[name].run.leaking
        for name, found in compared.differences.items()
    )


def missed_melanoma(true: int, predicted: int) -> bool:
    """Whether these classes, by their place in CLASSES, are a melanoma taken for benign."""
    return CODES[true] == "mel" and not CLASSES[predicted].malignant


def leaking_run(runs: Iterable[Run], since: float) -> bool:
    """Whether one of these has ended since that time (seconds, as time.time gives them), has a
    model, and a split that leaks.
    """
    return any(run.has_model and run.leaking and (run.status.ended or 0.0) >= since for run in runs)
