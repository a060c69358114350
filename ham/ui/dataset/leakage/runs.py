"""The same small training under each protocol: its settings, which runs of it there are, what is to be done.

They are ordinary runs of the store. The lab knows its own by the fingerprints of settings and data, so it finds
them after a refresh or a restart, and takes one that was started on the Training page with these settings as well;
the tag is for people, and for the page's one timer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ham import engine, store
from ham.config import StoreError, TrainConfig, recipe_config
from ham.data import SPLIT_TITLES, LesionDataset
from ham.store import Run
from ham.ui.training.form import steps_an_epoch

TAG = "leakage-lab"
RECIPE = "leakage lab"  # the runs' name, after that of the model
SEEDS: dict[int, tuple[int, ...]] = {1: (0,), 3: (0, 1, 2)}  # how many runs a protocol -> their seeds
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
        """It ended without the result, and goes on after its last epoch when it is taken up."""
        return self.run is not None and self.run.state in ("failed", "cancelled", "interrupted")

    @property
    def title(self) -> str:
        return f"{SPLIT_TITLES[self.protocol][0]}, seed {self.seed}"


def lab_config(protocol: str, seed: int, dataset: LesionDataset) -> TrainConfig:
    """The improved CNN without its augmentation, for a few epochs: it averages its weights, so that chance has less
    of a say than in the described one. All but protocol and seed is the same for all, the number of steps included:
    an oversampled epoch has several times the rows, so there are fewer of them.
    """
    config = recipe_config("improved", "cnn", epochs=_EPOCHS, augmentation="none", test_time_augmentation="none",
                           split=protocol, seed=seed).replace(recipe=RECIPE)
    if protocol != "oversample":
        return config
    more = steps_an_epoch(config, dataset) / steps_an_epoch(config.replace(split="lesion"), dataset)
    return config.replace(epochs=max(1, round(_EPOCHS / more)))


def cells(dataset: LesionDataset, protocols: Iterable[str], seeds: Iterable[int]) -> list[Cell]:
    """Every training of the measurement in the order they are started: all protocols of a seed, then the next.

    Of several runs of the same a finished one counts, then one that waits or trains, then the newest.
    """
    own: dict[str, list[Run]] = {}
    for run in store.find_runs().runs:  # newest first
        if run.record.get("data", {}).get("fingerprint") == dataset.fingerprint:
            own.setdefault(run.record.get("config_fingerprint", ""), []).append(run)
    protocols = list(protocols)
    return [Cell(protocol, seed, _best(own.get(lab_config(protocol, seed, dataset).fingerprint, [])))
            for seed in seeds for protocol in protocols]


def _best(runs: list[Run]) -> Run | None:
    def place(run: Run) -> int:
        return 0 if run.state == "done" and run.has_model else 1 if run.live else 2

    return min(runs, key=place, default=None)


def live_lab_runs() -> list[Run]:
    """Those that wait or train, of every data set and seed; next first."""
    return sorted((run for run in store.find_runs().runs if run.live and TAG in run.notes.tags),
                  key=lambda run: (run.state != "running", run.status.order))


def lab_is_live() -> bool:
    """Whether the lab follows runs of its own, so that the page's frame does not: one timer a page."""
    return bool(live_lab_runs())


def start(wanted: list[Cell], dataset: LesionDataset) -> None:
    """Queues what was never started and takes up what did not finish. Raises StoreError; what is queued by then stays.
    """
    for cell in wanted:
        if cell.run is None:
            run = engine.submit(lab_config(cell.protocol, cell.seed, dataset), dataset.record)
            store.write_notes(run, title=f"Leakage lab: {cell.title[:1].lower()}{cell.title[1:]}", tags=(TAG,))
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
