"""What `python -m ham predict` is given, and the files that it writes."""

import csv
import io
import json
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
from test_images import encoded, plain

from ham import cli, prediction, store
from ham.cli.images import ask
from ham.config import CODES, ImageError
from ham.prediction import Evidence, Explanation, Falls, Reasons, content_of, find_images
from ham.report import DecisionRule
from tests.run_factory import waiting_run


def packed(files: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


@pytest.fixture
def folder(tmp_path):
    """Two images, one deeper, and what lies beside them."""
    place = tmp_path / "images"
    (place / "deep").mkdir(parents=True)
    (place / "b.png").write_bytes(encoded(plain((10, 0, 0))))
    (place / "deep" / "a.png").write_bytes(encoded(plain((20, 0, 0))))
    (place / "labels.csv").write_text("image,dx")
    (place / ".DS_Store").write_bytes(b"x")
    return place


def names_of(*paths: object) -> list[str]:
    return [
        f"! {found.what}: {found.why}" if isinstance(found, ImageError) else found.name
        for found in find_images([str(path) for path in paths])
    ]


def test_a_file_a_folder_and_a_zip_give_their_images(folder, tmp_path):
    zipped = tmp_path / "more.zip"
    zipped.write_bytes(packed({"z/2.png": encoded(plain()), "1.png": b"", "notes.txt": b"-"}))
    assert names_of(folder / "b.png", folder, zipped) == [
        str(folder / "b.png"),
        str(folder / "b.png"),
        str(folder / "deep" / "a.png"),
        f"{zipped}/1.png",
        f"{zipped}/z/2.png",
    ]
    read = [content_of(file) for file in find_images([str(zipped)])]
    assert [len(content) > 0 for content in read] == [False, True]


def test_what_holds_no_image_is_told_of(tmp_path):
    (tmp_path / "empty").mkdir()
    whole = packed({"1.png": encoded(plain())})
    (tmp_path / "cut.zip").write_bytes(whole[:-30])
    (tmp_path / "texts.zip").write_bytes(packed({"notes.txt": b"-"}))
    (tmp_path / "bad.zip").write_bytes(packed({"../1.png": encoded(plain())}))
    found = names_of(*(tmp_path / name for name in ("empty", "cut.zip", "texts.zip", "bad.zip")))
    assert [words.startswith("! ") for words in found] == [True] * 4
    for words, why in zip(
        found,
        ("no image is in this folder", "its end is missing", "no image is in this zip", "(..)"),
        strict=True,
    ):
        assert why in words
    assert names_of(tmp_path / "missing") == [str(tmp_path / "missing")]  # refused when it is read


@pytest.fixture
def runs(monkeypatch, ham_home) -> list[store.Run]:
    """Two runs: one says melanoma of everything, one nevus and calls it malignant."""
    made = [waiting_run(), waiting_run()]
    rules = {
        made[0].id: DecisionRule(made[0].id),
        made[1].id: DecisionRule(made[1].id, 1.0, 0.8, 0.2),
    }
    says = {made[0].id: "mel", made[1].id: "nv"}

    def predictor(run):
        proba = np.full(7, 0.1, np.float32)
        proba[CODES.index(says[run.id])] = 0.4
        return SimpleNamespace(
            run_id=run.id,
            rule=rules[run.id],
            proba=lambda images: np.tile(proba, (len(images), 1)),
        )

    monkeypatch.setattr(prediction, "Predictor", predictor)
    return made


def test_folders_and_several_runs_are_answered_as_json_csv_and_html(
    folder, runs, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("ham.cli.images._AT_ONCE", 1)
    (folder / "c.png").write_bytes(b"no image")
    table, page = tmp_path / "a.csv", tmp_path / "a.html"
    command = ["predict", runs[0].id, str(folder), "--also", runs[1].id, "--json"]
    assert cli.main([*command, "--csv", str(table), "--html", str(page)]) == 1
    records = json.loads(capsys.readouterr().out)
    assert [(record["image"].rpartition("/")[2], record["run"]) for record in records] == [
        (name, run.id) for name in ("b.png", "c.png", "a.png") for run in runs
    ]
    assert [record["error"] is None for record in records] == [True, True, False, False, True, True]
    assert records[1]["malignant"] == {"probability": 0.3, "threshold": 0.2, "call": "malignant"}
    assert records[1]["prediction_set"] == ["nv"]
    rows = list(csv.DictReader(io.StringIO(table.read_text())))
    assert [(row["label"], row["call"]) for row in rows] == [
        ("mel", ""),
        ("nv", "malignant"),
        ("mel", ""),
        ("nv", "malignant"),
        ("", ""),
    ]
    assert rows[-1]["error"].startswith("this is a text file")
    text = page.read_text()
    assert text.count("<section>") == 2
    assert "c.png" in text
    assert "Not answered" in text


def test_for_people_the_set_and_the_call_are_said(folder, runs, capsys):
    assert cli.main(["predict", runs[1].id, str(folder / "b.png")]) == 0
    assert capsys.readouterr().out.splitlines()[:3] == [
        f"{folder / 'b.png'}: Melanocytic nevus (nv), benign 40 %; Melanoma (mel), malignant "
        "10 %; Basal cell carcinoma (bcc), malignant 10 %",
        "  90 % set: nv",
        "  Called malignant: malignant in total 30 %, threshold 20 %",
    ]


def test_what_is_no_lesion_is_marked_with_its_reason(folder, runs, monkeypatch, capsys):
    likeness = prediction.Likeness(False, "it is one flat colour", -1.0)
    gate = SimpleNamespace(look=lambda pictures: [likeness for _ in pictures])
    monkeypatch.setattr(prediction, "gate", lambda: gate)
    assert cli.main(["predict", runs[0].id, str(folder / "b.png"), "--json"]) == 0
    [record] = json.loads(capsys.readouterr().out)
    assert record["like_training"] == {"ok": False, "reason": "it is one flat colour"}
    assert cli.main(["predict", runs[0].id, str(folder / "b.png")]) == 0
    assert "learned from: it is one flat colour." in capsys.readouterr().out
    labels = folder.parent / "labels.csv"
    labels.write_text("image,dx\nb,mel\na,nv\n")
    external, _ = ask([runs[0]], str(folder), str(labels))
    assert external.image_notes["unlike the photographs that the models learned from"] == 2


def test_a_file_that_cannot_be_written_is_one_clear_error(folder, runs, tmp_path, capsys):
    where = tmp_path / "nowhere" / "a.csv"
    where.parent.write_text("a file in the way")
    assert cli.main(["predict", runs[0].id, str(folder), "--csv", str(where)]) == 2
    assert str(where) in capsys.readouterr().err


def test_an_explanation_goes_into_the_json_and_the_page(
    folder, runs, tmp_path, capsys, monkeypatch
):
    """Hiding the top left corner is all that matters to this one."""
    spot = np.zeros((28, 28), np.float32)
    spot[:7, :7] = 0.5
    nothing = np.zeros((28, 28), np.float32)
    evidence = Evidence(spot, nothing, Falls(0.5, float("nan"), 0.02))
    reasons = Reasons(0.9, evidence, None, None)
    monkeypatch.setattr(
        prediction,
        "explain",
        lambda one, seen: Explanation(one.run_id, CODES.index("mel"), reasons, reasons, "no space"),
    )
    page = tmp_path / "a.html"
    command = ["predict", runs[0].id, str(folder / "b.png"), "--json", "--explain"]
    assert cli.main([*command, "--html", str(page)]) == 0
    [record] = json.loads(capsys.readouterr().out)
    found = record["explanation"]["label"]["occlusion"]
    assert np.array(found["trained"]).shape == (28, 28)
    assert found["fall"] == {
        "brightest_tenth": 0.5,
        "brightest_tenth_of_random_weights": None,
        "random_tenth": 0.02,
    }
    assert record["explanation"]["malignant"]["grad_cam"] is None
    text = page.read_text()
    assert "Melanoma, This run: \N{MINUS SIGN}50 points" in text
    assert "Random weights: blank" in text


def test_a_map_colours_the_photograph_where_it_is_strong():
    picture = np.full((60, 80, 3), 128, np.uint8)
    values = np.zeros((28, 28))
    values[:9, :9], values[19:, 19:] = 0.4, -0.4
    drawn = prediction.overlay(picture, values)
    assert drawn.shape == (165, 220, 3)
    red, green, blue = drawn[10, 10].astype(int)
    assert green > red  # teal
    red, green, blue = drawn[-10, -10].astype(int)
    assert red > blue  # amber
    assert len(set(drawn[82, 110].tolist())) == 1  # the middle stays grey
