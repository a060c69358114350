"""The logs that `tensorboard --logdir` on the runs folder reads."""

from __future__ import annotations

import contextlib
import errno
from typing import TYPE_CHECKING

from ham import store
from ham.store import Run

if TYPE_CHECKING:
    import tensorflow as tf


class TensorBoard:
    """Every epoch's scalars in tensorboard/train and tensorboard/validation, under the same
    tags, so that TensorBoard draws them over each other.
    """

    def __init__(self, run: Run):
        self.run = run
        self.writers: dict[str, tf.summary.SummaryWriter] = {}

    def write(self, row: dict[str, float]) -> None:
        """An epoch's row of history.csv. Raises StoreError."""
        epoch, metrics = int(row["epoch"]), ("loss", "accuracy", "balanced_accuracy")
        recalls = {name: row[name] for name in row if name.startswith("recall_")}
        with store.writing(self.run.folder):
            self._write(
                "train",
                epoch,
                {m: row[m] for m in metrics} | {"learning_rate": row["learning_rate"]},
            )
            self._write("validation", epoch, {m: row[f"validation_{m}"] for m in metrics} | recalls)

    def _write(self, part: str, epoch: int, scalars: dict[str, float]) -> None:
        import tensorflow as tf

        if part not in self.writers:
            self.writers[part] = tf.summary.create_file_writer(
                str(self.run.folder / "tensorboard" / part)
            )
        try:
            with self.writers[part].as_default(step=epoch):
                for name, value in scalars.items():
                    tf.summary.scalar(name, value)
            self.writers[part].flush()
        except tf.errors.OpError as error:  # TensorFlow's own kind, for a full disk too
            raise OSError(errno.EIO, str(error).splitlines()[0]) from error

    def close(self) -> None:
        """What could not be written until now is not worth an error: it was raised when it was
        written.
        """
        if not self.writers:  # TensorFlow may be what could not be imported
            return
        import tensorflow as tf

        for writer in self.writers.values():
            with contextlib.suppress(tf.errors.OpError):
                writer.close()
