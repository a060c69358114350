"""Whether the very same training was done before."""

from __future__ import annotations

import functools
import importlib.metadata
from collections.abc import Iterable

from ham.config import TRAINING_VERSION, TrainConfig
from ham.store.folder import Run


def trained_before(config: TrainConfig, data_fingerprint: str, runs: Iterable[Run]) -> Run | None:
    """A finished run of the same settings, data, training and packages; else one that waits or
    trains.
    """
    wanted = config.fingerprint
    same = [
        run
        for run in runs
        if (run.live or (run.state == "done" and run.has_model))
        and not run.withheld
        and run.record.config_fingerprint == wanted
        and run.record.data.fingerprint == data_fingerprint
        and (run.live or run.record.training_version == TRAINING_VERSION)
        and all(
            installed_version(package) == version
            for package, version in run.record.packages.items()
        )
    ]
    return min(same, key=lambda run: run.live, default=None)


@functools.cache  # 5 ms of six packages, and a process keeps what it has imported
def installed_version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
