"""MLflow: what a training tells a tracking server, where MLFLOW_TRACKING_URI names one.

A training never fails because of it and waits seconds at most: a thread of its own tells the
server, and where that cannot be done the run's log says so, once, and the training goes on.

https://mlflow.org/docs/latest/ml/tracking/: MLFLOW_EXPERIMENT_NAME and all else that MLflow reads
from the environment holds here too.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import logging
import math
import os
import queue
import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import ham
from ham import io
from ham.config import APP_NAME, HamError, home_folder
from ham.store import Run

if TYPE_CHECKING:
    from mlflow import MlflowClient

TAG = "ham_lab.run"  # by which a training that is taken up again finds its run there
_URI, _EXPERIMENT = "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"
_WAIT_SECONDS = 20.0  # for what was not yet told when a training ends
#: Without these MLflow asks a server that is away for five minutes, and tells its makers of each
#: use. What is set already stays.
_DEFAULTS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}
_ENDS = {"done": "FINISHED", "failed": "FAILED"}  # cancelled, or stopped on the way: KILLED
_PASSWORD = re.compile(r"//[^/@\s]*@")  # in an address; the log goes into bundles
_FILES = ("config.json", "history.csv", "model.keras")  # artifacts, those that there are


class Tracking:
    """One training's run on the server. Does nothing where no server is named."""

    def __init__(self, say: Callable[[str], None]):
        self._say = say
        self._told: queue.SimpleQueue[dict[str, float] | Run] = queue.SimpleQueue()
        self._job: io.Job[None] | None = None

    def begin(self, run: Run) -> None:
        """Tells the settings, and from then on what `write` is given."""
        if not os.environ.get(_URI):
            return
        if importlib.util.find_spec("mlflow") is None:
            self._warn("mlflow is not installed here: pip install mlflow-skinny")
            return
        for name, value in _DEFAULTS.items():
            os.environ.setdefault(name, value)
        try:  # here, not in the thread: two threads inside one import can see half a module
            importlib.import_module("mlflow")
        except ImportError as error:
            self._warn(f"it cannot be imported ({error})")
            return

        def work(report: io.Report, stop: threading.Event) -> None:
            _tell(run, self._told)

        self._job = io.Job("MLflow", work)

    def write(self, row: dict[str, float]) -> None:
        """An epoch's row of history.csv."""
        if self._going():
            self._told.put(row)

    def close(self, run: Run) -> None:
        """Tells how it ended, scores and files; waits some seconds for all that was to be told."""
        if not self._going() or self._job is None:
            return
        self._told.put(run)
        self._job.wait(_WAIT_SECONDS)
        if self._job.running:
            self._warn(f"it did not answer within {_WAIT_SECONDS:g} s")
            self._job = None
        else:
            self._going()

    def _going(self) -> bool:
        """Whether there is somebody to tell; where that ended early, it is said here."""
        if self._job is None:
            return False
        if self._job.error is not None:
            self._warn((str(self._job.error) or type(self._job.error).__name__).splitlines()[0])
            self._job = None
            return False
        return True

    def _warn(self, why: str) -> None:
        why = _PASSWORD.sub("//", why)[:300]
        words = f"MLflow is not told of this training, which goes on without: {why}"
        logging.getLogger(__name__).warning(words)
        with contextlib.suppress(HamError):  # of a full disk, which the training meets itself
            self._say(words)


def _tell(run: Run, told: queue.SimpleQueue[dict[str, float] | Run]) -> None:
    """All of a training as it comes, until its end does. Raises whatever MLflow does."""
    from mlflow import MlflowClient

    client = MlflowClient()
    there = _begun(client, run)
    while True:
        news = told.get()
        if isinstance(news, Run):
            _end(client, there, news)
            return
        _log(client, there, news, int(news["epoch"]))


def _begun(client: MlflowClient, run: Run) -> str:
    """The id of its run there, which is that of an earlier part of the same training."""
    from mlflow.entities import Param

    name = os.environ.get(_EXPERIMENT, APP_NAME)
    found = client.get_experiment_by_name(name)
    experiment = found.experiment_id if found else client.create_experiment(name, _files_at())
    earlier = client.search_runs([experiment], f"tags.`{TAG}` = '{run.id}'", max_results=1)
    if earlier:
        there = str(earlier[0].info.run_id)
        client.update_run(there, status="RUNNING")
        return there
    created = client.create_run(experiment, tags=_tags(run), run_name=run.title)
    there = str(created.info.run_id)
    settings = run.config.to_dict()
    settings |= settings.pop("model_settings", {})
    client.log_batch(there, params=[Param(key, str(value)) for key, value in settings.items()])
    return there


def _files_at() -> str | None:
    """Where the files of a database on this computer lie, which would be the folder that one
    happens to be in; a server decides for itself.
    """
    local = os.environ[_URI].startswith("sqlite:")
    return (home_folder() / "mlflow").absolute().as_uri() if local else None


def _tags(run: Run) -> dict[str, str]:
    data = run.record.data
    return {
        TAG: run.id,
        "ham_lab.version": ham.__version__,
        "ham_lab.data": data.name,
        "ham_lab.data_fingerprint": data.fingerprint,
        "ham_lab.synthetic": str(data.synthetic).lower(),
        "ham_lab.test_fingerprint": str(run.record.split.test_fingerprint),
    }


def _log(client: MlflowClient, there: str, values: Mapping[str, Any], step: int) -> None:
    from mlflow.entities import Metric

    now = int(1000 * time.time())
    client.log_batch(
        there,
        metrics=[
            Metric(name, float(value), now, step)
            for name, value in values.items()
            if name != "epoch" and math.isfinite(value)
        ],
    )


def _end(client: MlflowClient, there: str, run: Run) -> None:
    """Scores with their intervals, the files, and how it ended."""
    scores = run.scores or {}
    values = {
        f"test_{key}{end}": value
        for key, score in scores.items()
        for end, value in (("", score.value), ("_low", score.low), ("_high", score.high))
    }
    if values:
        _log(client, there, values, run.status.best_epoch or run.status.epoch)
    for name in _FILES:
        if (run.folder / name).exists():
            client.log_artifact(there, str(run.folder / name))
    client.set_terminated(there, _ENDS.get(run.state, "KILLED"))
