"""What a reported number is worth where every epoch of a training was watched on the test part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

#: Test accuracy as the models were described to us, by model. The notebook of the CNN printed it of
#: its last epoch; that of the LSTM printed 0.7264 there.
REPORTED = {"cnn": 0.7164, "lstm": 0.7099}
LAST_EPOCHS = 20  # as many as the notebook of the CNN shows, epochs 31 to 50


@dataclass(frozen=True)
class Draws:
    """Accuracy of the last epochs of one training or of several: any of them could have been the
    number that was reported.
    """

    values: np.ndarray  # float64 (trainings, epochs), 0 to 1

    @property
    def low(self) -> float:
        return float(self.values.min())

    @property
    def high(self) -> float:
        return float(self.values.max())

    @property
    def median(self) -> float:
        return float(np.median(self.values))

    @property
    def last(self) -> np.ndarray:
        """Of the last epoch, float64 (trainings,)."""
        return self.values[:, -1]

    def reached(self, reported: float) -> float:
        """Share of the epochs that are at least as good as the reported number."""
        return float((self.values >= reported).mean())


def draws(by_epoch: Sequence[Sequence[float]], epochs: int = LAST_EPOCHS) -> Draws:
    """`by_epoch`: of each training the accuracy of every epoch, 0 to 1; trainings that are shorter
    than others shorten all. Raises ValueError where there is no epoch.
    """
    epochs = min([epochs, *(len(values) for values in by_epoch)])
    if not by_epoch or not epochs:
        raise ValueError("there is no epoch")
    return Draws(np.array([list(values)[-epochs:] for values in by_epoch], np.float64))


def draws_in_words(found: Draws, reported: float) -> str:
    """ "71.64 % is one draw: over the last 20 epochs of 5 trainings ..."."""
    trainings, epochs = found.values.shape
    of = f"{trainings} trainings" if trainings > 1 else "this training"
    return (
        f"{100 * reported:.2f} % is one draw: over the last {epochs} epochs of {of} the accuracy "
        f"moves between {100 * found.low:.1f} % and {100 * found.high:.1f} % "
        f"(median {100 * found.median:.1f} %), and {100 * found.reached(reported):.0f} % of these "
        "epochs reach that number."
    )
