"""What a training's history says about how it goes, in words.

`history` has the columns of `store.HISTORY_COLUMNS`, a row an epoch. Each rule looks at the last
epochs, so a finding goes away when the training gets over it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ham.config import CLASSES

PATIENCE = 3  # epochs in a row that make a finding
_ALWAYS, _NEVER = 0.98, 0.02  # recalls that count as 1 and as 0
_WORSE = 1.02  # validation loss against its lowest, from where on it is worse
_FALLEN = 0.99  # training loss against an earlier one, up to where it has fallen


@dataclass(frozen=True)
class Finding:
    """`kind` is one of not_a_number, one_answer, learns_nothing, over_fitting; `serious` where
    going on is no use.
    """

    kind: str
    serious: bool
    what: str  # with the numbers it rests on
    todo: str


def findings(history: pd.DataFrame) -> list[Finding]:
    """Those that hold now, the most serious first. A loss that is no number hides the others."""
    diverged = _not_a_number(history)
    if diverged:
        return [diverged]
    found = [rule(history) for rule in (_learns_nothing, _one_answer, _over_fitting)]
    return [finding for finding in found if finding]


def _not_a_number(history: pd.DataFrame) -> Finding | None:
    broken = ~np.isfinite(history[["loss", "validation_loss"]].to_numpy(float)).all(axis=1)
    if not broken.any():
        return None
    row = history[broken].iloc[0]
    return Finding(
        "not_a_number",
        True,
        f"The loss is not a number since epoch {row['epoch']:.0f}: the steps were too large.",
        f"Train again with a smaller learning rate, such as {row['learning_rate'] / 10:.2g}.",
    )


def _learns_nothing(history: pd.DataFrame) -> Finding | None:
    """The training loss never was 1 % below where the first epoch left it."""
    losses = history["loss"].to_numpy(float)
    if len(losses) <= PATIENCE or losses[1:].min() <= _FALLEN * losses[0]:
        return None
    return Finding(
        "learns_nothing",
        True,
        f"It learns nothing: the training loss was {losses[0]:.3f} in the first epoch and is "
        f"{losses[-1]:.3f} in epoch {_last(history)}.",
        "Another learning rate usually ends this: ten times smaller where the loss jumps, ten "
        "times larger where it stands still.",
    )


def _one_answer(history: pd.DataFrame) -> Finding | None:
    """One class is always the answer: its recall is 1, that of all others 0."""
    every = history[[f"recall_{c.code}" for c in CLASSES]].to_numpy(float)
    # a class without validation images has no recall
    seen = np.flatnonzero(~np.isnan(every).any(axis=0))
    recalls = every[:, seen]
    if len(recalls) < PATIENCE or len(seen) < 2:
        return None
    answers = recalls.argmax(axis=1)
    one = ((recalls >= _ALWAYS).sum(axis=1) == 1) & (
        (recalls <= _NEVER).sum(axis=1) == len(seen) - 1
    )
    epochs = _trailing(one & (answers == answers[-1]))
    if epochs < PATIENCE:
        return None
    recent, answer = recalls[-epochs:], CLASSES[seen[answers[-1]]]
    right, others = recent[:, answers[-1]].min(), np.delete(recent, answers[-1], axis=1).max()
    # %, none said too well
    least, most = math.floor(100 * right + 1e-9), math.ceil(100 * others - 1e-9)
    return Finding(
        "one_answer",
        True,
        f"It always predicts {answer.name.lower()} ({answer.code}): in the last {epochs} epochs "
        f"its recall was at least {least} % for that class and at most {most} % for every other.",
        "Give it more epochs, weigh the classes (class weight), or change the learning rate.",
    )


def _over_fitting(history: pd.DataFrame) -> Finding | None:
    """The validation loss stays above its lowest for three epochs while the training loss falls."""
    training, validation = (history[name].to_numpy(float) for name in ("loss", "validation_loss"))
    if len(validation) <= PATIENCE:
        return None
    best = int(validation.argmin())
    rising = _trailing(validation > _WORSE * validation[best])
    if rising < PATIENCE or training[-1] > _FALLEN * training[best]:
        return None
    since = int(history["epoch"].iloc[best])
    return Finding(
        "over_fitting",
        False,
        f"Over-fitting since epoch {since}: the validation loss rose from {validation[best]:.3f} "
        f"to {validation[-1]:.3f} while the training loss fell from {training[best]:.3f} to "
        f"{training[-1]:.3f}.",
        "More epochs will not help; augmentation, dropout, weight decay or early stopping may.",
    )


def _trailing(holds: np.ndarray) -> int:
    """How many of the last entries are true in a row."""
    return len(holds) if holds.all() else int(np.argmin(holds[::-1]))


def _last(history: pd.DataFrame) -> int:
    return int(history["epoch"].iloc[-1])
