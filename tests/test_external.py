"""Runs on labelled images from elsewhere: kept with them, carried along, told beside their own
test, asked on the command line and on the page.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from ham import charts, cli, data, prediction, report, store
from ham.charts.external import external_scores
from ham.config import CLASS_INDEX, CODES, DataError, StoreError, TrainConfig
from ham.data import handed
from ham.engine import Engine
from ham.evaluation import SCORES, evaluate
from ham.report import Comparison, RunName, RunReport
from ham.store import External, ExternalRecord, Predictions, Run
from ham.ui.comparison import external as tab
from tests.damage import damaged
from tests.page_driver import comparison_part, open_page, said
from tests.run_factory import finished_run, zipped
from tests.test_bundle import changed, members_of

A, B = RunName("A", "one"), RunName("B", "two")


def answers(n: int, skill: float, seed: int = 0, name: str = "X") -> Predictions:
    """Invented ones on n images of n / 2 lesions, of every class."""
    random = np.random.default_rng(seed)
    y_true = np.arange(n) % 7
    scores = np.random.default_rng(seed + 100).normal(size=(n, 7))
    scores[np.arange(n), y_true] += skill
    proba = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    ids = np.array([f"{name}{i}" for i in random.permutation(n)])
    return Predictions(ids, np.arange(n) // 2, y_true, proba.astype(np.float32))


def make_run(seed: int = 0, skill: float = 3.0) -> Run:
    counts = dict.fromkeys(CODES, 10)
    own = answers(140, skill, 7, "own")
    return finished_run(TrainConfig(seed=seed), own, split={"train_counts": counts})


def external(run: Run, skill: float = 1.0, **entries: object) -> External:
    part = answers(70, skill)
    record = {
        "name": "clinic",
        "title": "Clinic",
        "images": "/somewhere",
        "labels": "labels.csv",
        "content": "c",
        "model": run.record.model.sha256,
        "made": 1.7e9,
        "code_version": "0.1",
        "n_labelled": 70,
    }
    return External(ExternalRecord(**(record | entries)), part, np.arange(70, dtype=np.uint64))


def names(run: Run) -> list[str]:
    return [one.record.name for one in store.find_external(run)[0]]


# -------------------------------------------------------------------------------- kept


def test_what_is_kept_comes_back_and_is_removed_with_the_run():
    run = make_run()
    assert store.find_external(run) == ([], [])
    store.write_external(run, external(run, notes=("Seen.",)))
    [found], problems = store.find_external(run)
    assert (found.record.title, found.record.notes, problems) == ("Clinic", ("Seen.",), [])
    assert np.array_equal(found.part.proba, external(run).part.proba)
    assert np.array_equal(found.pixels, external(run).pixels)
    store.delete_external(run, "clinic")
    store.delete_external(run, "clinic")  # nothing happens
    assert names(run) == []
    store.write_external(run, external(run))
    store.delete_run(run)
    with pytest.raises(StoreError, match="gone"):
        store.write_external(run, external(run))
    assert not run.folder.exists()  # no folder that looks like a damaged run


def test_a_name_is_of_the_same_images_or_taken_and_what_was_there_stays():
    run = make_run()
    store.write_external(run, external(run))
    before = (run.folder / "external/clinic.npz").read_bytes()
    with pytest.raises(StoreError, match="keeps a test on other images"):
        store.write_external(run, external(run, content="other"))
    assert (run.folder / "external/clinic.npz").read_bytes() == before
    store.write_external(run, external(run, title="Clinic again"))
    assert [one.record.title for one in store.find_external(run)[0]] == ["Clinic again"]


def test_a_run_keeps_so_many_and_answers_of_another_model_are_refused(monkeypatch):
    run = make_run()
    monkeypatch.setattr("ham.store.external.MOST", 1)
    store.write_external(run, external(run))
    with pytest.raises(StoreError, match="more are not kept"):
        store.write_external(run, external(run, name="second"))
    with pytest.raises(StoreError, match="another one than that which answered"):
        store.write_external(run, external(run, model="other"))


@pytest.mark.parametrize(
    ("title", "name"),
    [("ISIC 2019", "isic-2019"), (" Größe ", "gr-e"), ("a" * 80, "a" * 40), ("../../x", "x")],
)
def test_a_file_is_named_after_what_people_call_the_test(title, name):
    assert store.external_name(title) == name


@pytest.mark.parametrize("title", ["", "  ", "!!!", "a\nb", "x" * 81])
def test_a_name_without_a_letter_or_of_several_lines_is_refused(title):
    with pytest.raises(StoreError, match="must have a letter or digit"):
        store.external_name(title)


def test_a_damaged_file_is_told_and_the_others_are_read():
    run = make_run()
    store.write_external(run, external(run))
    store.write_external(run, external(run, name="whole"))
    path = run.folder / "external/clinic.npz"
    whole, told = path.read_bytes(), 0
    for content in damaged(whole, 24, seed=1):
        path.write_bytes(content)
        found, problems = store.find_external(run)
        assert "whole" in [one.record.name for one in found]
        told += len(problems)
        assert all("external test clinic" in error.what for error in problems)
    assert told > 12
    path.write_bytes(whole[:100])
    store.write_external(run, external(run, content="other"))  # a damaged one is replaced
    assert names(run) == ["clinic", "whole"]


def test_what_an_earlier_model_answered_is_told_and_goes_when_the_run_trains_again():
    run = make_run()
    store.write_external(run, external(run))
    store.write_record(run, model={"sha256": "new"})
    found, [problem] = store.find_external(store.read_run(run.id))
    assert found == []
    assert "earlier model" in problem.why
    store.withdraw_results(store.read_run(run.id))
    assert not (run.folder / "external").exists()


def test_those_of_a_run_that_ships_are_in_the_home_and_its_folder_is_never_written(
    reference, ham_home
):
    run = make_run()
    shutil.move(run.folder, reference / run.id)
    shipped = store.read_run(run.id)
    assert shipped.shipped
    before = sorted(path.name for path in shipped.folder.iterdir())
    store.write_external(shipped, external(shipped))
    assert sorted(path.name for path in shipped.folder.iterdir()) == before
    assert (ham_home / "external" / run.id / "clinic.npz").exists()
    assert names(shipped) == ["clinic"]
    bundled = store.export_run(shipped)
    assert "external/clinic.npz" in members_of(bundled)
    store.delete_external(shipped, "clinic")
    assert names(store.import_run(bundled)) == ["clinic"]  # added to the run that is here
    with pytest.raises(StoreError, match="the very same"):
        store.import_run(bundled)


# ----------------------------------------------------------------------------- bundles


def test_a_bundle_carries_them_and_adds_what_a_run_that_is_here_has_not():
    run = make_run()
    store.write_external(run, external(run))
    one = store.export_run(run)
    store.write_external(run, external(run, name="second"))
    both = store.export_run(run)
    store.delete_run(run)
    assert names(store.import_run(one)) == ["clinic"]
    assert names(store.import_run(both)) == ["clinic", "second"]
    with pytest.raises(StoreError, match="nothing to do"):
        store.import_run(both)
    store.delete_run(run)
    broken = changed(both, **{"external/clinic.npz": b"PK no zip"})
    with pytest.raises(StoreError, match=r"its external/clinic\.npz is damaged"):
        store.import_run(broken)
    assert not run.folder.exists()


def test_a_bundle_with_answers_of_another_model_or_under_another_name_is_refused():
    run = make_run()
    store.write_external(run, external(run))
    content = store.export_run(run)
    member = members_of(content)["external/clinic.npz"]
    store.delete_run(run)
    with pytest.raises(StoreError, match="it is of the name"):
        store.import_run(changed(content, **{"external/other.npz": member}))
    with pytest.raises(StoreError, match="does not belong there"):
        store.import_run(changed(content, **{"external/UP.npz": member}))
    other = make_run(seed=1)
    other_bundle = store.export_run(other)
    store.delete_run(other)
    foreign = run.record.model.sha256
    assert foreign == other.record.model.sha256  # invented models are the same file
    assert names(store.import_run(changed(other_bundle, **{"external/clinic.npz": member})))


def test_a_damaged_one_stays_out_of_the_bundle():
    run = make_run()
    store.write_external(run, external(run))
    (run.folder / "external/clinic.npz").write_bytes(b"PK")
    assert not any("external" in name for name in members_of(store.export_run(run)))


# -------------------------------------------------------------------------------- told


@pytest.fixture
def two() -> Comparison:
    """Runs that are good on their own test and poor elsewhere; only A was asked about "later"."""
    runs = [make_run(seed) for seed in (0, 1)]
    for run in runs:
        store.write_external(run, external(run, skill=0.5))
    store.write_external(runs[0], external(runs[0], name="later", title="A later one"))
    return Comparison([A, B], [RunReport(run) for run in runs])


def test_scores_there_stand_beside_the_own_test_with_the_drop_between(two, request):
    assert report.external_tests(two) == ({"later": "A later one", "clinic": "Clinic"}, [])
    found = report.external_test(two, "clinic")
    part = external(two.first.run, skill=0.5).part
    own = two.first.evaluation.scores
    there = evaluate(part.y_true, part.proba, part.lesion).scores
    assert set(found.drops[A]) == set(SCORES)
    for key in SCORES:
        drop = found.drops[A][key]
        assert drop.value == pytest.approx(there[key].value - own[key].value, abs=1e-9)
        assert drop.low < drop.value < drop.high
    assert report.drop_in_words(found, A).startswith(
        "lower than on its own test images: accuracy −"
    )
    assert report.external_in_words(found) == "70 of 70 labelled images of 35 lesions"
    table = report.external_table(found)
    assert list(table)[:3] == ["A, own test", "A, here", "A, difference"]
    assert (table["A, difference"] != "").all()
    entry = json.loads(json.dumps(report.external_record(found), allow_nan=False))
    assert len(entry["runs"]) == 2
    page = (request.config.rootpath / "docs/report-schema.md").read_text()
    wanted = [*entry, "minus_own_test"]
    assert [name for name in wanted if f"`{name}`" not in page] == []
    for dark in (False, True):
        figure = external_scores(found, dark)
    assert "Clinic" in figure.layout.title.text
    assert "own test images" in charts.alt_text(figure)


def test_a_run_that_was_not_asked_is_left_out_and_the_others_keep_their_place(two):
    found = report.external_test(two, "later")
    assert list(found.own) == [A]
    store.delete_external(two.first.run, "clinic")
    assert report.external_test(two, "clinic").places == {B: 1}
    with pytest.raises(KeyError):
        report.external_test(two, "none")


def test_the_own_test_is_the_runs_own_where_others_are_compared(two):
    found = report.external_test(two, "clinic")
    again = report.external_test(found.compared, "clinic")
    assert again.own[A].own_test
    assert again.drops == found.drops


def test_the_same_answers_are_no_drop_and_classes_that_are_missing_are_named():
    run = make_run(skill=1.0)
    part = answers(70, 1.0, 3)
    keep = part.y_true < 5
    kept = external(run)
    some = Predictions(*(getattr(part, name)[keep] for name in vars(part)))
    store.write_external(run, External(kept.record, some, kept.pixels[: keep.sum()]))
    found = report.external_test(Comparison([A], [RunReport(run)]), "clinic")
    assert found.missing == list(CODES[5:])
    assert "No image is of Vascular lesion (vasc), Dermatofibroma (df)" in (
        report.missing_in_words(found)
    )
    assert report.drop_in_words(found, A).startswith("no score differs beyond chance")
    # means over classes that are not the same
    assert set(SCORES) - set(found.drops[A]) == {"macro_f1", "macro_auc"}


def test_images_that_a_run_knows_are_counted_by_pixels_and_by_name(small_dataset):
    config = TrainConfig()
    split = data.configured_split(small_dataset, config)
    ids = small_dataset.metadata["image_id"].to_numpy().astype(str)

    def part(rows: np.ndarray) -> Predictions:
        proba = np.full((len(rows), 7), 1 / 7, np.float32)
        return Predictions(ids[rows], small_dataset.groups[rows], small_dataset.labels[rows], proba)

    run = finished_run(
        config,
        part(split.test),
        validation=part(split.validation),
        data=small_dataset.record,
        split={
            "fingerprint": split.fingerprint,
            "test_fingerprint": split.test_fingerprint,
        },
    )
    rows = np.concatenate([split.train[:3], split.validation[:2], split.test[:1]])
    asked = part(rows)
    renamed = dataclasses.replace(asked, image_id=np.array([f"r{i}" for i in range(6)]))
    pixels = store.pixel_keys(small_dataset.images[rows])
    found = External(external(run).record, renamed, pixels)
    assert prediction.overlap(run, found, small_dataset) == prediction.Overlap(3, 2, 1)
    assert prediction.overlap(run, found, None) == prediction.Overlap(None, 0, 0)
    named = External(external(run).record, asked, np.zeros(6, np.uint64))
    assert prediction.overlap(run, named, small_dataset) == prediction.Overlap(3, 2, 1)
    assert prediction.overlap(run, named, None) == prediction.Overlap(None, 2, 1)


# ----------------------------------------------------------------------------- handed over


def png(code: str = "mel") -> bytes:
    from io import BytesIO

    buffer = BytesIO()
    grey = np.full((30, 40, 3), 10 * CLASS_INDEX[code] + 5, np.uint8)
    Image.fromarray(grey).save(buffer, "PNG")
    return buffer.getvalue()


def file(name: str, content: bytes) -> SimpleNamespace:
    return SimpleNamespace(name=name, getvalue=lambda: content)


def quiet(done: int, total: int, what: str) -> None:
    pass


CSV = b"image,dx\na,mel\nb,nv\n"


@pytest.mark.parametrize(
    "files",
    [
        [file("a.png", png()), file("b.png", png("nv")), file("t.csv", CSV)],
        [file("x.zip", zipped({"in/a.png": png(), "b.png": png("nv")})), file("t.csv", CSV)],
        [file("x.zip", zipped({"in/a.png": png(), "b.png": png("nv"), "in/t.csv": CSV}))],
        [file("../../a.png", png()), file("C:\\b.png", png("nv")), file("/t.csv", CSV)],
    ],
)
def test_dropped_files_become_a_folder_and_a_table(tmp_path, files):
    folder, table = handed.laid_out(files, tmp_path / "place", quiet)
    found = data.find_labelled_images(folder, table)
    assert (sorted(found.names), found.missing) == (["a", "b"], {})
    assert {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*")} == {"place"}


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ([file("t.csv", CSV)], "no image among them"),
        ([file("a.png", png())], "no CSV with the labels"),
        ([file("a.png", png()), file("t.csv", CSV), file("u.csv", CSV)], "it holds 2 tables"),
        ([file("x.zip", zipped({"a.png": png()})), file("a.png", png())], "more than one zip"),
        ([file("x.zip", zipped({"../a.png": png(), "t.csv": CSV}))], "leads out of the folder"),
        ([file("x.zip", b"PK\x03\x04 no zip")], "its end is missing"),
    ],
)
def test_dropped_files_that_are_no_labelled_images_are_refused_in_words(tmp_path, files, words):
    with pytest.raises(DataError) as error:
        handed.laid_out(files, tmp_path / "place", quiet)
    assert words in str(error.value)


def test_the_one_table_of_a_folder_or_zip_is_its_labels(tmp_path):
    (tmp_path / "t.csv").write_bytes(CSV)
    assert handed.labels_of(tmp_path) == tmp_path / "t.csv"
    (tmp_path / "u.csv").write_bytes(CSV)
    with pytest.raises(DataError, match="it holds 2 tables"):
        handed.labels_of(tmp_path)
    packed = tmp_path / "x.zip"
    packed.write_bytes(zipped({"a.png": png(), "in/t.csv": CSV}))
    assert handed.labels_of(packed).read_bytes() == CSV
    with pytest.raises(DataError, match="cannot be read"):
        handed.labels_of(tmp_path / "none.zip")


# ----------------------------------------------------------------- command line and page


class Grey:
    """Answers with 0.76 for the class that `png` paints."""

    def proba(self, images: np.ndarray) -> np.ndarray:
        found = np.full((len(images), 7), 0.04, np.float32)
        found[np.arange(len(images)), images[:, 14, 14, 0] // 10] = 0.76
        return found


@pytest.fixture
def clinic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of fourteen images with its table, one of them wrong."""
    monkeypatch.setattr(prediction, "Predictor", lambda run: Grey())
    folder = tmp_path / "clinic"
    folder.mkdir()
    lines = ["image,dx,lesion_id"]
    for i in range(14):
        code = CODES[i % 7]
        (folder / f"i{i}.png").write_bytes(png(code))
        lines.append(f"i{i},{'nv' if i == 0 else code},L{i // 2}")
    (folder / "labels.csv").write_text("\n".join(lines))
    return folder


def test_what_the_command_line_keeps_is_read_again(clinic, capsys):
    runs = [make_run(seed) for seed in (0, 1)]
    command = ["evaluate", *(run.id for run in runs), "--images", str(clinic)]
    command += ["--labels", str(clinic / "labels.csv"), "--keep", "Clinic X"]
    assert cli.main(command) == 0
    for run in runs:
        [found] = store.find_external(run)[0]
        assert (found.record.name, found.record.title) == ("clinic-x", "Clinic X")
        assert found.record.images == str(clinic)
        assert (found.part.proba.argmax(axis=1) == found.part.y_true).sum() == 13
    assert cli.main(command) == 0  # the same images once more
    (clinic / "i3.png").write_bytes(png("df"))
    capsys.readouterr()
    assert cli.main(command) == 2
    assert "keeps a test on other images under it" in capsys.readouterr().err
    assert cli.main([*command[:-1], "???"]) == 2
    assert cli.main(["evaluate", runs[0].id, "--keep", "x"]) == 2
    assert "--keep is about other images" in capsys.readouterr().err


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    monkeypatch.setattr(Engine, "start", lambda self: self)
    monkeypatch.setattr(tab, "_LOOK_AGAIN_SECONDS", None)
    tab._jobs.clear()
    runs = ",".join(make_run(seed).id for seed in (0, 1))
    yield comparison_part(open_page("pages/comparison.py", runs=runs), "External test")
    tab._jobs.clear()


def asked(page, folder: object, name: str):
    page.text_input(key="comparison_external_images").set_value(str(folder))
    page.text_input(key="comparison_external_title_0").set_value(name)
    page.button(key="comparison_external_start").click().run()
    if (job := tab._jobs().of("external")) is None:
        return page
    job.wait(30)
    return page.run()


def test_the_page_asks_about_a_folder_shows_what_came_out_and_removes_it(page, clinic):
    assert "images of another clinic" in said(page)
    before = len(page.get("plotly_chart"))
    page = asked(page, clinic, "Clinic X")
    assert not page.exception
    assert not page.error
    assert len(page.get("plotly_chart")) == before + 3  # scores and two matrices
    assert page.selectbox(key="comparison_external").value == "clinic-x"
    assert "14 of 14 labelled images of 7 lesions" in said(page)
    runs = store.list_runs()
    assert [names(run) for run in runs] == [["clinic-x"], ["clinic-x"]]
    page.button(key="comparison_external_remove").click().run()
    assert [names(run) for run in runs] == [[], []]
    assert not page.exception


def test_dropped_files_are_asked_about_and_do_not_stay(page, clinic, ham_home):
    page.session_state["comparison_external_way"] = "Drop files"
    page.run()
    files = [(path.name, path.read_bytes(), "") for path in sorted(clinic.iterdir())]
    uploader = next(one for one in page.file_uploader if one.key.startswith("comparison_external"))
    uploader.set_value(files).run()
    page.text_input(key="comparison_external_title_0").set_value("Dropped").run()
    page.button(key="comparison_external_start").click().run()
    tab._jobs().of("external").wait(30)
    page.run()
    assert not page.exception
    [found] = store.find_external(store.list_runs()[0])[0]
    assert (found.record.title, len(found.part.y_true)) == ("Dropped", 14)
    assert found.record.images == "i0.png, i1.png, i10.png, …"
    assert not (ham_home / "cache/handed").exists()


def test_what_cannot_be_asked_about_is_said_and_nothing_is_kept(page, clinic):
    page = asked(page, clinic, "")
    assert "must have a letter or digit" in said(page)
    page = asked(page, "", "x")
    assert "the field is empty" in said(page)
    page = asked(page, clinic.parent / "none", "x")
    assert "there is nothing" in said(page)
    assert page.text_input(key="comparison_external_title_0").value == "x"  # to be tried again
    (clinic / "labels.csv").write_text("image,dx\nelsewhere,mel\n")
    page = asked(page, clinic, "x")
    assert "of 1 labelled images 1 are missing" in said(page)
    assert not page.exception
    assert all(not names(run) for run in store.list_runs())
