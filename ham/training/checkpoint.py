"""What a resume needs, and the weights of the epoch that is kept."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ham import io, store
from ham.config import StoreError, TrainConfig
from ham.store import Run

if TYPE_CHECKING:
    import keras


#: `TrainConfig.epoch_kept` -> what the epoch that is kept has least of.
_LEAST: dict[str, Callable[[dict[str, float]], float]] = {
    "loss": lambda row: row["validation_loss"],
    "balanced accuracy": lambda row: -row["validation_balanced_accuracy"],
    "last": lambda row: -row["epoch"],
}
_UNFIT: tuple[type[Exception], ...] = (*io.DAMAGED, StoreError)
_STATE = ("epoch", "best_epoch", "least", "stopped_early")


class Checkpoint:
    """The state after the last completed epoch and the weights of the best one until then.

    Both stand in one file, checkpoint/last.npz, that is replaced whole: whenever the process dies,
    epoch, best epoch and both sets of weights belong together.
    """

    def __init__(self, run: Run):
        self.run = run
        self.path = run.folder / "checkpoint" / "last.npz"
        self.epoch = 0
        self.best_epoch: int | None = None
        self.least = math.inf
        self.stopped_early = False
        self.best_weights: list[np.ndarray] | None = None  # None before the first completed epoch

    @classmethod
    def read(cls, run: Run, model: keras.Model) -> Checkpoint:
        """The run's checkpoint, its state put into `model`.

        A fresh one where there is none or it is damaged, or where the history lacks its epochs,
        which the log then says. Raises StoreError where the system does not let it be read.
        """
        checkpoint = cls(run)
        if not checkpoint.path.exists():
            return checkpoint
        try:
            content = io.read_bytes(checkpoint.path)
        except OSError as error:
            raise StoreError(
                f"Run {run.id}",
                f"its checkpoint cannot be read ({error.strerror or error}).",
                "Check the disk and the rights of its folder, then resume it.",
            ) from error
        try:
            checkpoint._take(content, model)
        except MemoryError:  # no damage: it is there for the next try
            raise
        except _UNFIT as error:
            store.write_log(
                run,
                "the checkpoint cannot be read, training starts again: "
                f"{error or type(error).__name__}",
            )
            return cls(run)
        return checkpoint

    def _take(self, content: bytes, model: keras.Model) -> None:
        """Everything is looked at before the model is touched. Raises one of DAMAGED, or
        StoreError.
        """
        arrays = io.parse_arrays(content)
        state = _checked_state(json.loads(str(arrays["state"])))
        if "w0" not in arrays:  # written when the best weights had a file of their own
            arrays |= io.read_arrays(self.path.with_name("best.npz"))
        variables = _variables(model)
        values = _fitting(arrays, "v", variables)
        best_weights = _fitting(arrays, "w", model.weights)
        epochs = {
            epoch
            for epoch in store.read_history(self.run)["epoch"].tolist()
            if 1 <= epoch <= state["epoch"]
        }
        if len(epochs) != state["epoch"]:
            raise ValueError(f"the history has not all of its {state['epoch']} epochs")
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        for name in _STATE:
            setattr(self, name, state[name])
        self.best_weights = best_weights

    def write(
        self,
        model: keras.Model,
        weights: list[np.ndarray],
        row: dict[str, float],
        config: TrainConfig,
    ) -> None:
        """After an epoch. `weights` are those that were validated: the model's own, or their
        average.

        Raises StoreError.
        """
        self.epoch = int(row["epoch"])
        value = _LEAST[config.epoch_kept](row)
        best_epoch, best_weights = self.best_epoch, self.best_weights
        if best_epoch is None or best_weights is None or value < self.least:
            best_epoch, best_weights, self.least = self.epoch, weights, value
        self.best_epoch, self.best_weights = best_epoch, best_weights
        patience = config.early_stopping_patience
        self.stopped_early = bool(patience and self.epoch - best_epoch >= patience)
        arrays = {f"v{i}": variable.numpy() for i, variable in enumerate(_variables(model))}
        arrays |= {f"w{i}": weight for i, weight in enumerate(best_weights)}
        state = {name: getattr(self, name) for name in _STATE}
        with store.writing(self.run.folder):
            io.write_arrays(self.path, arrays | {"state": np.array(json.dumps(state))})

    def remove(self) -> None:
        """What cannot be removed costs room and nothing else."""
        with contextlib.suppress(OSError):
            for path in (self.path, self.path.with_name("best.npz")):
                path.unlink(missing_ok=True)
            self.path.parent.rmdir()


def _checked_state(state: dict[str, Any]) -> dict[str, Any]:
    """Raises one of DAMAGED where it is none that `write` wrote."""
    if "least" not in state:
        state["least"] = state.pop("best_loss")  # its name before there was a choice
    kinds = {name: type(state[name]) for name in _STATE}
    whole = {"epoch": int, "best_epoch": int, "least": float, "stopped_early": bool}
    if kinds | {"least": float} != whole or kinds["least"] not in (float, int):
        raise ValueError("its state is not written as ours")
    if not 1 <= state["best_epoch"] <= state["epoch"] or not math.isfinite(state["least"]):
        raise ValueError("its epochs do not fit together")
    return state


def _fitting(
    arrays: dict[str, np.ndarray], letter: str, variables: list[keras.Variable]
) -> list[np.ndarray]:
    """The arrays v0, v1, ... or w0, w1, ...: one a variable. Raises KeyError or ValueError."""
    found = [arrays[f"{letter}{i}"] for i in range(len(variables))]
    for value, variable in zip(found, variables, strict=True):
        if value.shape != tuple(variable.shape) or value.dtype != variable.dtype:
            raise ValueError("its arrays are not those of this model")
    return found


def _variables(model: keras.Model) -> list[keras.Variable]:
    """Weights, the states of dropout's random generators, and the optimizer's."""
    return [*model.trainable_variables, *model.non_trainable_variables, *model.optimizer.variables]
