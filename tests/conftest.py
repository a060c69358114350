"""Small invented data in Kaggle's layout, a home of its own for every test, no network."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import functools
import gc
import importlib
import itertools
import logging
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import filelock
import numpy as np
import pytest
from PIL import Image

from benchmarks.build_reference import ship
from ham import config, prediction, store
from ham.config import CLASSES, EngineError, TrainConfig
from ham.data import METADATA_FILE, PIXEL_FILE, LesionDataset, open_dataset
from ham.data import dataset as opened
from ham.images import squash
from ham.models import MODELS
from tests import light

HAM_DATA_AT_START = os.environ.get("HAM_DATA")
#: Images of each class in CLASSES order: 150 in all, every class has several lesions.
SMALL_COUNTS = {"mel": 24, "bcc": 15, "akiec": 12, "nv": 63, "bkl": 18, "vasc": 9, "df": 9}
COLOURS = {
    "mel": (60, 40, 40),
    "bcc": (220, 150, 160),
    "akiec": (200, 110, 60),
    "nv": (150, 110, 80),
    "bkl": (190, 180, 120),
    "vasc": (150, 30, 90),
    "df": (110, 160, 150),
}
SITES = ("back", "face", "lower extremity", "unknown")
_TESTS = itertools.count(1)


def pytest_collection(session: pytest.Session) -> None:
    """Two test processes rewrite the asserts of all files in step, 7 s of a core each where none
    are kept. The second begins with the last file: each then finds half of them done.
    """
    here = Path(__file__).parent
    whole = [Path(name).resolve() for name in session.config.args] == [here]
    if whole and os.environ.get("PYTEST_XDIST_WORKER") == "gw1":
        for path in sorted(here.glob("test_*.py"), reverse=True):
            with contextlib.suppress(ImportError, SyntaxError):  # told when it is collected
                importlib.import_module(path.stem)


@pytest.hookimpl(tryfirst=True)  # before xdist looks at the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if "real_data" in fixtures:
            item.add_marker("real_data")
        if "real_home" in fixtures:  # while one process reads the photographs another would wait
            item.add_marker(pytest.mark.xdist_group("real data"))


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Short ids: 17 MB of one would travel between the test processes again and again."""
    long = isinstance(val, str | bytes) and len(val) > 80
    return f"{argname} of {len(val)}" if long else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line at the end: what was skipped, and why."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(str(report.longrepr[2]).removeprefix("Skipped: ") for report in skipped)
    words = "; ".join(f"{n} because {reason}" for reason, n in reasons.most_common())
    terminalreporter.write_line(f"Skipped: {words or 'nothing'}.")


@pytest.fixture
def tmp_path(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """pytest's own looks through the folders of all tests before for the next free number: of 1,500
    tests in one process, 2.6 s.
    """
    name = re.sub(r"\W", "_", request.node.name)[:30]
    return tmp_path_factory.mktemp(f"{next(_TESTS)}-{name}", numbered=False)


@pytest.fixture(autouse=True)
def ham_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of this test's own, and no data set in use."""
    home = tmp_path / "home"
    monkeypatch.setenv("HAM_HOME", str(home))
    monkeypatch.delenv("HAM_DATA", raising=False)
    return home


@pytest.fixture(autouse=True)
def reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the runs that ship, empty: what really ships disturbs no test of this
    process.
    """
    folder = tmp_path / "reference"
    for module in (store.bundle, store.files, store.runs):
        monkeypatch.setattr(module, "reference_folder", lambda: folder)
    return folder


@pytest.fixture
def really_shipped(reference: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What really ships, after all."""
    for module in (store.bundle, store.files, store.runs):
        monkeypatch.setattr(module, "reference_folder", config.reference_folder)


def no_measure(config: TrainConfig, source: str) -> None:
    raise EngineError("The probe", "tests do without it.", "Ask for it.")


@pytest.fixture(autouse=True)
def few_draws(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Intervals come from 20 draws of lesions, or from all 2,000 where a test says `every_draw`;
    what miscalibration shows by chance from two in place of 50.
    """
    if not request.node.get_closest_marker("every_draw"):
        monkeypatch.setattr("ham.evaluation.decomposition.CHANCE_DRAWS", 2)
        monkeypatch.setattr("ham.evaluation.intervals.RESAMPLES", 20)


@pytest.fixture(autouse=True, scope="session")
def pages_awaited_without_asking() -> Iterator[None]:
    """Streamlit's test driver asks every millisecond whether the page is drawn, and takes the
    interpreter from it each time: a twentieth of a page's time.
    """
    from streamlit.testing.v1 import local_script_runner

    def wait(runner: local_script_runner.LocalScriptRunner, timeout: float = 3) -> None:
        runner._script_thread.join(timeout)
        if not runner.script_stopped():
            runner.request_stop()
            runner.join()
            raise RuntimeError(f"AppTest script run timed out after {timeout}(s)")

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(local_script_runner, "require_widgets_deltas", wait)
        yield


@pytest.fixture(autouse=True, scope="session")
def packages_searched_once() -> Iterator[None]:
    """Streamlit's test driver searches every installed package for components, again for every
    page that it opens: a third of the time of a page.
    """
    from streamlit.components.v2 import manifest_scanner

    search = functools.cache(manifest_scanner.scan_component_manifests)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(manifest_scanner, "scan_component_manifests", search)
        yield


class _StandardErrorNow(logging.StreamHandler):
    """Writes to the standard error of the moment, which differs from test to test."""

    stream = property(lambda self: sys.stderr, lambda self, stream: None)


@pytest.fixture(autouse=True, scope="session")
def log_outlives_its_test() -> Iterator[None]:
    """Each of Streamlit's loggers keeps the standard error that it was made with: in a test that
    captures it, one that is closed when the test ends, and logging writes a traceback ever after.
    """
    from streamlit import logger

    with pytest.MonkeyPatch.context() as monkeypatch:
        lasting = SimpleNamespace(**(vars(logging) | {"StreamHandler": _StandardErrorNow}))
        monkeypatch.setattr(logger, "logging", lasting)
        logger.update_formatter()
        yield


@pytest.fixture(autouse=True, scope="session")
def no_collection_after_every_page() -> Iterator[None]:
    """Streamlit clears Keras' session and collects garbage after every run of a page: half a
    second once a test of this process has imported TensorFlow, four fifths of a page test's time.
    """
    from streamlit.runtime.scriptrunner import script_runner

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(script_runner, "_clean_problem_modules", lambda: None)
        monkeypatch.setattr(script_runner, "gc", SimpleNamespace(collect=lambda generation: 0))
        yield


@functools.cache  # once a process; to ask gc for its count takes as long as the count: 80 ms a test
def _leave_tensorflow_out_of_collections() -> None:
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def no_wait_for_the_disk() -> Iterator[None]:
    """That what was written lies on the disk matters when the power goes, and to no test: some
    milliseconds for each of the thousands of files that tests have written.
    """
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(autouse=True)
def tensorflow_left_out_of_collections() -> Iterator[None]:
    """Keras collects garbage before every training: half a second to go through TensorFlow's own
    objects, which stay.
    """
    yield
    if "tensorflow" in sys.modules:
        _leave_tensorflow_out_of_collections()


@pytest.fixture(autouse=True)
def no_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening the Training page would measure it: half a minute of a core, which outlives the
    test.
    """
    monkeypatch.setattr("ham.engine.probe._measure", no_measure)


@pytest.fixture(autouse=True)
def no_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first page of a server has TensorFlow imported soon: 7 s of a core, in every test
    process.
    """
    monkeypatch.setattr("ham.ui.frame._WARM_UP_SECONDS", 3600.0)


class OpenGate:
    """Takes everything for a lesion: tests draw plain colours."""

    def look(self, pictures: list[np.ndarray]) -> list[prediction.Likeness]:
        return [prediction.Likeness(True, None, 1.0) for _ in pictures]


@pytest.fixture(autouse=True)
def open_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    """test_gate.py is about the real one."""
    monkeypatch.setattr(prediction, "gate", OpenGate)


@pytest.fixture(autouse=True)
def no_engine_left() -> Iterator[None]:
    """An engine that a test leaves watching would train the runs of the tests after it."""
    before = set(threading.enumerate())  # a class of tests may share one
    yield
    left = [t for t in threading.enumerate() if t.name == "ham-engine" and t not in before]
    assert not left, "this test leaves an engine at work: stop it, or patch Engine.start"


@pytest.fixture(autouse=True)
def closed_network(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = socket.socket.connect

    def connect_here_only(self: socket.socket, address: object) -> None:
        if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise OSError(f"tests use no network, and this one asked for {address}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect_here_only)


def write_kaggle_folder(
    folder: Path,
    counts: dict[str, int] | None = None,
    pixels: bool = True,
    jpegs: bool = False,
    jpeg_folders: tuple[str, ...] = ("HAM10000_images_part_1", "HAM10000_images_part_2"),
    size: tuple[int, int] = (40, 30),
    seed: int = 0,
) -> Path:
    """Seeded noise around a colour of each class, in Kaggle's layout.

    A lesion has 1, 2, 3, 1, 2, 3, ... images, which resemble each other. The CSV holds what
    the JPEGs give, so both ways of reading the folder give the same images.
    """
    rng = np.random.default_rng(seed)
    rows, images, lesion = [], [], 0
    for code, count in (counts or SMALL_COUNTS).items():
        of_class = 0
        while of_class < count:
            look = np.array(COLOURS[code]) + rng.normal(0, 15, (4, 4, 3))
            patient = (
                rng.choice(["", "5.0", "45.0", "70.0"]),
                rng.choice(["male", "female", "unknown"]),
                rng.choice(SITES),
            )
            for _ in range(min(1 + lesion % 3, count - of_class)):
                small = Image.fromarray(
                    np.clip(look + rng.normal(0, 5, look.shape), 0, 255).astype(np.uint8)
                )
                images.append(small.resize(size, Image.Resampling.BICUBIC))
                rows.append(
                    (f"LESION_{lesion:04d}", f"TEST_{len(rows):05d}", code, "histo", *patient)
                )
                of_class += 1
            lesion += 1
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / METADATA_FILE, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization"])
        writer.writerows(rows)
    files = [
        folder / jpeg_folders[i % len(jpeg_folders)] / f"{row[1]}.jpg" for i, row in enumerate(rows)
    ]
    squashed = []
    for image, file in zip(images, files, strict=True):
        file.parent.mkdir(exist_ok=True)
        image.save(file, quality=95)
        with Image.open(file) as saved:
            squashed.append(squash(saved))
        if not jpegs:
            file.unlink()
    if pixels:
        kaggle_label = {c.code: c.csv_label for c in CLASSES}
        lines = [",".join([f"pixel{i:04d}" for i in range(2352)] + ["label"])]
        lines += [
            ",".join(map(str, [*image.ravel().tolist(), kaggle_label[row[2]]]))
            for image, row in zip(squashed, rows, strict=True)
        ]
        (folder / PIXEL_FILE).write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def kaggle_folder(tmp_path: Path):
    """`kaggle_folder(name="data", **what)`: write_kaggle_folder in this test's own folder."""

    def write(name: str = "data", **what: object) -> Path:
        return write_kaggle_folder(tmp_path / name, **what)

    return write


@pytest.fixture(scope="session")
def made_once(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str, Callable[[Path], object]], Path]:
    """`made_once(name, make)`: a folder that `make(folder)` fills, once for all processes that
    share the tests.
    """
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:  # each has a folder of its own in the one of them all
        shared = shared.parent

    def made(name: str, make: Callable[[Path], object]) -> Path:
        folder, fresh = shared / f"once-{name}", shared / f"fresh-{name}"
        with filelock.FileLock(shared / f"{name}.lock"):
            if not folder.exists():
                shutil.rmtree(fresh, ignore_errors=True)
                fresh.mkdir()
                make(fresh)
                fresh.rename(folder)
        return folder

    return made


@pytest.fixture(scope="session")
def small_folder(made_once) -> Path:
    """150 images with CSV and JPEGs; to be read only."""
    return (
        made_once("small", lambda folder: write_kaggle_folder(folder / "noise", jpegs=True))
        / "noise"
    )


@pytest.fixture(scope="session")
def small_dataset(small_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> LesionDataset:
    return _open_with_home(small_folder, tmp_path_factory.mktemp("small_home"))


@pytest.fixture(scope="module")
def few_layers() -> Iterator[None]:
    """For tests about training as such: a CNN of one convolution (tests/light.py).

    TensorFlow takes most of a small training's time to trace it, by layers: 3 s instead of 7.
    """
    few = dataclasses.replace(MODELS["cnn"], layers=light.few_layers)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setitem(MODELS, "cnn", few)
        yield


@pytest.fixture(scope="session")
def tiny_runs(small_dataset: LesionDataset, made_once) -> list[store.Run]:
    """A CNN and an LSTM, as described but small, trained for one epoch on the small data; to be
    read only.
    """

    def make(home: Path) -> None:
        from ham.training import train

        assert MODELS["cnn"].layers is not light.few_layers, "these are shared, and as described"
        small = {
            "cnn": {f"filters_{i}": 3 for i in range(1, 7)},
            "lstm": {f"units_{i}": 8 for i in (1, 2, 3)},
        }
        monkeypatch.setenv("HAM_HOME", str(home))
        for model, settings in small.items():
            train(TrainConfig(model=model, epochs=1).replace(**settings), small_dataset)

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("HAM_HOME", str(made_once("tiny_runs", make)))
        return sorted(store.list_runs(), key=lambda run: run.config.model)


@pytest.fixture
def own_copies(tiny_runs: list[store.Run], ham_home: Path) -> list[store.Run]:
    """The tiny CNN and LSTM among one's own runs."""
    for run in tiny_runs:
        shutil.copytree(run.folder, ham_home / "runs" / run.id)
    return [store.read_run(run.id) for run in tiny_runs]


@pytest.fixture(scope="session")
def shipped_folder(tiny_runs: list[store.Run], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shipped")
    for run in tiny_runs:
        ship(run, f"{run.config.model}-described", folder)
    return folder


@pytest.fixture
def shipped(shipped_folder: Path, reference: Path) -> list[store.Run]:
    """The tiny LSTM and CNN as runs that ship with HAM Lab."""
    shutil.copytree(shipped_folder, reference)
    return store.reference_runs()


@pytest.fixture(scope="session")
def demo_home(made_once) -> Path:
    """A home where the demo data has been drawn: servers start a second earlier."""

    def make(home: Path) -> None:
        with pytest.MonkeyPatch.context() as monkeypatch:
            monkeypatch.setenv("HAM_HOME", str(home))
            opened._demo_dataset.__wrapped__()

    return made_once("demo_home", make)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The real data set's folder, which HAM_DATA named when the tests were started."""
    if not HAM_DATA_AT_START:
        pytest.skip("HAM_DATA names no HAM10000 folder")
    return Path(HAM_DATA_AT_START).resolve()


@pytest.fixture(scope="session")
def real_home(real_data: Path, made_once) -> Path:
    """A home where the real data has been read."""
    return made_once("real_home", lambda home: _open_with_home(real_data, home))


@pytest.fixture(scope="session")
def real_dataset(real_data: Path, real_home: Path) -> LesionDataset:
    return _open_with_home(real_data, real_home)


#: Of the real data set, the rows whose CSV is written and read: all classes, a fifth of the time.
EVERY = 5


@pytest.fixture(scope="session")
def real_csv_folder(real_data: Path, made_once) -> Path:
    """Every fifth image of the real data set in Kaggle's CSV form, where the script that writes it
    is beside the data.
    """
    script = real_data.parent / "make_hmnist_csv.py"
    if not script.exists():
        pytest.skip(f"no {script.name} beside HAM_DATA")

    def make(folder: Path) -> None:
        source = folder / "source" / "ham10000"  # the script reads what lies beside it
        source.mkdir(parents=True)
        for part in real_data.glob("HAM10000_images_part_*"):
            (source / part.name).symlink_to(part, target_is_directory=True)
        header, *rows = (real_data / METADATA_FILE).read_text().splitlines()
        (source / METADATA_FILE).write_text("\n".join([header, *rows[::EVERY]]) + "\n")
        copy = shutil.copy(script, source.parent)
        subprocess.run([sys.executable, copy, folder / "csv"], check=True)

    return made_once("real_csv", make) / "csv"


def _open_with_home(folder: Path, home: Path) -> LesionDataset:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("HAM_HOME", str(home))
        return open_dataset(folder)
