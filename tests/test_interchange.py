"""Models as files for other programs; the examples of docs/interchange.md are run as they stand."""

from __future__ import annotations

import dataclasses
import functools
import json
import re
import zipfile
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from PIL import Image
from streamlit.testing.v1 import AppTest

from ham import cli, interchange
from ham.config import CODES, DataError, TrainConfig
from ham.data import LesionDataset
from ham.images import squash
from ham.interchange import FORMATS, ExportError, checked_on, exported
from ham.interchange import exporting as export_module
from ham.models import MODELS, Architecture
from ham.models.layers import dense, lstm_layer
from ham.report import RunReport, hub_metadata, model_card
from ham.store import Run
from tests import light
from tests.run_factory import DATA, finished_run

DOCUMENT = Path(__file__).parents[1] / "docs" / "interchange.md"
WITH_EXAMPLE = ("keras", "onnx", "litert")
EXAMPLES = dict(
    zip(
        WITH_EXAMPLE,
        re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL),
        strict=True,
    )
)


def metadata(content: bytes, form: str) -> dict:
    if form != "onnx":
        return json.loads(zipfile.ZipFile(BytesIO(content)).read("metadata.json"))
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    found = session.get_modelmeta().custom_metadata_map
    lists = ("labels", "label_names", "malignant", "temperature")
    return {name: json.loads(value) if name in lists else value for name, value in found.items()}


def untrained(architecture: Architecture, **settings: float) -> SimpleNamespace:
    """A Predictor's, with random weights."""
    config, model = TrainConfig(), architecture.build(**settings)
    proba = functools.partial(architecture.proba, model, config=config)
    return SimpleNamespace(architecture=architecture, model=model, config=config, proba=proba)


#: What the formats take least easily: a layer with tensors of its own, and an LSTM.
FEW_LAYERS = dataclasses.replace(MODELS["cnn"], layers=light.few_layers)
UNTRAINED = {
    "keras": lambda: untrained(FEW_LAYERS, dropout=0.5),
    "onnx": lambda: untrained(FEW_LAYERS, dropout=0.5),
    "litert": lambda: untrained(
        dataclasses.replace(
            MODELS["lstm"],
            layers=lambda **ignored: [lstm_layer(4, sequence=False), dense(7, "softmax")],
        )
    ),
}


@pytest.mark.parametrize("form", WITH_EXAMPLE)
def test_the_documents_example_gives_the_runs_probabilities_of_a_photograph(
    form: str,
    tiny_runs: list[Run],
    small_dataset: LesionDataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture,
) -> None:
    run = next(run for run in tiny_runs if run.config.model == "cnn")
    asked = UNTRAINED[form]()
    monkeypatch.setattr(export_module, "Predictor", lambda run: asked)
    content = exported(run, form, small_dataset.images[:100])
    (tmp_path / f"model{FORMATS[form].suffix}").write_bytes(content)
    photograph = Image.fromarray(small_dataset.images[7]).resize((600, 450))
    photograph.save(tmp_path / "photograph.jpg")
    assert len([line for line in EXAMPLES[form].splitlines() if line]) == 5
    monkeypatch.chdir(tmp_path)
    exec(EXAMPLES[form], {})
    said = eval(capfd.readouterr().out)
    with Image.open("photograph.jpg") as opened:
        meant = asked.proba(squash(opened)[np.newaxis])[0]
    assert list(said) == list(CODES)
    close = 6e-4 if form == "keras" else 1e-5  # the first rounds
    assert list(said.values()) == pytest.approx(meant.tolist(), abs=close)
    about = metadata(content, form)
    assert about["labels"] == list(CODES)
    assert about["malignant"] == ["mel", "bcc", "akiec"]
    assert about["run"] == run.id
    assert about["model_sha256"] == run.record.model.sha256
    assert about["temperature"] > 0
    assert "not a diagnosis" in about["description"]
    assert "150 images of 75 lesions" in about["data"]


def test_a_repository_for_hugging_face_is_what_keras_reads_with_a_card_that_the_hub_reads(
    tiny_runs: list[Run], small_dataset: LesionDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = next(run for run in tiny_runs if run.config.model == "cnn")
    monkeypatch.setattr(export_module, "Predictor", lambda run: UNTRAINED["onnx"]())
    content = exported(run, "huggingface", small_dataset.images[:10])
    with zipfile.ZipFile(BytesIO(content)) as opened:
        names = {"README.md", ".gitattributes", "config.json", "metadata.json", "model.weights.h5"}
        assert set(opened.namelist()) == names
        card = opened.read("README.md").decode()
    assert metadata(content, "huggingface")["labels"] == list(CODES)
    _, head, body = card.split("---\n", 2)
    found = yaml.safe_load(head)
    assert found["license"] == "unknown", "nobody recorded where the invented data come from"
    assert {
        "library_name": "keras",
        "pipeline_tag": "image-classification",
    }.items() <= found.items()
    [result] = found["model-index"][0]["results"]
    scores = {entry["type"]: entry["value"] for entry in result["metrics"]}
    evaluation = run.record.evaluation.scores
    assert scores["accuracy"] == evaluation["accuracy"].value
    assert scores["f1"] == evaluation["macro_f1"].value
    assert found["metrics"] == list(scores)
    mine = model_card(RunReport(run))
    assert body.lstrip().split("## How to get started")[0] == mine.split("## How to get started")[0]
    assert 'keras.saving.load_model("hf://OWNER/NAME")' in body
    assert "python -m ham" not in body


@pytest.mark.parametrize(
    ("data", "licence", "datasets"),
    [
        ({"name": "HAM10000"}, "cc-by-nc-4.0", ["HAM10000"]),
        ({"name": "HAM Lab's demo data", "synthetic": True}, "mit", None),
        ({}, "unknown", None),
    ],
)
def test_the_hub_is_told_the_licence_of_the_data(data, licence, datasets) -> None:
    found = hub_metadata(RunReport(finished_run(data=DATA | data)))
    assert found["license"] == licence
    assert found.get("datasets") == datasets
    dataset = found["model-index"][0]["results"][0]["dataset"]
    assert re.fullmatch("[a-z0-9-]+", dataset["type"])


def test_scaling_and_the_mean_over_eight_views_are_inside_the_model() -> None:
    config = TrainConfig(pixel_scaling="standard", test_time_augmentation="dihedral")
    few = {f"filters_{i}": 3 for i in range(1, 7)}
    model = MODELS["cnn"].build(**few)
    images = np.random.default_rng(0).integers(0, 256, (5, 28, 28, 3), dtype=np.uint8)
    whole = MODELS["cnn"].whole(model, config)
    meant = MODELS["cnn"].proba(model, images, config)
    assert whole.input_shape == (None, 28, 28, 3)
    assert np.asarray(whole(images)) == pytest.approx(meant, abs=1e-5)
    plain = MODELS["cnn"].proba(model, images, config.replace(test_time_augmentation="none"))
    assert np.abs(np.asarray(whole(images)) - plain).max() > 1e-4


ANSWERS = np.full((100, 7), 1 / 7, np.float32)


@pytest.fixture
def invented(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A run whose model says 1/7 of everything, and the format "keras" with a file of three bytes,
    which answers `answers`.
    """
    made = SimpleNamespace(run=finished_run(), answers=ANSWERS)
    form = dataclasses.replace(
        FORMATS["keras"],
        write=lambda model, run: b"abc",
        answer=lambda content, images: made.answers,
    )
    architecture = SimpleNamespace(whole=lambda model, config: None)
    loaded = SimpleNamespace(
        architecture=architecture, model=None, config=None, proba=lambda images: ANSWERS
    )
    monkeypatch.setitem(FORMATS, "keras", form)
    monkeypatch.setattr(
        export_module, "checked_on", lambda run: np.zeros((100, 28, 28, 3), "uint8")
    )
    monkeypatch.setattr(export_module, "Predictor", lambda run: loaded)
    return made


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (ANSWERS + 2e-5, "differ by 2e-05 on 100 images"),
        (ANSWERS * np.nan, "differ by nan"),
        (ANSWERS[:, :6], "differ by nan"),
    ],
    ids=["other", "none", "too few"],
)
def test_a_file_that_answers_otherwise_is_an_error_and_leaves_no_file(
    answers, said, invented, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    invented.answers = answers
    target = tmp_path / "model.keras"
    assert cli.main(["export", invented.run.id, "--to", str(target)]) == 2
    assert said in capsys.readouterr().err
    assert list(tmp_path.glob("*model*")) == []


def test_the_command_writes_the_file_and_names_it(
    invented, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    invented.answers = ANSWERS + np.float32(5e-6)
    target = tmp_path / "made" / "model.keras"
    command = ["export", invented.run.id, "--format", "keras", "--to", str(target)]
    assert cli.main(command) == 0
    assert capsys.readouterr().out == f"{target}\n"
    assert target.read_bytes() == b"abc"
    with pytest.raises(SystemExit):
        cli.main(["export", "--help"])
    assert f"{', '.join(FORMATS)} (default: keras)" in " ".join(capsys.readouterr().out.split())


def test_a_format_that_nobody_knows_or_whose_packages_are_missing_is_refused_in_words(
    tiny_runs: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ExportError, match="Choose of keras, onnx, litert, huggingface"):
        exported(tiny_runs[0], "pickle")
    needs = dataclasses.replace(FORMATS["onnx"], packages=("onnx", "no_such_package"))
    monkeypatch.setitem(FORMATS, "onnx", needs)
    assert interchange.missing_packages(needs) == ["no-such-package"]
    with pytest.raises(
        ExportError, match=r"with no-such-package, not installed.*pip install no-such-package"
    ):
        exported(tiny_runs[0], "onnx")


def test_a_file_is_checked_on_the_runs_own_images_where_they_are_in_use_else_on_the_demos(
    tiny_runs: list[Run], small_dataset: LesionDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    demo = SimpleNamespace(images=np.arange(250), fingerprint="another")
    opened = {"demo": demo, "own": small_dataset}
    monkeypatch.setattr(export_module, "open_dataset", lambda source: opened[str(source)])
    monkeypatch.setattr(export_module, "current_source", lambda: "own")
    own = checked_on(tiny_runs[0])
    assert own.shape == (100, 28, 28, 3)
    assert np.array_equal(own, small_dataset.images[:100])
    monkeypatch.setattr(export_module, "current_source", lambda: "demo")
    assert checked_on(tiny_runs[0]).tolist() == list(range(0, 200, 2)), "spread over all of them"

    def gone() -> str:
        raise DataError("The folder", "it is gone.", "Choose another.")

    monkeypatch.setattr(export_module, "current_source", gone)
    assert checked_on(tiny_runs[0]).tolist() == list(range(0, 200, 2))


def page_with_files(run_id: str) -> None:
    """A page with the section alone."""
    from ham import store
    from ham.ui import model_file

    model_file.as_files({"A": store.read_run(run_id)}, "here")


def test_a_page_makes_the_file_of_the_chosen_format_when_asked_and_says_what_went_wrong(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def make(run: Run, form: str) -> bytes:
        if form == "onnx":
            raise ExportError("The file", "it answers otherwise.", "Choose another format.")
        return 2000 * b"a"

    monkeypatch.setattr("ham.ui.model_file.exported", make)
    needs = dataclasses.replace(FORMATS["litert"], packages=("no_such_package",))
    monkeypatch.setitem(FORMATS, "litert", needs)
    run = finished_run()
    page = AppTest.from_function(page_with_files, args=(run.id,)).run()
    assert page.button_group[0].options == ["Keras", "ONNX", "LiteRT", "Hugging Face"]
    assert not page.get("download_button")
    page.button[0].click().run()
    [save] = page.get("download_button")
    assert save.label == f"Save ham-{run.id}.keras (2 kB)"
    page.session_state["here_format"] = "onnx"
    page.run()
    assert not page.get("download_button")
    assert not page.error
    page.button[0].click().run()
    assert "it answers otherwise" in page.error[0].value
    assert not page.get("download_button")
    page.session_state["here_format"] = "litert"
    page.run()
    assert page.button[0].disabled
    assert page.code[0].value == "pip install no-such-package"
