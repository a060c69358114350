"""A Predictor says what its Keras model says; answers and refusals stand in one form of record."""

import ast
import dataclasses
import functools
import json
import os
import re
import sys
import tempfile
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from test_images import colorful, encoded, plain, swapped_profile

from ham import cli, io, prediction, store
from ham.cli.images import ask
from ham.config import CODES, ImageError, StoreError, TrainConfig
from ham.data import open_dataset
from ham.images import check_image, pixels
from ham.prediction import Predictor, background, dataset_image, predict
from ham.report import DecisionRule
from tests import run_factory
from tests.run_factory import edited_run, waiting_run


def test_an_image_of_the_data_set_is_what_the_models_learned_from(small_dataset):
    checked = dataset_image(small_dataset, 3)
    assert checked.name == small_dataset.metadata["image_id"][3]
    assert np.array_equal(checked.seen, small_dataset.images[3])
    assert checked.size == (40, 30)
    gone = dataclasses.replace(small_dataset, originals={checked.name: "/nowhere/to/be/found.jpg"})
    without = dataset_image(gone, 3)
    assert np.array_equal(without.original, small_dataset.images[3])
    assert without.size == (28, 28)


# ------------------------------------------------------------------------------- predictor


SMALL = {
    "cnn": {"units_1": 8, "units_2": 8},
    "lstm": {"units_1": 8, "units_2": 8, "units_3": 8},
}


@functools.cache
def untrained_file(model: str, seed: int) -> bytes:
    import keras

    from ham.models import MODELS

    keras.utils.set_random_seed(seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        MODELS[model].build(**SMALL[model]).save(path)
        return path.read_bytes()


def finished_run(
    model: str = "cnn", seed: int = 0, data: dict | None = None, **record
) -> store.Run:
    """A run folder with an untrained model of small size, as a training would have left it."""
    return run_factory.finished_run(
        TrainConfig(model=model, seed=seed, model_settings=SMALL[model]),
        data=data or run_factory.DATA,
        now=1_700_000_000.0 + seed,
        model=untrained_file(model, seed),
        **record,
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HAM_HOME", str(tmp_path_factory.mktemp("home")))
        yield {model: finished_run(model) for model in ("cnn", "lstm")}


@pytest.fixture(scope="module")
def predictors(runs):
    return {model: Predictor(run) for model, run in runs.items()}


@pytest.fixture
def images():
    return np.random.default_rng(4).integers(0, 256, (300, 28, 28, 3), dtype=np.uint8)


@pytest.mark.parametrize("model", ["cnn", "lstm"])
def test_a_predictor_says_what_its_keras_model_says(runs, predictors, images, model):
    import keras

    loaded = keras.saving.load_model(runs[model].folder / "model.keras", compile=False)
    shape = {"cnn": (28, 28, 3), "lstm": (28, 84)}[model]
    expected = loaded.predict((images.astype("float32") / 255).reshape(-1, *shape), verbose=0)
    found = predictors[model].proba(images)  # 300 images are two batches
    assert found.shape == (300, 7)
    assert found.dtype == np.float32
    assert np.allclose(found, expected, atol=1e-5)
    assert np.allclose(found.sum(axis=1), 1, atol=1e-5)


def test_one_image_and_none_at_all_are_answered(predictors, images):
    one = predictors["cnn"].proba(images[:1])
    assert one.shape == (1, 7)
    assert np.allclose(one, predictors["cnn"].proba(images)[:1], atol=1e-6)
    assert predictors["cnn"].proba(images[:0]).shape == (0, 7)


def test_predictions_of_one_image_stand_together(predictors):
    checked = [check_image(f"{i}.png", encoded(plain((40 * i, 0, 0)))) for i in range(3)]
    both = list(predictors.values())
    found = predict(checked, both)
    assert [(p.image.name, p.run_id) for p in found] == [
        (c.name, p.run_id) for c in checked for p in both
    ]
    assert all(p.label == p.proba.argmax() for p in found)
    assert np.allclose(found[2].raw, both[0].proba(checked[1].seen[np.newaxis])[0], atol=1e-6)
    assert predict([], both) == []


def test_eight_threads_get_the_answers_that_one_gets(predictors, images):
    expected = predictors["lstm"].proba(images[:16])
    found: dict[int, np.ndarray] = {}
    threads = [
        threading.Thread(
            target=lambda i=i: found.update(
                {i: predictors["lstm"].proba(images[2 * i : 2 * i + 2])}
            )
        )
        for i in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert np.allclose(np.concatenate([found[i] for i in range(8)]), expected, atol=1e-6)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HAM_HOME", str(tmp_path))


def test_a_tampered_model_is_refused_before_keras_sees_it(home, monkeypatch):
    import keras

    run = finished_run()
    path = run.folder / "model.keras"
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    monkeypatch.setattr(
        keras.saving, "load_model", lambda *a, **k: pytest.fail("Keras was asked to load it")
    )
    with pytest.raises(StoreError, match="SHA-256 differs"):
        Predictor(run)


def test_a_missing_model_file_is_said(home):
    run = finished_run()
    (run.folder / "model.keras").unlink()
    with pytest.raises(StoreError, match=r"model\.keras is damaged: it is missing"):
        Predictor(run)


def test_a_run_that_still_waits_has_no_model(home):
    run = store.write_status(finished_run(), state="queued")
    with pytest.raises(StoreError, match="it has no model: it is queued"):
        Predictor(run)


def test_a_file_that_keras_cannot_read_is_said(home):
    run = finished_run()
    (run.folder / "model.keras").write_bytes(b"not a model")
    run = edited_run(run, model={"sha256": io.file_sha256(run.folder / "model.keras")})
    with pytest.raises(StoreError, match="cannot read its model"):
        Predictor(run)


def test_a_model_of_another_shape_is_refused(home):
    run = finished_run("lstm")
    other = finished_run("cnn")
    (run.folder / "model.keras").write_bytes((other.folder / "model.keras").read_bytes())
    run = edited_run(run, model={"sha256": other.record.model.sha256})
    with pytest.raises(StoreError, match=r"lstm maps \(28, 84\)"):
        Predictor(run)


def test_tensorflow_is_imported_once_in_the_background():
    prediction.warm_up()
    first = background._warming
    prediction.warm_up()
    assert background._warming is first
    assert first.daemon
    first.join(120)
    assert "tensorflow" in sys.modules


def test_tensorflow_comes_later_and_at_once_where_it_is_needed(monkeypatch):
    imported = threading.Event()

    def note(after):
        background._now.wait(after)
        imported.set()

    monkeypatch.setattr(background, "_warming", None)
    monkeypatch.setattr(background, "_now", threading.Event())
    monkeypatch.setattr(background, "_import_in_background", note)
    prediction.warm_up(after=3600)
    assert not imported.wait(0.05)
    prediction.warm_up(after=3600)
    assert not imported.is_set()
    prediction.import_tensorflow()
    assert imported.is_set()


def test_the_columns_are_the_seven_classes(predictors):
    assert predictors["cnn"].proba(np.zeros((1, 28, 28, 3), np.uint8)).shape == (1, len(CODES))


# --------------------------------------------------------------------------------- one road


def test_one_file_gives_the_same_pixels_by_every_road(kaggle_folder, tmp_path, monkeypatch, home):
    """Sideways, and with a colour profile that makes red green: by data set, evaluate, predict
    and upload.
    """
    turned = Image.Exif()
    turned[0x0112] = 6
    data = encoded(
        colorful((90, 60)), "JPEG", quality=95, exif=turned, icc_profile=swapped_profile()
    )
    folder = kaggle_folder(counts={"mel": 3, "nv": 4}, pixels=False, jpegs=True)
    file = next(folder.rglob("TEST_00001.jpg"))
    file.write_bytes(data)
    seen = {}

    class Looking:
        def __init__(self, run):
            self.run_id = run.id
            self.rule = DecisionRule(run.id)

        def proba(self, images):
            seen.setdefault("first", images.copy())
            return np.full((len(images), len(CODES)), 1 / len(CODES), np.float32)

    monkeypatch.setattr(prediction, "Predictor", Looking)
    run_id = waiting_run().id
    uploaded = check_image("a.jpg", data)
    assert {note.kind for note in uploaded.notes} == {"turned", "profile"}
    plainly = np.array(Image.open(file).convert("RGB").resize((28, 28), Image.Resampling.LANCZOS))
    assert np.abs(uploaded.seen.astype(int) - plainly).mean() > 10  # the road matters

    dataset = open_dataset(folder)
    row = dataset.metadata["image_id"].tolist().index("TEST_00001")
    assert np.array_equal(dataset.images[row], uploaded.seen)
    assert np.array_equal(dataset_image(dataset, row).seen, uploaded.seen)

    assert cli.main(["predict", run_id, str(file)]) == 0
    assert np.array_equal(seen.pop("first")[0], uploaded.seen)

    (tmp_path / "labels.csv").write_text("image,dx\nTEST_00001,mel\n")
    external, _ = ask([store.read_run(run_id)], str(file.parent), str(tmp_path / "labels.csv"))
    assert np.array_equal(seen.pop("first")[0], uploaded.seen)
    assert external.image_notes == {"turned upright": 1, "converted to sRGB": 1}
    assert external.notes[-2:] == ["1 image is turned upright.", "1 image is converted to sRGB."]


def test_a_path_in_any_bytes_is_answered(tmp_path, monkeypatch, home, capsys):
    name = os.fsdecode(b"m\xe4rz \"x' \xff.png")
    (tmp_path / name).write_bytes(encoded(plain()))
    proba = np.full((1, len(CODES)), 1 / len(CODES), np.float32)
    monkeypatch.setattr(
        prediction,
        "Predictor",
        lambda run: SimpleNamespace(
            run_id=run.id, rule=DecisionRule(run.id), proba=lambda images: proba
        ),
    )
    run_id = waiting_run().id
    assert (
        cli.main(["predict", run_id, str(tmp_path / name), str(tmp_path / "missing"), "--json"])
        == 1
    )
    answered, missing = json.loads(capsys.readouterr().out)
    assert answered["image"] == str(tmp_path / name)
    assert answered["notes"][-1].startswith("It is one even colour")
    assert missing == {
        "image": str(tmp_path / "missing"),
        "run": run_id,
        "label": None,
        "probabilities": None,
        "raw_probabilities": None,
        "prediction_set": None,
        "malignant": None,
        "like_training": None,
        "notes": [],
        "error": "it cannot be read (No such file or directory). Check the path.",
    }


def test_a_record_says_image_run_label_probabilities_notes_and_error(predictors):
    answer = predict([check_image("a.png", encoded(plain()))], [predictors["cnn"]])[0]
    record = prediction.as_record(answer)
    assert list(record) == [
        "image",
        "run",
        "label",
        "probabilities",
        "raw_probabilities",
        "prediction_set",
        "malignant",
        "like_training",
        "notes",
        "error",
    ]
    assert record["notes"] == [
        "It is one even colour: there is no lesion to see, and the answer means nothing."
    ]
    assert list(record["probabilities"]) == list(CODES)
    assert record["label"] == max(record["probabilities"], key=record["probabilities"].get)
    assert prediction.as_record(answer, 3)["true_label"] == CODES[3]
    assert list(prediction.as_refused_record(ImageError("a", "it moves.", "Stop it."))) == list(
        record
    )
    assert json.loads(json.dumps(record)) == record


def test_ham10000s_own_pixels_are_what_plain_reading_makes_of_them(real_data):
    files = sorted(Path(real_data).rglob("*.jpg"))[::50]
    assert len(files) > 150
    for file in files:
        with Image.open(file) as image:
            plainly = np.array(image.convert("RGB").resize((28, 28), Image.Resampling.LANCZOS))
        assert np.array_equal(pixels(file), plainly), file


def test_the_python_of_the_documents_answers(home, tmp_path, monkeypatch, capsys):
    """On an untrained run of the name that it uses."""
    run = finished_run()
    (tmp_path / "image.jpg").write_bytes(encoded(colorful((90, 60)), "JPEG"))
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parents[1] / "docs/asking.md").read_text("utf-8")
    [code] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(code.replace("resnet-improved", run.id), {})
    [record] = ast.literal_eval(capsys.readouterr().out)
    assert (record["image"], record["run"]) == ("image.jpg", run.id)
    assert sum(record["probabilities"].values()) == pytest.approx(1, abs=1e-5)
