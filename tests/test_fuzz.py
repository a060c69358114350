"""Every file that is read, damaged in hundreds of seeded ways: an answer or a refusal in words,
never a traceback.

`damage.py` holds the ways. What is read anew here is read by the doors that pages and command
line share; a refusal is a HamError in three parts (exit status 2, or 1 where others are
answered), and nothing half written stays behind.
"""

from __future__ import annotations

import functools
import hashlib
import io as memory
import json
import shutil
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ham.cli
from ham import data, evaluation, images, store
from ham.cli import main
from ham.config import HamError, runs_folder
from ham.store import Run
from tests.conftest import write_kaggle_folder
from tests.damage import csv_field, csv_line, damaged, json_entry
from tests.run_factory import edited_run

TIMES = 120  # damaged copies of each file: ten and more by each of the ways


class Outcomes(Counter):
    """How often a damaged file was answered, and how often refused."""

    def of(self, read: Callable[[], object]) -> None:
        try:
            read()
        except HamError as error:
            refused = all((error.what.strip(), error.why.strip(), error.todo.strip()))
            self["refused" if refused else "without words"] += 1
        else:
            self["answered"] += 1

    def check(self, refused: int) -> None:
        """All of them ended in words, and at least so many were refused: the damage reaches what
        reads.
        """
        assert self["without words"] == 0
        assert self["refused"] >= refused, self


@pytest.fixture(autouse=True, scope="module")
def one_parser() -> Iterator[None]:
    """Making the command line's parser takes longer than most of what it is asked here."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(ham.cli, "make_parser", functools.cache(ham.cli.make_parser))
        yield


def status_of(*arguments: str) -> int:
    return main(list(arguments))


@pytest.fixture
def run(tiny_runs: list[Run], ham_home: Path) -> Run:
    """The tiny CNN among one's own runs."""
    shutil.copytree(tiny_runs[0].folder, ham_home / "runs" / tiny_runs[0].id)
    return store.read_run(tiny_runs[0].id)


def leftovers(home: Path) -> list[str]:
    """What is half made: drafts, imports and folders on their way in or out."""
    return [
        str(path.relative_to(home))
        for path in home.rglob("*")
        if path.name.startswith((".new-", ".import-", ".deleted-")) or path.name.endswith(".draft")
    ]


# ------------------------------------------------------------------------------- run folders


@pytest.mark.parametrize(
    ("name", "refused", "more"),
    [
        ("config.json", 30, (json_entry,) * 6),
        ("status.json", 30, (json_entry,) * 6),
        ("history.csv", 10, (csv_field, csv_line)),
        ("predictions.npz", 30, ()),
    ],
)
def test_a_damaged_file_of_a_run_is_told_of_in_words(run, capsys, name, refused, more):
    path = run.folder / name
    whole, outcomes = path.read_bytes(), Outcomes()
    for number, content in enumerate(damaged(whole, TIMES, 1, *more)):
        path.write_bytes(content)
        outcomes.of(lambda: everything_of(run.id))
        assert status_of("runs", "--json") == 0
        if number % 4 == 0:
            assert status_of("evaluate", run.id, "--json") in (0, 2)
        capsys.readouterr()
    outcomes.check(refused)
    path.write_bytes(whole)
    everything_of(run.id)


def everything_of(run_id: str) -> None:
    """What Home, Training and Comparison read of a run."""
    run = store.read_run(run_id)
    assert run.title
    history = store.read_history(run)
    assert (history["epoch"] > 0).all()
    parts = store.read_predictions(run)
    score(parts, (run.folder / "predictions.npz").read_bytes())
    run.record.evaluation.to_evaluation()
    store.same_test_images(run, run)


SCORED: set[bytes] = set()  # whose scores are known: mostly another file of the run is damaged


def score(parts: dict[str, store.Predictions], content: bytes) -> None:
    if content in SCORED:
        return
    validation, test = parts["validation"], parts["test"]
    evaluation.evaluate(test.y_true, test.proba, test.lesion, resamples=20)
    evaluation.calibrate(validation.y_true, validation.proba, test.y_true, test.proba)
    SCORED.add(content)


def test_damaged_notes_cost_the_notes_and_not_the_run(run):
    run = store.write_notes(run, title="Mine", tags=("a", "b"), text="Some words\nin two lines")
    path = run.folder / "notes.json"
    problems = Counter()
    for content in damaged(path.read_bytes(), TIMES, 2, json_entry, json_entry):
        path.write_bytes(content)
        problems[bool(store.read_run(run.id).notes.problem)] += 1
    assert problems[True] > 25


def test_a_damaged_model_is_never_loaded(run):
    path, outcomes = run.folder / "model.keras", Outcomes()
    for content in damaged(path.read_bytes(), TIMES, 3):
        path.write_bytes(content)
        outcomes.of(lambda: store.checked_model_path(run))
    outcomes.check(TIMES - 3)


def test_a_damaged_model_with_a_hash_that_fits_is_refused_in_words(run):
    from ham.prediction import Predictor

    path, outcomes = run.folder / "model.keras", Outcomes()
    for content in damaged(path.read_bytes(), 36, 4):
        path.write_bytes(content)
        changed = edited_run(run, model={"sha256": hashlib.sha256(content).hexdigest()})
        outcomes.of(lambda changed=changed: Predictor(changed))
    outcomes.check(12)


# ----------------------------------------------------------------------------------- bundles


def test_a_damaged_bundle_is_imported_whole_or_not_at_all(run, ham_home):
    bundle, outcomes = store.export_run(run), Outcomes()
    store.delete_run(run)
    for content in damaged(bundle, TIMES, 5):
        outcomes.of(lambda content=content: store.import_run(content))
        if (runs_folder() / run.id).exists():
            everything_of(run.id)
            store.delete_run(store.read_run(run.id))
        assert leftovers(ham_home) == []
    outcomes.check(50)


@pytest.mark.parametrize("name", ["config.json", "status.json", "history.csv", "predictions.npz"])
def test_an_edited_bundle_is_imported_only_where_all_of_it_can_be_shown(run, ham_home, name):
    """Whoever edits a bundle can make its manifest fit: only the content tells."""
    bundle, outcomes = store.export_run(run), Outcomes()
    store.delete_run(run)
    with zipfile.ZipFile(memory.BytesIO(bundle)) as opened:
        members = {member: opened.read(member) for member in opened.namelist()}
    ways = {"history.csv": (csv_field, csv_line)}.get(
        name, (json_entry,) * 12 if name.endswith("json") else ()
    )
    for content in damaged(members[name], TIMES, 6, *ways):
        edited = rebundled({**members, name: content})
        outcomes.of(lambda edited=edited: store.import_run(edited))
        if (runs_folder() / run.id).exists():
            everything_of(run.id)
            store.delete_run(store.read_run(run.id))
        assert leftovers(ham_home) == []
    outcomes.check(20)


def rebundled(members: dict[str, bytes]) -> bytes:
    manifest = json.loads(members["manifest.json"])
    for name in manifest["members"]:
        manifest["members"][name] = {
            "size": len(members[name]),
            "sha256": hashlib.sha256(members[name]).hexdigest(),
        }
    file = memory.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:  # packing it smaller took half of the time
        for name, content in {**members, "manifest.json": json.dumps(manifest).encode()}.items():
            packed.writestr(name, content)
    return file.getvalue()


# ----------------------------------------------------------------------------------- data sets


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """21 images with CSV and JPEGs, to be copied."""
    counts = dict.fromkeys(("mel", "bcc", "akiec", "nv", "bkl", "vasc", "df"), 3)
    return write_kaggle_folder(tmp_path_factory.mktemp("few") / "few", counts, jpegs=True)


@pytest.mark.parametrize(("name", "refused"), [(data.METADATA_FILE, 30), (data.PIXEL_FILE, 60)])
def test_a_damaged_csv_of_the_data_set_is_refused_in_words(
    few, tmp_path, ham_home, capsys, name, refused
):
    folder = shutil.copytree(few, tmp_path / "data")
    path, statuses = folder / name, Counter()
    for content in damaged(path.read_bytes(), TIMES, 7, csv_field, csv_line, csv_field):
        path.write_bytes(content)
        statuses[status_of("data", "--json", "--data", str(folder))] += 1
        capsys.readouterr()
        assert leftovers(ham_home) == []
    assert statuses.keys() <= {0, 2}
    assert statuses[2] >= refused


def test_a_damaged_photograph_of_the_data_set_is_refused_in_words(tmp_path, capsys):
    folder = write_kaggle_folder(tmp_path / "data", {"mel": 2, "nv": 1}, pixels=False, jpegs=True)
    path, statuses = next(folder.rglob("*.jpg")), Counter()
    for content in damaged(path.read_bytes(), TIMES, 8):
        path.write_bytes(content)
        statuses[status_of("data", "--json", "--data", str(folder))] += 1
        capsys.readouterr()
    assert statuses.keys() <= {0, 2}
    assert statuses[2] >= 30


@pytest.mark.parametrize("seed", [9, 10])
def test_a_damaged_cache_is_made_again(few, seed):
    fingerprint = data.open_dataset(few).fingerprint
    from ham.config import cache_folder

    files = [
        path for path in cache_folder().rglob("*") if path.is_file() and path.suffix != ".lock"
    ]
    assert len(files) >= 3
    for file in files:
        for content in damaged(
            file.read_bytes(), 12, seed, *((json_entry,) * 3 if file.suffix == ".json" else ())
        ):
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(content)
            assert data.open_dataset(few).fingerprint == fingerprint


def test_a_damaged_zip_of_the_data_set_is_taken_whole_or_not_at_all(few, tmp_path, ham_home):
    archive = Path(shutil.make_archive(str(tmp_path / "archive"), "zip", few))
    outcomes = Outcomes()
    for content in damaged(archive.read_bytes(), TIMES, 11):
        archive.write_bytes(content)
        outcomes.of(lambda: data.unpack(archive, archive.name))
        for folder in (ham_home / "data").glob("[!.]*"):
            assert data.open_dataset(folder).n_images > 0
            shutil.rmtree(folder)
        assert leftovers(ham_home) == []
    outcomes.check(50)


def test_damaged_labels_are_refused_in_words(few, tmp_path):
    labels, outcomes = tmp_path / "labels.csv", Outcomes()
    rows = (few / data.METADATA_FILE).read_text().splitlines()[1:]
    content = "image,dx,lesion_id\n" + "".join(
        f"{i},{dx},{lesion}\n" for lesion, i, dx, *_ in (row.split(",") for row in rows)
    )
    for changed in damaged(content.encode(), TIMES, 12, csv_field, csv_line, csv_field):
        labels.write_bytes(changed)
        outcomes.of(lambda: data.find_labelled_images(few, labels))
    outcomes.check(15)


@pytest.mark.parametrize("name", ["settings.json", "engine.json", "folders.json"])
def test_damaged_settings_are_refused_in_words_or_replaced(ham_home, capsys, name):
    ham_home.mkdir()
    whole = {
        "settings.json": b'{"data": null}',
        "engine.json": b'{"workers": 2, "resume_by_itself": true}',
        "folders.json": b'["/tmp/a", "/tmp/b"]',
    }[name]
    statuses = Counter()
    for content in damaged(whole, TIMES, 13, *((json_entry,) * 3)):
        (ham_home / name).write_bytes(content)
        statuses[status_of("data", "--json")] += 1
        statuses[status_of("runs", "--json")] += 1
        data.known_sources()
        capsys.readouterr()
    assert statuses.keys() <= {0, 2}


# -------------------------------------------------------------------------------------- images


def picture(kind: str) -> bytes:
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (60, 80, 3)).astype(np.uint8))
    file = memory.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    options = {
        "JPEG": {"exif": exif, "progressive": True},
        "PNG": {"exif": exif},
        "TIFF": {"compression": "tiff_lzw"},
        "WEBP": {},
        "BMP": {},
        "GIF": {},
    }[kind]
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
def test_a_damaged_image_is_answered_or_refused_in_words(kind):
    outcomes = Outcomes()
    for content in damaged(picture(kind), 2 * TIMES, 14):
        outcomes.of(lambda content=content: images.check_image("a picture", content))
    outcomes.check(50 if kind in ("JPEG", "PNG") else 20)
