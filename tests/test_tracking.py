"""MLflow: what a training tells it, and that no training waits for it or fails because of it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from ham import store
from ham.config import TrainConfig
from ham.data import LesionDataset
from ham.store import Run
from ham.training import tracking, train
from tests import light

URI = "http://me:secret@tracking.example"


class Server:
    """What MLflow's client is asked, in the place of the client."""

    def __init__(self) -> None:
        self.earlier: list[SimpleNamespace] = []
        self.created: list[tuple[str, dict]] = []
        self.settings: dict[str, str] = {}
        self.metrics: dict[str, list[tuple[int, float]]] = {}
        self.files: list[str] = []
        self.ends: list[str] = []

    def get_experiment_by_name(self, name: str) -> None:
        assert name == "HAM Lab"

    def create_experiment(self, name: str, artifact_location: str | None) -> str:
        assert artifact_location is None, "a server decides for itself"
        return "7"

    def search_runs(self, experiments: list[str], words: str, max_results: int) -> list:
        assert experiments == ["7"]
        return [run for run in self.earlier if f"'{run.tag}'" in words]

    def create_run(self, experiment: str, tags: dict, run_name: str) -> SimpleNamespace:
        self.created.append((run_name, tags))
        return SimpleNamespace(info=SimpleNamespace(run_id="there"))

    def update_run(self, run_id: str, status: str) -> None:
        assert (run_id, status) == ("before", "RUNNING")

    def log_batch(self, run_id: str, metrics: tuple = (), params: tuple = ()) -> None:
        self.settings |= dict(params)
        for name, value, _, step in metrics:
            self.metrics.setdefault(name, []).append((step, value))

    def log_artifact(self, run_id: str, path: str) -> None:
        self.files.append(Path(path).name)

    def set_terminated(self, run_id: str, status: str) -> None:
        self.ends.append(f"{run_id} {status}")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable], None]:
    """`server(client)`: an mlflow that is installed, named by the environment, and gives that."""

    def install(client: Callable[[], object]) -> None:
        module, entities = ModuleType("mlflow"), ModuleType("mlflow.entities")
        module.__spec__ = ModuleSpec("mlflow", None)
        module.MlflowClient, module.entities = client, entities
        entities.Metric = entities.Param = lambda *values: values
        monkeypatch.setitem(sys.modules, "mlflow", module)
        monkeypatch.setitem(sys.modules, "mlflow.entities", entities)
        monkeypatch.setenv("MLFLOW_TRACKING_URI", URI)
        for name in tracking._DEFAULTS:  # what the training sets is taken back after the test
            monkeypatch.setenv(name, "")
            monkeypatch.delenv(name)
        light.train_lightly(monkeypatch)

    return install


def trained(small_dataset: LesionDataset, run: Run | None = None) -> tuple[Run, list[str]]:
    """A run of two epochs, and what its log says of MLflow."""
    config = TrainConfig(epochs=2, seed=5)
    run = run or store.create_run(config, small_dataset.record)
    with store.claim(run):
        run = train(config, small_dataset, run=run)
    assert run.state == "done"
    return run, [line for line in store.read_log(run).splitlines() if "MLflow" in line]


def test_settings_epochs_scores_and_files_are_told(server, small_dataset) -> None:
    seen = Server()
    server(lambda: seen)
    run, said = trained(small_dataset)
    assert said == []
    [(title, tags)] = seen.created
    assert title == run.title
    assert tags[tracking.TAG] == run.id
    assert tags["ham_lab.data_fingerprint"] == small_dataset.fingerprint
    assert seen.settings["seed"] == "5"
    assert seen.settings["filters_1"] == str(run.config.model_settings["filters_1"])
    history = store.read_history(run)
    assert seen.metrics["validation_loss"] == [
        (1, history["validation_loss"][0]),
        (2, history["validation_loss"][1]),
    ]
    score = run.scores["balanced_accuracy"]
    best = run.status.best_epoch
    assert seen.metrics["test_balanced_accuracy"] == [(best, score.value)]
    assert seen.metrics["test_balanced_accuracy_low"] == [(best, score.low)]
    assert seen.files == ["config.json", "history.csv", "model.keras"]
    assert seen.ends == ["there FINISHED"]


def test_a_training_that_is_taken_up_again_goes_on_in_its_run_there(server, small_dataset) -> None:
    seen = Server()
    server(lambda: seen)
    run = store.create_run(TrainConfig(epochs=2, seed=5), small_dataset.record)
    seen.earlier = [SimpleNamespace(tag=run.id, info=SimpleNamespace(run_id="before"))]
    trained(small_dataset, run)
    assert seen.created == []
    assert seen.ends == ["before FINISHED"]


def test_a_server_that_is_away_is_said_once_without_its_password(
    server, small_dataset, caplog: pytest.LogCaptureFixture
) -> None:
    def away() -> None:
        raise OSError(f"no answer from {URI}/api")

    server(away)
    _, [said] = trained(small_dataset)
    assert said.endswith("goes on without: no answer from http://tracking.example/api")
    shown = [record.getMessage() for record in caplog.records]
    assert [words for words in shown if "MLflow" in words] == [said.split("  ", 1)[1]]


def test_a_server_that_does_not_answer_is_not_waited_for(
    server, small_dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = threading.Event()

    class Silent(Server):
        def create_run(self, *arguments: object, **more: object) -> None:
            answers.wait(60)
            raise OSError("too late")

    server(Silent)
    monkeypatch.setattr(tracking, "_WAIT_SECONDS", 0.05)
    _, [said] = trained(small_dataset)
    answers.set()
    assert "it did not answer within 0.05 s" in said


def test_without_mlflow_installed_the_log_says_what_to_install(
    small_dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    light.train_lightly(monkeypatch)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", URI)
    monkeypatch.setattr(tracking.importlib.util, "find_spec", lambda name: None)
    _, [said] = trained(small_dataset)
    assert "pip install mlflow-skinny" in said


def test_a_training_that_fails_is_told_as_failed(
    server, small_dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = Server()
    server(lambda: seen)
    monkeypatch.setattr(light.Model, "_row", lambda self, *arguments: 1 / 0)
    with pytest.raises(Exception, match="ZeroDivisionError"):
        trained(small_dataset)
    assert seen.ends == ["there FAILED"]
    assert "test_accuracy" not in seen.metrics


@pytest.mark.filterwarnings("ignore")  # it uses what its own libraries call old
def test_a_real_mlflow_keeps_it_in_sqlite(
    small_dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ham_home: Path
) -> None:
    """Where requirements-mlflow.txt is installed: MLflow takes 7 s of a core."""
    pytest.importorskip("mlflow", reason="mlflow is not installed")
    from mlflow import MlflowClient

    light.train_lightly(monkeypatch)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    run, said = trained(small_dataset)
    assert said == []
    client = MlflowClient()
    [there] = client.search_runs(
        [client.get_experiment_by_name("HAM Lab").experiment_id],
        f"tags.`{tracking.TAG}` = '{run.id}'",
    )
    assert there.info.status == "FINISHED"
    assert there.data.params["epochs"] == "2"
    assert there.data.metrics["test_accuracy"] == run.scores["accuracy"].value
    losses = client.get_metric_history(there.info.run_id, "loss")
    assert [entry.step for entry in losses] == [1, 2]
    assert {file.path for file in client.list_artifacts(there.info.run_id)} == {
        "config.json",
        "history.csv",
        "model.keras",
    }
    assert (ham_home / "mlflow").is_dir()
