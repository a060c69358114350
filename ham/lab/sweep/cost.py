"""How long a sweep would take here, before it starts."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from ham import engine
from ham.config import TrainConfig
from ham.data import LesionDataset, steps_an_epoch
from ham.lab.sweep.plan import Plan
from ham.lab.sweep.space import listed, middle
from ham.store import Run


@dataclass(frozen=True)
class SweepTime:
    """Seconds on this machine if no trial is pruned; None where unknown, perhaps as it is being
    measured.
    """

    seconds: float | None
    measuring: bool = False


def typical(plan: Plan) -> TrainConfig:
    """The middle of everything that is varied, for what a trial costs on average."""
    settings = {values.name: middle(plan.model, values) for values in plan.space}
    for values in plan.space:
        found = listed(plan.model, values)
        if values.name == "epochs" and found:
            settings["epochs"] = round(sum(map(float, found)) / len(found))
    return plan.base.replace(**settings)


def time_of(plan: Plan, dataset: LesionDataset, runs: Iterable[Run]) -> SweepTime:
    """By past runs of the typical settings here, else by the engine's probe of them."""
    config = typical(plan)
    rounds = math.ceil(plan.runs / engine.settings().workers)
    probed = engine.estimate(config, dataset.record)
    if probed is not None and not probed.problem:
        return SweepTime(probed.seconds * rounds)
    if a_step := engine.seconds_a_step(config, runs):
        return SweepTime(a_step * steps_an_epoch(config, dataset) * config.epochs * rounds)
    return SweepTime(None, measuring=probed is None)
