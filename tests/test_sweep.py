"""Sweeps without a page: values, plans, the driver, pruning, promotion, and what a kill leaves."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ham import engine, store
from ham.config import ConfigError, StoreError, recipe_config
from ham.data import LesionDataset
from ham.engine import EngineSettings, Estimate
from ham.lab import sweep as lab
from ham.lab.sweep import Driver, Drivers, Plan, Sweep, Values, make_plan, parse_values
from ham.lab.sweep import driver as driver_module
from ham.lab.sweep.folder import change, driver_lock
from ham.store import Run
from tests import light
from tests.run_factory import DATA, history_row
from tests.test_engine import hold, wait_for, worker_processes

ROOT = Path(__file__).parents[1]
SMALL = {f"filters_{i}": 3 for i in range(1, 7)} | {"units_1": 8, "units_2": 8}


@pytest.fixture(autouse=True)
def fresh(ham_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No probe, and an interrupted run is taken up at the next look."""
    monkeypatch.setattr(engine, "estimate", lambda config, data: None)
    monkeypatch.setattr(driver_module, "INTERRUPTED_SECONDS", 0.0)


@pytest.fixture
def light_training(monkeypatch: pytest.MonkeyPatch) -> None:
    light.train_lightly(monkeypatch)


def plan_of(*vary: str, name: str = "fast", epochs: int = 4, **more: object) -> Plan:
    space = tuple(parse_values("cnn", text) for text in vary or ("dropout=lin:0.1:0.5",))
    fixed = {"epochs": epochs, **SMALL} | dict(more.pop("fixed", {}))
    return make_plan(name, "cnn", "described", space, fixed=fixed, **more)


def sweep_of(*vary: str, data: dict = DATA, **more: object) -> Sweep:
    return lab.create_sweep(plan_of(*vary, **more), dict(data))


def result_of(sweep: Sweep) -> lab.SweepResult:
    return lab.read_result(lab.read_sweep(sweep.name), store.list_runs())


def runs_of(sweep: Sweep) -> dict[tuple[int, int], Run]:
    return lab.runs_of(sweep, store.list_runs())


def trains(run: Run, scores: list[float], best: int | None = None, state: str = "running") -> None:
    """The run's epochs until now have these balanced accuracies on validation."""
    for epoch in range(run.status.epoch + 1, len(scores) + 1):
        row = {"validation_balanced_accuracy": scores[epoch - 1]}
        store.append_history(run, history_row(epoch, **row))
    best = best or max(range(len(scores)), key=scores.__getitem__) + 1
    store.write_status(
        store.read_run(run.id),
        state=state,
        epoch=len(scores),
        best_epoch=best,
        started=1.0,
    )


def finishes(sweep: Sweep, driver: Driver, number: int, scores: list[float], **how: object) -> None:
    """The trial's runs, each with these scores."""
    driver.step()
    for (trial, _), run in runs_of(sweep).items():
        if trial == number:
            trains(run, scores, state="done", **how)
    driver.step()


def drive(sweep: Sweep, home: Path, looks: int = 200) -> Sweep:
    """To its end, in this process, each run trained as soon as it waits."""
    drivers = Drivers()
    for _ in range(looks):
        drivers.look("here")
        assert drivers.problems == {}
        if lab.read_sweep(sweep.name).state != "running":
            drivers.stop()
            return lab.read_sweep(sweep.name)
        engine.work(str(home), "here")
    raise AssertionError(f"not done: {lab.sweep_in_words(result_of(sweep))}")


# --------------------------------------------------------------------------------- space


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("batch_size=32,64, 128,64", Values("batch_size", "list", (32, 64, 128))),
        ("optimizer=adam,sgd", Values("optimizer", "list", ("adam", "sgd"))),
        ("dropout=0,0.5", Values("dropout", "list", (0.0, 0.5))),
        ("dropout=lin:0.1:0.5", Values("dropout", "linear", (), 0.1, 0.5)),
        ("learning_rate=log:1e-4:1e-2", Values("learning_rate", "log", (), 1e-4, 1e-2)),
        ("learning_rate=log:1e-4:1e-2:3", Values("learning_rate", "log", (), 1e-4, 1e-2, 3)),
    ],
)
def test_values_are_written_as_a_list_or_a_range(text: str, values: Values) -> None:
    assert parse_values("cnn", text) == values


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("wings=1,2", "cnn has"),
        ("units_3=8,16", "cnn has"),  # the LSTM's
        ("batch_size", "names no setting and its values"),
        ("batch_size=32", "fewer than two"),
        ("batch_size=2,32", "from 4 to 1024"),
        ("batch_size=32,many", "from 4 to 1024"),
        ("batch_size=lin:32.5:64", "from 4 to 1024"),
        ("filters_5=3,4", "multiple of 3"),
        ("optimizer=adam,magic", "one of adam"),
        ("optimizer=lin:1:2", "they are words"),
        ("dropout=lin:0.1", "it is no range"),
        ("dropout=cubic:0.1:0.5", "it is no range"),
        ("dropout=lin:0.1:0.5:1", "it is no range"),
        ("dropout=lin:0.1:0.5:2.5", "it is no range"),
        ("dropout=lin:0.1:0.5:501", "2 to 500"),
        ("dropout=lin:0.5:0.1", "begins at 0.5"),
        ("dropout=lin:0.1:1.5", "from 0 to 0.9"),
        ("dropout=lin:nan:0.5", "from 0 to 0.9"),
        ("dropout=log:0:0.5", "cannot begin at 0"),
        ("filters_5=log:3:30", "multiples of 3"),
    ],
)
def test_values_that_a_setting_does_not_take_are_told_with_what_it_takes(
    text: str, why: str
) -> None:
    with pytest.raises(ConfigError, match=why):
        parse_values("cnn", text)


def test_a_range_is_cut_into_values_of_the_settings_own_type() -> None:
    def values(text: str) -> tuple[object, ...] | None:
        return lab.listed("cnn", parse_values("cnn", text))

    assert values("learning_rate=log:1e-4:1e-2:3") == (1e-4, 1e-3, 1e-2)
    assert values("dropout=lin:0.1:0.5:3") == (0.1, 0.3, 0.5)
    assert values("batch_size=log:32:128:3") == (32, 64, 128)
    assert values("filters_5=lin:3:9") == (3, 6, 9)
    assert values("dropout=lin:0.1:0.5") is None
    assert values("seed=lin:0:1000000") is None  # too many to list


def test_settings_that_cannot_be_trained_together_are_told_before_anything_starts() -> None:
    with pytest.raises(ConfigError, match="must be at most 0.7"):
        plan_of("validation_fraction=0.1,0.4", "test_fraction=0.1,0.4")
    with pytest.raises(ConfigError, match="fold = 9 must be less than 5"):
        plan_of("fold=lin:0:9", "test_fraction=0.1,0.2")
    with pytest.raises(ConfigError, match="needs another epoch_kept"):
        plan_of("early_stopping_patience=0,5", fixed={"epoch_kept": "last"})
    assert plan_of("fold=lin:0:4", "test_fraction=0.1,0.2", trials=10).runs == 10


# ---------------------------------------------------------------------------------- plan


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"name": "two words"}, "must be one word"),
        ({"name": ""}, "must be one word"),
        ({"name": "../up"}, "must be one word"),
        ({"name": "x" * 25}, "at most 24"),
        ({"name": "dot."}, "it is no word"),
        ({"method": "magic"}, "grid"),
        ({"objective": "test_accuracy"}, "balanced_accuracy, accuracy, loss"),
        ({"trials": 0}, "from 1 to 500"),
        ({"trials": 501}, "from 1 to 500"),
        ({"seeds": 11}, "from 1 to 10"),
        ({"fixed": {"dropout": 0.2}}, "one of these only"),
        ({"method": "grid"}, "too many values to list"),
        ({"fixed": {"split": "published"}}, "it validates on the test images"),
        ({"vary": ("split=lesion,published",), "trials": 2}, "it validates on the test images"),
    ],
)
def test_a_plan_that_cannot_be_done_is_told(more: dict, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        plan_of(*more.pop("vary", ()), **more)


def test_a_plan_names_a_space_of_its_own_size() -> None:
    with pytest.raises(ConfigError, match="varies no setting"):
        make_plan("fast", "cnn", "described", ())
    with pytest.raises(ConfigError, match="varied twice"):
        plan_of("dropout=0.1,0.2", "dropout=0.3,0.4")
    with pytest.raises(ConfigError, match="only 3 combinations"):
        plan_of("batch_size=16,32,64", method="random", trials=4)
    with pytest.raises(ConfigError, match="it has so many trials, not 5"):
        plan_of("batch_size=16,32,64", method="grid", trials=5)
    with pytest.raises(ConfigError, match="Vary other settings"):
        plan_of("seed=1,2", trials=2, seeds=2)
    with pytest.raises(ConfigError, match="recipe"):
        make_plan("fast", "cnn", "magic", (parse_values("cnn", "dropout=0,0.1"),))
    with pytest.raises(ConfigError, match="model"):
        make_plan("fast", "oracle", "described", ())
    assert plan_of("batch_size=16,32,64", "dropout=0.1,0.2", method="grid").trials == 6


def test_a_plan_says_what_it_does_and_what_its_scores_are_worth() -> None:
    plan = plan_of("learning_rate=log:1e-4:1e-2", "fold=0,1", trials=8, seeds=2)
    assert plan.words == (
        "CNN, as described, 8 trials of 2 seeds by TPE over learning rate and fold"
    )
    assert plan.space_in_words() == [
        "Learning rate: 0.0001 to 0.01, logarithmic",
        "Fold: 0, 1",
    ]
    assert plan.notes == [
        "With another fold a trial is validated on other images: the scores compare roughly."
    ]
    assert plan_of().notes == []


def test_every_seed_of_a_trial_is_a_run_with_the_trials_settings() -> None:
    plan = plan_of("dropout=0.1,0.2", "batch_size=16,32", trials=2, seeds=3, fixed={"seed": 5})
    configs = plan.configs({"dropout": 0.2, "batch_size": 16})
    base = recipe_config("described", "cnn", epochs=4, dropout=0.2, batch_size=16, **SMALL)
    assert configs == [base.replace(seed=seed) for seed in (5, 6, 7)]


def test_what_a_sweep_takes_is_said_by_its_typical_trial(
    monkeypatch: pytest.MonkeyPatch, small_dataset: LesionDataset
) -> None:
    plan = plan_of("learning_rate=log:1e-4:1e-2", "batch_size=16,32,64", trials=6, seeds=2)
    config = lab.typical(plan)
    assert (config.learning_rate, config.batch_size) == (1e-3, 32)
    assert lab.time_of(plan, small_dataset, []) == lab.SweepTime(None, measuring=True)
    monkeypatch.setattr(engine, "estimate", lambda config, data: Estimate(2.0, 10.0))
    assert lab.time_of(plan, small_dataset, []).seconds == 12 * 10.0
    engine.save_settings(EngineSettings(workers=2))
    assert lab.time_of(plan, small_dataset, []).seconds == 6 * 10.0
    monkeypatch.setattr(engine, "estimate", lambda config, data: Estimate(problem="no"))
    assert lab.time_of(plan, small_dataset, []) == lab.SweepTime(None)


# --------------------------------------------------------------------------------- folder


def test_a_name_is_taken_once_in_whatever_capitals() -> None:
    sweep_of(name="fast")
    with pytest.raises(StoreError, match="there already"):
        sweep_of(name="FAST")


def test_a_sweep_that_cannot_be_read_hides_no_other_and_says_why() -> None:
    good, damaged = sweep_of(name="good"), sweep_of(name="damaged")
    (damaged.folder / "sweep.json").write_text('{"format": 1}')
    found = lab.find_sweeps()
    assert [one.name for one in found.sweeps] == ["good"]
    assert "its id is missing" in found.problems[0].error.why
    with pytest.raises(StoreError, match="cannot be read"):
        lab.read_sweep("damaged")
    with pytest.raises(StoreError, match="no such sweep"):
        lab.read_sweep("gone")
    Driver(good).step()
    good.journal.write_text("no journal\nat all\n")
    drivers = Drivers()
    drivers.look()
    assert "its journal.log cannot be read" in drivers.problems["good"].why
    drivers.stop()


def test_one_process_at_a_time_drives_a_sweep() -> None:
    sweep, first, second = sweep_of(trials=2), Drivers(), Drivers()
    first.look()
    second.look()
    assert len(store.list_runs()) == 1
    assert driver_lock(sweep) is None
    first.stop()
    finishes(sweep, Driver(sweep), 0, [0.5])
    second.look()
    assert len(store.list_runs()) == 2
    second.stop()


# ---------------------------------------------------------------------------- suggestions


def suggestions(sweep: Sweep) -> list[dict[str, object]]:
    return [trial.study.params for trial in result_of(sweep).trials]


def played(
    name: str, method: str, trials: int, kill_after: int | None = None
) -> list[dict[str, object]]:
    """The settings of trials that score their dropout; after `kill_after` of them another process
    goes on.
    """
    sweep = sweep_of(
        "dropout=lin:0.1:0.5",
        "learning_rate=log:1e-4:1e-2",
        name=name,
        method=method,
        trials=trials,
    )
    driver = Driver(sweep)
    for number in range(trials):
        if number == kill_after:
            driver = Driver(sweep)
        driver.step()
        dropout = suggestions(sweep)[number]["dropout"]
        finishes(sweep, driver, number, [dropout])
    return suggestions(sweep)


def test_the_same_seed_suggests_the_same_settings_whoever_asks_and_after_a_kill_too() -> None:
    whole = played("whole", "tpe", 8)
    assert played("again", "tpe", 6, kill_after=5) == whole[:6]
    assert len({params["dropout"] for params in whole}) == 8
    assert all(0.1 <= params["dropout"] <= 0.5 for params in whole)
    assert all(1e-4 <= params["learning_rate"] <= 1e-2 for params in whole)
    assert all(len(f"{params['dropout']:g}") <= 6 for params in whole)  # as people write them
    drawn = played("random", "random", 4)
    assert played("drawn", "random", 3, kill_after=1) == drawn[:3]
    before = [params["dropout"] for params in whole[:4]]
    after = [params["dropout"] for params in whole[4:]]
    assert sum(after) / 4 > sum(before) / 4  # more dropout scores more here


def test_a_grid_is_every_combination_once_in_order() -> None:
    sweep = sweep_of("batch_size=16,32", "dropout=lin:0.1:0.3:3", method="grid")
    driver = Driver(sweep)
    for number in range(6):
        finishes(sweep, driver, number, [0.5])
    assert [tuple(params.values()) for params in suggestions(sweep)] == [
        (16, 0.1),
        (16, 0.2),
        (16, 0.3),
        (32, 0.1),
        (32, 0.2),
        (32, 0.3),
    ]
    assert lab.read_sweep(sweep.name).state == "done"


@pytest.mark.parametrize("method", ["random", "tpe"])
def test_no_two_trials_are_the_same_and_a_small_space_is_emptied(method: str) -> None:
    sweep = sweep_of("batch_size=16,32", "dropout=0.1,0.2,0.3", method=method, trials=6)
    driver = Driver(sweep)
    for number in range(6):
        finishes(sweep, driver, number, [0.5])
    assert len({tuple(params.values()) for params in suggestions(sweep)}) == 6


# -------------------------------------------------------------------------------- driver


def test_a_trials_run_is_an_ordinary_one_with_the_sweeps_tag_and_its_place() -> None:
    sweep = sweep_of("dropout=lin:0.1:0.5", seeds=2, trials=3)
    Driver(sweep).step()
    first, second = (runs_of(sweep)[0, place] for place in (0, 1))
    assert (first.state, first.config.seed, second.config.seed) == ("queued", 0, 1)
    assert first.notes.tags == second.notes.tags == ("fast",)
    assert (first.notes.title, second.notes.title) == (
        "fast, trial 0, seed 0",
        "fast, trial 0, seed 1",
    )
    assert first.record.trial.sweep == "fast"
    assert first.config.replace(seed=1) == second.config
    assert (first.config.epochs, first.withheld) == (4, True)
    assert len(store.list_runs()) == 2  # TPE waits for what they say
    # to who wants scores it is none that was trained before
    assert store.trained_before(first.config, DATA["fingerprint"], store.list_runs()) is None


def test_what_does_not_depend_on_results_waits_ready_and_only_one_of_it() -> None:
    sweep = sweep_of(method="random", trials=9)
    Driver(sweep).step()
    assert len(store.list_runs()) == 2
    engine.save_settings(EngineSettings(workers=3))
    Driver(sweep).step()
    assert len(store.list_runs()) == 4


def test_a_trial_scores_the_mean_over_its_seeds_at_the_epochs_that_they_keep() -> None:
    sweep = sweep_of(seeds=2, trials=1)
    driver = Driver(sweep)
    driver.step()
    first, second = (runs_of(sweep)[0, place] for place in (0, 1))
    trains(first, [0.3, 0.5])
    driver.step()
    [trial] = result_of(sweep).trials
    assert (trial.state, trial.study.scores) == ("running", {1: 0.3, 2: 0.5})
    trains(store.read_run(first.id), [0.3, 0.5, 0.4], best=2, state="done")
    trains(second, [0.1, 0.2, 0.6], best=3, state="done")
    assert driver.step().state == "done"
    [trial] = result_of(sweep).trials
    assert trial.state == "complete"
    assert trial.study.value == pytest.approx((0.5 + 0.6) / 2)
    assert trial.study.scores == pytest.approx({1: 0.2, 2: 0.35, 3: 0.5})


def test_a_trial_whose_run_fails_or_is_cancelled_by_hand_has_failed_and_the_next_one_comes() -> (
    None
):
    sweep = sweep_of(trials=3)
    driver = Driver(sweep)
    driver.step()
    why = {"what": "Epoch 1", "why": "the loss is not a number.", "todo": "Smaller steps."}
    store.write_status(runs_of(sweep)[0, 0], state="failed", error=why)
    driver.step()
    engine.cancel(runs_of(sweep)[1, 0])
    driver.step()
    finishes(sweep, driver, 2, [0.5])
    result = result_of(sweep)
    assert [(t.state, t.study.why) for t in result.trials] == [
        ("failed", "the loss is not a number."),
        ("failed", "its run was cancelled."),
        ("complete", ""),
    ]
    assert lab.sweep_in_words(result) == "3 of 3 trials have ended: 1 complete, 2 failed."
    assert lab.read_sweep("fast").state == "done"


def test_the_median_prunes_what_is_worse_than_half_of_the_complete_trials_at_its_epoch() -> None:
    """Five complete trials have 0.1, 0.2, 0.3, 0.4, 0.5 at epoch 2: the median is 0.3."""
    sweep = sweep_of(trials=8)
    driver = Driver(sweep)
    for number, at_two in enumerate([0.1, 0.2, 0.3, 0.4, 0.5]):
        finishes(sweep, driver, number, [0.05, at_two, 0.6, 0.6])
    driver.step()
    better = runs_of(sweep)[5, 0]
    trains(better, [0.0])  # nobody is pruned in the first epoch
    driver.step()
    trains(store.read_run(better.id), [0.0, 0.31])
    driver.step()
    assert not store.cancel_requested(store.read_run(better.id))
    finishes(sweep, driver, 5, [0.0, 0.31, 0.7, 0.7])
    driver.step()
    worse = runs_of(sweep)[6, 0]
    # of six now: the median of 0.1, 0.2, 0.3, 0.31, 0.4, 0.5 is 0.305
    trains(worse, [0.0, 0.304])
    driver.step()
    assert result_of(sweep).trials[6].state == "pruned"
    assert store.read_run(worse.id).state in ("running", "interrupted", "cancelled")
    if store.read_run(worse.id).state != "cancelled":
        assert store.cancel_requested(store.read_run(worse.id))
    assert lab.sweep_in_words(result_of(sweep)) == (
        "7 of 8 trials have ended: 6 complete, 1 pruned."
    )


def test_without_pruning_every_trial_trains_to_its_end() -> None:
    sweep = sweep_of(trials=6, pruning=False)
    driver = Driver(sweep)
    for number in range(5):
        finishes(sweep, driver, number, [0.5, 0.5, 0.5])
    driver.step()
    trains(runs_of(sweep)[5, 0], [0.0, 0.0, 0.0])
    driver.step()
    assert result_of(sweep).trials[5].state == "running"


def test_the_loss_is_minimized_and_the_best_so_far_follows_it() -> None:
    sweep = sweep_of(trials=3, objective="loss")
    driver = Driver(sweep)
    for number, loss in enumerate([0.9, 0.7, 0.8]):
        driver.step()
        run = runs_of(sweep)[number, 0]
        store.append_history(run, history_row(1, validation_loss=loss))
        store.write_status(run, state="done", epoch=1, best_epoch=1)
        driver.step()
    result = result_of(sweep)
    assert result.best.number == 1
    assert result.best_so_far == [(0, 0.9), (1, 0.7), (2, 0.7)]


def test_the_setting_that_decides_has_all_the_importance() -> None:
    sweep = sweep_of("dropout=lin:0.1:0.5", "batch_size=16,32", method="random", trials=10)
    driver = Driver(sweep)
    for number in range(10):
        if number == 3:
            assert result_of(sweep).importance == {}  # too few to tell
        driver.step()
        finishes(sweep, driver, number, [suggestions(sweep)[number]["dropout"]])
    importance = result_of(sweep).importance
    assert list(importance) == ["dropout", "batch_size"]
    assert sum(importance.values()) == pytest.approx(1)
    assert importance["dropout"] > 0.8


# ------------------------------------------------------------------------- stop and resume


def test_a_stop_cancels_what_trains_and_a_resume_goes_on_with_the_same_runs() -> None:
    sweep = sweep_of(seeds=2, trials=2)
    driver = Driver(sweep)
    driver.step()
    before = {run.id for run in store.list_runs()}
    sweep = lab.stop_sweep(sweep)
    assert {run.state for run in store.list_runs()} == {"cancelled"}
    assert set(sweep.record.paused) == before
    assert driver.step().state == "stopped"
    assert [trial.study.state for trial in result_of(sweep).trials] == ["running"]
    lab.resume_sweep(sweep)
    driver.step()
    assert {(run.id, run.state) for run in store.list_runs()} == {(i, "queued") for i in before}
    assert lab.read_sweep("fast").record.paused == ()
    finishes(sweep, driver, 0, [0.5])
    finishes(sweep, driver, 1, [0.6])
    assert lab.read_sweep("fast").state == "done"
    for verb in (lab.stop_sweep, lab.resume_sweep):
        with pytest.raises(StoreError, match="done already|have ended"):
            verb(sweep)


def test_a_run_that_appears_while_the_sweep_is_stopped_is_stopped_too() -> None:
    """The driver was just submitting it in another process."""
    sweep = sweep_of(trials=2)
    change(sweep, lambda record: record.__class__(**{**_fields(record), "state": "stopped"}))
    Driver(sweep)._submit(0, 0, sweep.plan.configs({"dropout": 0.2})[0])
    Driver(sweep).step()
    [run] = store.list_runs()
    assert run.state == "cancelled"
    assert lab.read_sweep("fast").record.paused == (run.id,)


def _fields(record: object) -> dict[str, object]:
    return {name: getattr(record, name) for name in record.__struct_fields__}


# ------------------------------------------------------------------------ kills, in pieces


def ask_and_die(sweep: Sweep, monkeypatch: pytest.MonkeyPatch, submitted: int) -> None:
    """A driver that dies after so many runs of a new trial."""

    class Killed(BaseException):
        pass

    submit, done = engine.submit, []

    def dying(*arguments: object, **more: object) -> Run:
        if len(done) == submitted:
            raise Killed
        done.append(submit(*arguments, **more))
        return done[-1]

    with monkeypatch.context() as patched:
        patched.setattr(engine, "submit", dying)
        with pytest.raises(Killed):
            Driver(sweep).step()


@pytest.mark.parametrize("submitted", [0, 1])
def test_a_driver_that_dies_between_the_trial_and_its_runs_leaves_a_trial_that_gets_them(
    submitted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = sweep_of(seeds=2, trials=2)
    ask_and_die(sweep, monkeypatch, submitted)
    assert len(store.list_runs()) == submitted
    before = {run.id for run in store.list_runs()}
    for _ in range(3):
        Driver(sweep).step()
    assert sorted(runs_of(sweep)) == [(0, 0), (0, 1)]
    assert before <= {run.id for run in store.list_runs()}
    assert len(store.list_runs()) == 2


def test_a_line_of_the_journal_that_was_cut_short_did_not_happen_and_is_told_again() -> None:
    sweep = sweep_of(trials=1)
    driver = Driver(sweep)
    driver.step()
    whole = sweep.journal.read_bytes()
    finishes(sweep, driver, 0, [0.4, 0.5])
    said = sweep.journal.read_bytes()
    change(sweep, lambda record: record.__class__(**{**_fields(record), "state": "running"}))
    for cut in range(len(whole), len(said), 37):
        sweep.journal.write_bytes(said[:cut])
        assert Driver(sweep).step().state == "done"
        [trial] = lab.Study.opened(sweep).trials()
        assert (trial.state, trial.value) == ("complete", 0.5)
        assert len(store.list_runs()) == 1
        change(sweep, lambda record: record.__class__(**{**_fields(record), "state": "running"}))


def test_a_run_of_a_pruned_trial_that_goes_on_after_a_kill_is_cancelled() -> None:
    sweep = sweep_of(trials=2)
    driver = Driver(sweep)
    driver.step()
    driver._study.prune(0)  # and the process dies before it cancels the run
    Driver(sweep).step()
    assert runs_of(sweep)[0, 0].state == "cancelled"


def test_a_sweep_of_an_old_name_has_none_of_the_old_ones_runs() -> None:
    sweep = sweep_of(trials=1)
    finishes(sweep, Driver(sweep), 0, [0.5])
    for path in sorted(sweep.folder.iterdir()):
        path.unlink()
    sweep.folder.rmdir()
    again = sweep_of(trials=1)
    assert runs_of(again) == {}


# ------------------------------------------------------------------- trained, not pretended


def test_trials_train_on_validation_alone_until_one_is_promoted(
    ham_home: Path, light_training: None, small_dataset: LesionDataset
) -> None:
    sweep = sweep_of(
        "batch_size=16,32,64", method="grid", objective="loss", data=small_dataset.record
    )
    done = drive(sweep, ham_home)
    result = result_of(done)
    assert [trial.state for trial in result.trials] == ["complete"] * 3
    for run in runs_of(sweep).values():
        assert (run.state, run.has_model, run.scores) == ("done", False, None)
        assert store.read_history(run)["epoch"].tolist() == [1, 2, 3, 4]
        left = {path.name for path in run.folder.iterdir()}
        assert not left & {"predictions.npz", "model.keras"}
        with pytest.raises(StoreError, match="missing"):
            store.read_predictions(run)
    assert store.find_runs().models == store.reference_runs()
    kept = {run.id: store.read_history(run) for run in runs_of(sweep).values()}
    best = result.best.number
    assert best == 0  # the smallest batches: most steps
    looked = lab.looks_in_words(result)
    assert "Nobody has looked" in looked

    promoted, number = lab.promote(done, now=1000.0)
    assert (number, [run.state for run in result_of(promoted).trials[0].runs]) == (0, ["queued"])
    assert lab.promote(promoted)[0].record.promoted == promoted.record.promoted  # asked twice
    assert engine.work(str(ham_home), "here").trained == 1
    run = runs_of(sweep)[0, 0]
    assert (run.state, run.has_model) == ("done", True)
    assert (run.record.trial.promoted, run.record.trial.looks) == (1000.0, 1)
    assert run.record.evaluation.n_images == run.record.split.n_test
    assert store.read_history(run).equals(kept[run.id])  # it was not trained again
    assert not (run.folder / "checkpoint").exists()
    assert lab.looks_in_words(result_of(sweep)) == (
        "The test images were looked at once, for trial 0."
    )
    store.write_status(run, ended=run.status.ended + 1e6)  # promoted days after
    assert result_of(sweep).trials[0].seconds < 1e5
    alone = engine.submit(run.config, small_dataset.record)
    engine.work(str(ham_home), "here")
    alone = store.read_run(alone.id)
    assert alone.record.evaluation == run.record.evaluation  # as an ordinary run of its settings

    with pytest.raises(StoreError, match="looked at once before, for trial 0"):
        lab.promote(done, 2)
    knowing, _ = lab.promote(done, 2, again=True)
    assert [one.trial for one in knowing.record.promoted] == [0, 2]
    engine.work(str(ham_home), "here")
    assert runs_of(sweep)[2, 0].record.trial.looks == 2
    assert "looked at 2 times, for trial 0, trial 2" in lab.looks_in_words(result_of(sweep))
    assert runs_of(sweep)[1, 0].withheld


def test_a_promotion_that_a_kill_cut_short_is_finished_and_counted_once(
    ham_home: Path,
    light_training: None,
    small_dataset: LesionDataset,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sweep = sweep_of("dropout=0.1,0.2", method="grid", epochs=1, data=small_dataset.record)
    done = drive(sweep, ham_home)
    with monkeypatch.context() as patched:
        patched.setattr("ham.lab.sweep.promotion.finish_promotions", lambda sweep: None)
        lab.promote(done)
    assert all(run.withheld for run in runs_of(sweep).values())
    drivers = Drivers()
    drivers.look()
    drivers.look()
    # a worker takes it up and everything is killed
    store.write_status(runs_of(sweep)[0, 0], state="running", owner="gone.1")
    Drivers().look()
    assert runs_of(sweep)[0, 0].state == "queued"
    assert engine.work(str(ham_home), "here").trained == 1
    drivers.look()
    assert runs_of(sweep)[0, 0].record.trial.looks == 1
    assert runs_of(sweep)[0, 0].scores
    assert len(lab.read_sweep("fast").record.promoted) == 1


def test_a_sweep_that_goes_on_or_has_no_such_trial_promotes_nothing() -> None:
    sweep = sweep_of(trials=3)
    with pytest.raises(StoreError, match="still goes on"):
        lab.promote(sweep)
    driver = Driver(sweep)
    driver.step()
    stopped = lab.stop_sweep(sweep)
    with pytest.raises(StoreError, match="no complete trial"):
        lab.promote(stopped)
    lab.resume_sweep(sweep)
    finishes(sweep, driver, 0, [0.5])
    stopped = lab.stop_sweep(sweep)
    with pytest.raises(StoreError, match="no such trial that is complete"):
        lab.promote(stopped, 1)
    store.delete_run(runs_of(sweep)[0, 0])
    with pytest.raises(StoreError, match="its run was deleted"):
        lab.promote(stopped)
    with pytest.raises(StoreError, match="belongs to no sweep"):
        engine.promote(store.write_status(_ordinary(), state="done"), 1)


def _ordinary() -> Run:
    return engine.submit(recipe_config("described", "cnn"), dict(DATA))


# ------------------------------------------------------------------ kills, with real signals

DRIVEN = f"""
import sys, time
sys.path.insert(0, {str(ROOT)!r})
from ham.engine import Engine, processes
from ham.lab.sweep import Drivers, driver
processes.WORKER = {light.WORKER!r}
driver.INTERRUPTED_SECONDS = 0.5
Engine(beside=Drivers().look).start()
print("started", flush=True)
time.sleep(600)
"""


@pytest.fixture
def started(ham_home: Path) -> Iterator[Callable[[], subprocess.Popen]]:
    """Servers with an engine that drives sweeps, ended with all that they leave behind."""
    processes = []

    def start() -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", DRIVEN],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        processes.append(process)
        assert process.stdout.readline() == "started\n"
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()
    for worker in worker_processes(ham_home):
        worker.kill()


def test_everything_killed_and_started_again_ends_with_exactly_the_planned_trials(
    started: Callable[[], subprocess.Popen], small_dataset: LesionDataset
) -> None:
    sweep = sweep_of(trials=4, data=small_dataset.record, pruning=False)
    held, server = hold(), started()
    wait_for(lambda: any(run.status.epoch >= 2 for run in store.list_runs()), "the first to train")
    [worker] = worker_processes()
    worker.kill()  # the worker alone: its engine starts another
    wait_for(lambda: any(run.status.attempts == 2 for run in store.list_runs()), "the next worker")
    for process in (server, *worker_processes()):  # and all of them, as when the power goes
        process.kill()
    server.wait()
    before = {run.id for run in store.list_runs()}
    held.unlink()
    started()
    wait_for(lambda: lab.read_sweep("fast").state == "done", "the end of the sweep")
    result = result_of(sweep)
    assert [trial.state for trial in result.trials] == ["complete"] * 4
    assert sorted(runs_of(sweep)) == [(number, 0) for number in range(4)]
    assert before <= {run.id for run in store.list_runs()}
    assert len(store.list_runs()) == 4
    for run in store.list_runs():
        assert (run.state, run.has_model) == ("done", False)
        assert store.read_history(run)["epoch"].tolist() == [1, 2, 3, 4]
