"""What a resume needs, and the weights of the epoch that is kept."""

from __future__ import annotations

import contextlib
import json
import math
import os
from typing import TYPE_CHECKING

import numpy as np

from ham import io, store
from ham.config import TrainConfig
from ham.store import Run

if TYPE_CHECKING:
    import keras


#: `TrainConfig.epoch_kept` -> what the epoch that is kept has least of.
_LEAST = {
    "loss": lambda row: row["validation_loss"],
    "balanced accuracy": lambda row: -row["validation_balanced_accuracy"],
    "last": lambda row: -row["epoch"],
}


class Checkpoint:
    """The state after the last completed epoch, in checkpoint/last.npz, and the weights of the
    best epoch, in checkpoint/best.npz.

    best.npz is written first, so whatever best epoch last.npz names is there; a crash between
    the two costs one epoch, which is trained again to the same numbers.
    """

    def __init__(self, run: Run):
        self.folder = run.folder / "checkpoint"
        self.epoch = 0
        self.best_epoch: int | None = None
        self.least = math.inf
        self.stopped_early = False

    @classmethod
    def read(cls, run: Run, model: keras.Model) -> Checkpoint:
        """The run's checkpoint, its state put into `model`; a fresh one where there is none or
        it cannot be read, which the log then says.
        """
        checkpoint = cls(run)
        path = checkpoint.folder / "last.npz"
        if not path.exists():
            return checkpoint
        try:
            arrays = io.read_arrays(path)
            state = json.loads(str(arrays["state"]))
            values = [arrays[f"v{i}"] for i in range(len(_variables(model)))]
            io.read_arrays(checkpoint.folder / "best.npz")
        except io.DAMAGED as error:
            store.write_log(run, f"the checkpoint cannot be read ({error}): training starts again")
            return checkpoint
        for variable, value in zip(_variables(model), values, strict=True):
            variable.assign(value)
        state["least"] = state.get("least", state.pop("best_loss", None))  # its name before there was a choice
        for name, value in state.items():
            setattr(checkpoint, name, value)
        return checkpoint

    def write(self, model: keras.Model, weights: list[np.ndarray], row: dict[str, float], config: TrainConfig) -> None:
        """`weights` are those that were validated: the model's own, or their average."""
        self.epoch = row["epoch"]
        with store.writing(self.folder.parent):
            self._write(model, weights, row, config)

    def _write(self, model: keras.Model, weights: list[np.ndarray], row: dict[str, float],
               config: TrainConfig) -> None:
        self.folder.mkdir(exist_ok=True)
        value = _LEAST[config.epoch_kept](row)
        if value < self.least:
            self.best_epoch, self.least = row["epoch"], value
            io.write_arrays(self.folder / "best.npz", {f"w{i}": w for i, w in enumerate(weights)})
        patience = config.early_stopping_patience
        self.stopped_early = bool(patience and self.epoch - self.best_epoch >= patience)
        state = {name: getattr(self, name) for name in ("epoch", "best_epoch", "least", "stopped_early")}
        arrays = {f"v{i}": variable.numpy() for i, variable in enumerate(_variables(model))}
        io.write_arrays(self.folder / "last.npz", arrays | {"state": np.array(json.dumps(state))})

    def best_weights(self, model: keras.Model) -> list[np.ndarray] | None:
        """None before the first completed epoch."""
        if self.best_epoch is None:
            return None
        arrays = io.read_arrays(self.folder / "best.npz")
        return [arrays[f"w{i}"] for i in range(len(model.get_weights()))]

    def remove(self) -> None:
        for name in ("last.npz", "best.npz"):
            (self.folder / name).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            os.rmdir(self.folder)


def _variables(model: keras.Model) -> list[keras.Variable]:
    """Weights, the states of dropout's random generators, and the optimizer's."""
    model.optimizer.build(model.trainable_variables)
    return [*model.trainable_variables, *model.non_trainable_variables, *model.optimizer.variables]
