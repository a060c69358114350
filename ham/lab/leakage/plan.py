"""What is trained: the same small training under each protocol, its runs, its start and its end.

The runs are ordinary runs of the store. The lab knows its own by the fingerprints of settings and
data, so it finds them after a restart, and counts one that was started on the Training page with
these settings as well. The tag is for people, and for the page's one timer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ham import engine, store
from ham.config import HamError, StoreError, TrainConfig, recipe_config
from ham.data import (
    LEAKAGE_SPLITS,
    SPLIT_TITLES,
    LesionDataset,
    make_split,
    steps_an_epoch,
)
from ham.store import Run

TAG = "leakage-lab"
RECIPE = "leakage lab"  # the runs' name, after that of the model
#: How many runs of each protocol -> their seeds.
RUNS_EACH: dict[int, tuple[int, ...]] = {1: (0,), 3: (0, 1, 2)}
_EPOCHS = 20


@dataclass(frozen=True)
class Cell:
    """One training of the measurement, with its run where there is one."""

    protocol: str
    seed: int
    run: Run | None

    @property
    def done(self) -> bool:
        return self.run is not None and self.run.state == "done" and self.run.has_model

    @property
    def live(self) -> bool:
        return self.run is not None and self.run.live

    @property
    def unfinished(self) -> bool:
        """It ended without a result and can be resumed after its last epoch."""
        return self.run is not None and self.run.state in ("failed", "cancelled", "interrupted")

    @property
    def wanted(self) -> bool:
        """It is to be started or resumed."""
        return self.run is None or self.unfinished

    @property
    def title(self) -> str:
        return f"{SPLIT_TITLES[self.protocol][0]}, seed {self.seed}"


@dataclass(frozen=True)
class TimeNeeded:
    """Seconds of training on this machine; None where unknown, perhaps as it is being measured."""

    seconds: float | None
    measuring: bool = False


# ------------------------------------------------------------------------- what to train


def possible_protocols(dataset: LesionDataset) -> list[str]:
    """Those of `data.LEAKAGE_SPLITS` by which the data set can be dealt into three parts."""
    return [protocol for protocol in LEAKAGE_SPLITS if _can_split(dataset, protocol)]


def _can_split(dataset: LesionDataset, protocol: str) -> bool:
    try:
        make_split(dataset, protocol)
    except HamError:
        return False
    return True


def lab_config(protocol: str, seed: int, dataset: LesionDataset) -> TrainConfig:
    """The improved CNN without its augmentation, for a few epochs.

    It averages its weights, so chance has less of a say than in the described one. All but protocol
    and seed is the same for all, the number of steps included: an oversampled epoch has several
    times the rows, so there are fewer epochs.
    """
    config = recipe_config(
        "improved",
        "cnn",
        epochs=_EPOCHS,
        augmentation="none",
        test_time_augmentation="none",
        split=protocol,
        seed=seed,
    ).replace(recipe=RECIPE)
    if protocol != "oversample":
        return config
    plain = steps_an_epoch(config.replace(split="lesion"), dataset)
    return config.replace(epochs=max(1, round(_EPOCHS * plain / steps_an_epoch(config, dataset))))


def cells(
    dataset: LesionDataset,
    protocols: Iterable[str],
    seeds: Iterable[int],
    runs: Iterable[Run],
) -> list[Cell]:
    """Every training in the order it is started: all protocols of a seed, then the next seed.

    `runs`: those there are, newest first. Of several of the same a finished one counts, then one
    that waits or trains, then the newest.
    """
    own: dict[str, list[Run]] = {}
    for run in runs:
        if run.record.data.fingerprint == dataset.fingerprint and not run.withheld:
            own.setdefault(run.record.config_fingerprint or "", []).append(run)
    protocols = list(protocols)
    return [
        Cell(protocol, seed, _best(own.get(lab_config(protocol, seed, dataset).fingerprint, [])))
        for seed in seeds
        for protocol in protocols
    ]


def _best(runs: list[Run]) -> Run | None:
    def place(run: Run) -> int:
        return 0 if run.state == "done" and run.has_model else 1 if run.live else 2

    return min(runs, key=place, default=None)


def time_needed(wanted: list[Cell], dataset: LesionDataset, runs: Iterable[Run]) -> TimeNeeded:
    """For what is left of these: as past runs took here, else as the engine's probe says."""
    configs = [lab_config(cell.protocol, cell.seed, dataset) for cell in wanted]
    first, steps = configs[0], 0
    for cell, config in zip(wanted, configs, strict=True):
        done = cell.run.status.epoch if cell.run else 0
        steps += steps_an_epoch(config, dataset) * (config.epochs - done)
    if a_step := engine.seconds_a_step(first, runs):
        return TimeNeeded(steps * a_step)
    probed = engine.estimate(first, dataset.record)
    if probed is None or probed.problem:
        return TimeNeeded(None, measuring=probed is None)
    beginning = probed.seconds - probed.seconds_per_epoch * first.epochs
    a_step = probed.seconds_per_epoch / steps_an_epoch(first, dataset)
    return TimeNeeded(steps * a_step + len(wanted) * beginning)


# ------------------------------------------------------------------------------ the queue


def live_lab_runs(runs: Iterable[Run]) -> list[Run]:
    """Those that wait or train, of every data set and seed; next first."""
    return [run for run in _in_order(runs) if TAG in run.notes.tags]


def runs_before(own: Collection[str], runs: Iterable[Run]) -> int:
    """How many others train or wait before the first whose id is in `own`; 0 where none waits."""
    places = [place for place, run in enumerate(_in_order(runs)) if run.id in own]
    return min(places, default=0)


def _in_order(runs: Iterable[Run]) -> list[Run]:
    """The live ones as the queue takes them: what trains, then what waits."""
    return sorted(
        (run for run in runs if run.live),
        key=lambda run: (run.state != "running", run.status.order),
    )


def start(wanted: list[Cell], dataset: LesionDataset) -> None:
    """Queues what was never started and resumes what did not finish.

    Raises StoreError; what is queued by then stays.
    """
    for cell in wanted:
        if cell.run is None:
            config = lab_config(cell.protocol, cell.seed, dataset)
            run = engine.submit(config, dataset.record)
            title = f"Leakage lab: {cell.title[:1].lower()}{cell.title[1:]}"
            store.write_notes(run, title=title, tags=(TAG,))
        elif cell.unfinished:
            engine.resume(cell.run)


def cancel(runs: list[Run]) -> None:
    """The waiting ones first: else the next would start while the first stops."""
    for run in sorted(runs, key=lambda run: run.state == "running"):
        try:
            engine.cancel(run)
        except StoreError:
            if store.read_run(run.id).live:  # else it has just ended by itself
                raise
