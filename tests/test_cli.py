"""python -m ham: what it prints where, and its exit status; each verb as a process of its own
where that matters and once at least, else in this one.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from ham import cli, config, prediction, store
from ham.cli import training
from ham.cli.parser import make_parser
from ham.cli.writing import clock
from ham.config import CLASS_INDEX, CODES
from ham.report import DecisionRule
from tests.run_factory import edited_run, finished_run, waiting_run
from tests.test_engine import hold

REAL_GATE = prediction.gate  # tests have an open one
ROOT = Path(__file__).parents[1]
VERBS = (
    "data",
    "split",
    "train",
    "sweep",
    "runs",
    "evaluate",
    "predict",
    "lesson",
    "export",
    "cancel",
    "work",
    "app",
)
SCORES = {"accuracy", "balanced_accuracy", "macro_f1", "macro_auc"}


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "ham", *map(str, arguments)]


def run(
    *arguments: object, home: Path | None = None, **environment: object
) -> subprocess.CompletedProcess:
    named = {"HAM_HOME": home, **environment} if home else environment
    settings = {**os.environ, **{name: str(value) for name, value in named.items()}}
    return subprocess.run(
        command(*arguments), cwd=ROOT, env=settings, capture_output=True, text=True, timeout=300
    )


@pytest.fixture
def ham(capsys, monkeypatch):
    """`run`, in this process."""

    def call(
        *arguments: object, home: Path | None = None, **environment: object
    ) -> subprocess.CompletedProcess:
        with monkeypatch.context() as patched:
            for name, value in {**({"HAM_HOME": home} if home else {}), **environment}.items():
                patched.setenv(name, str(value))
            status = cli.main([*map(str, arguments)])
        said = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, status, said.out, said.err)

    return call


@pytest.fixture(scope="module")
def trained(made_once, small_folder) -> tuple[str, Path, subprocess.CompletedProcess]:
    """A CNN trained for one epoch from the command line: its id, its home, what the command
    said. Once for all processes that share the tests.
    """

    def make(folder: Path) -> None:
        said = run(
            "train",
            "--model",
            "cnn",
            "--recipe",
            "quick",
            "--set",
            "epochs=1",
            "--set",
            "seed=1",
            "--split",
            "image",
            "--wait",
            home=folder / "home",
            HAM_DATA=small_folder,
        )
        assert said.returncode == 0, said.stderr
        (folder / "said.json").write_text(json.dumps([said.stdout, said.stderr]))

    folder = made_once("trained_by_command", make)
    out, error = json.loads((folder / "said.json").read_text())
    said = subprocess.CompletedProcess(["ham", "train"], 0, out, error)
    return out.split()[-1], folder / "home", said


# ------------------------------------------------------------------------------- usage


def test_help_names_every_verb_and_imports_nothing_heavy():
    script = (
        "import sys, contextlib\nfrom ham.cli import main\n"
        "with contextlib.suppress(SystemExit): main(['--help'])\n"
        "print([n for n in ('numpy', 'pandas', 'tensorflow', 'distributed') if n in "
        "sys.modules])"
    )
    said = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert [verb for verb in VERBS if f"\n    {verb} " not in said.stdout] == []
    assert said.stdout.endswith("\n[]\n")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main([verb, "--help"])
    assert end.value.code == 0
    assert "%%" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["dance"],
        ["predict"],
        ["predict", "a-run"],
        ["evaluate", "no-such-run"],
        ["cancel", "no-such-run"],
        ["evaluate", "../etc"],
        ["evaluate", "a-run", "--images", "."],
        ["evaluate", "a-run", "--labels", "labels.csv"],
        ["train", "--model", "oracle"],
        ["train", "--recipe", "magic"],
        ["train", "--set", "epochs=0"],
        ["train", "--set", "epochs"],
        ["train", "--set", "wings=2"],
        ["train", "--split", "sideways"],
        ["data", "--data", "no/such/folder"],
    ],
)
def test_wrong_input_ends_with_2_and_three_parts_and_no_traceback(arguments, capsys):
    assert cli.main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    first, second = said.err.splitlines()
    assert ": " in first
    assert second.endswith((".", "--help.", "ham10000."))
    assert "Traceback" not in said.err


def test_a_mistake_of_ours_is_no_wrong_input(capsys, monkeypatch):
    monkeypatch.setattr(store, "find_runs", lambda: 1 / 0)
    assert cli.main(["runs"]) == 70
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_settings_on_the_command_line_are_the_forms_own():
    chosen = make_parser().parse_args(
        [
            "train",
            "--model",
            "lstm",
            "--set",
            "epochs=20",
            "--set",
            "dropout_1=0.2",
            "--split",
            "image",
        ]
    )
    made = training._train_config(chosen)
    assert (made.model, made.epochs, made.split, made.model_settings["dropout_1"]) == (
        "lstm",
        20,
        "image",
        0.2,
    )


# -------------------------------------------------------------------------------- data


def test_data_as_json_is_one_document_and_nothing_else(small_folder, tmp_path):
    said = run("data", "--json", HAM_DATA=small_folder)
    assert said.returncode == 0
    found = json.loads(said.stdout)
    assert found["source"] == str(small_folder.resolve())
    assert (found["n_images"], found["n_lesions"], found["synthetic"]) == (150, 75, False)
    assert found["counts"] == {
        "mel": 24,
        "bcc": 15,
        "akiec": 12,
        "nv": 63,
        "bkl": 18,
        "vasc": 9,
        "df": 9,
    }
    assert len(found["fingerprint"]) == 64


def test_data_for_people_counts_the_classes(small_folder, capsys):
    assert cli.main(["data", "--data", str(small_folder)]) == 0
    assert "Melanocytic nevus (nv)      63      42.0 %" in capsys.readouterr().out


def test_broken_data_is_refused_with_file_and_row(kaggle_folder, ham):
    folder = kaggle_folder()
    pixels = folder / "hmnist_28_28_RGB.csv"
    pixels.write_text(pixels.read_text().replace("\n", "\n300,", 1))
    said = ham("data", "--json", HAM_DATA=folder)
    assert (said.returncode, said.stdout) == (2, "")
    assert "hmnist_28_28_RGB.csv, line 2" in said.stderr
    assert "Traceback" not in said.stderr


# ------------------------------------------------------------------------------- train


def test_train_prints_the_run_last_and_progress_on_standard_error(trained):
    run_id, _, said = trained
    assert said.stdout == f"{run_id}\n"
    assert "epoch 1 of 1" in said.stderr
    assert "done after 1 epoch and" in said.stderr


# Workers that need no TensorFlow. A test run in the background of a shell has SIGINT ignored, and
# its children inherit that.
LIGHTLY = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from ham.cli import main; from ham.engine import processes; from tests import light; "
    "processes.WORKER = light.WORKER; sys.exit(main(sys.argv[1:]))"
)


def run_lightly(*arguments: str, data: Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", LIGHTLY, *arguments],
        cwd=ROOT,
        env={**os.environ, "HAM_DATA": str(data)},
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_train_without_wait_leaves_a_worker_behind(small_folder, ham_home):
    hold()  # it is cancelled while it trains
    said = run_lightly("train", "--recipe", "quick", "--set", "epochs=5", data=small_folder)
    assert said.returncode == 0, said.stderr
    run_id = said.stdout.strip()
    assert "python -m ham cancel" in said.stderr
    assert run("cancel", run_id).returncode == 0
    assert _ended(run_id).state == "cancelled"


def test_ctrl_c_cancels_the_run_and_keeps_it(small_folder, ham_home):
    with subprocess.Popen(
        [sys.executable, "-c", LIGHTLY, "train", "--set", "epochs=500", "--wait"],
        cwd=ROOT,
        text=True,
        env={**os.environ, "HAM_DATA": str(small_folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert _eventually(lambda: [r for r in store.list_runs() if r.status.phase == "training"])
        process.send_signal(signal.SIGINT)
        try:
            out, err = process.communicate(timeout=120)
        finally:
            process.kill()
    assert process.returncode == 130
    assert "Traceback" not in err
    assert _ended(out.strip()).state == "cancelled"


def test_a_worker_that_cannot_start_is_said_and_not_waited_for(small_folder, monkeypatch, capsys):
    popen = subprocess.Popen
    monkeypatch.setattr(
        subprocess, "Popen", lambda words, **more: popen([sys.executable, "-c", "exit(3)"], **more)
    )
    monkeypatch.setattr(training, "_POLL_SECONDS", 0.05)
    assert cli.main(["train", "--data", str(small_folder), "--wait"]) == 2
    assert "ended with status 3" in capsys.readouterr().err


def test_a_training_that_fails_ends_with_2_and_says_why(kaggle_folder):
    folder = kaggle_folder(counts={"nv": 3, "mel": 3})
    said = run_lightly("train", "--recipe", "quick", "--wait", data=folder)
    assert said.returncode == 2
    assert "Traceback" not in said.stderr
    [failed] = store.list_runs()
    assert failed.state == "failed"
    assert failed.status.error.why in said.stderr


def _eventually(found, seconds: float = 240):
    for _ in range(round(seconds / 0.1)):
        if result := found():
            return result
        time.sleep(0.1)
    return None


def _ended(run_id: str) -> store.Run:
    ended = _eventually(lambda: None if (seen := store.read_run(run_id)).live else seen)
    assert ended, "it still runs"
    return ended


# -------------------------------------------------------------------- runs and evaluate


def test_runs_as_json(trained, ham):
    run_id, home, _ = trained
    said = ham("runs", "--json", home=home)
    [found] = [entry for entry in json.loads(said.stdout)["runs"] if not entry["shipped"]]
    assert (found["run"], found["state"], found["model"], found["split"], found["epochs"]) == (
        run_id,
        "done",
        "cnn",
        "image",
        1,
    )
    assert set(found["scores"]["accuracy"]) == {"value", "low", "high"}


def test_runs_for_people_and_damaged_ones_on_standard_error(capsys):
    made = waiting_run(config.TrainConfig(seed=3))
    (config.runs_folder() / "broken").mkdir()
    assert cli.main(["runs"]) == 0
    said = capsys.readouterr()
    assert made.id in said.out
    assert "CNN, as described, seed 3" in said.out
    assert "broken is left out" in said.err


def test_no_run_is_an_empty_list(capsys):
    assert cli.main(["runs", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"runs": []}


def test_evaluate_as_json_has_every_score_with_its_interval(trained):
    run_id, home, _ = trained
    said = run("evaluate", run_id, run_id, "--json", home=home)
    assert said.returncode == 0, said.stderr
    first, second = json.loads(said.stdout)["runs"]
    assert (first.pop("difference"), second.pop("difference")["mcnemar"]["p"]) == (None, 1.0)
    assert (first.pop("letter"), second.pop("letter")) == ("A", "B")
    assert first == second
    recorded = json.loads((home / "runs" / run_id / "config.json").read_text())
    assert (first["run"], first["n_images"]) == (run_id, recorded["split"]["n_test"])
    assert set(first["scores"]) >= SCORES
    assert first["scores"] == recorded["evaluation"]["scores"]
    assert list(first["baselines"]) == [
        "Always melanocytic nevus (nv)",
        "Logistic regression on the pixels",
    ]
    assert (
        first["baselines"]["Logistic regression on the pixels"]
        == recorded["floors"]["logistic_regression"]
    )
    assert all(
        score["low"] <= score["value"] <= score["high"] for score in first["scores"].values()
    )


def test_evaluating_a_run_without_a_model_is_refused(capsys):
    made = waiting_run()
    assert cli.main(["evaluate", made.id]) == 2
    assert made.id in capsys.readouterr().err


# ------------------------------------------------------------- evaluate, on other images


class Colour:
    """Answers with 0.76 for the class of the image's red, a tenth of it; or always with the same
    class.
    """

    def __init__(self, always: str | None = None):
        self.always = always

    def proba(self, images: np.ndarray) -> np.ndarray:
        label = (
            images[:, 14, 14, 0] // 10
            if self.always is None
            else np.full(len(images), CLASS_INDEX[self.always])
        )
        return sure(label)


def sure(labels) -> np.ndarray:
    proba = np.full((len(labels), len(CODES)), 0.04, np.float32)
    proba[np.arange(len(labels)), labels] = 0.76
    return proba


def write_images(folder: Path, **shown: str) -> Path:
    """`name="mel"`: a PNG of the colour that Colour takes for melanoma."""
    folder.mkdir(exist_ok=True)
    for name, code in shown.items():
        Image.fromarray(np.full((30, 40, 3), 10 * CLASS_INDEX[code] + 5, np.uint8)).save(
            folder / f"{name}.png"
        )
    return folder


def write_labels(folder: Path, *lines: str) -> Path:
    path = folder / "labels.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def two_runs(monkeypatch) -> list[str]:
    """The first always says nv, the second names Colour's classes. Both were trained on
    nv most, and validated on 70 images, all right."""
    labels = np.tile(np.arange(len(CODES)), 10)
    part = store.Predictions(
        np.array([f"V{i}" for i in range(70)]), np.arange(70), labels, sure(labels)
    )
    predictors = {}
    for seed, predictor in enumerate((Colour(always="nv"), Colour())):
        counts = {code: 20 if code == "nv" else 10 for code in CODES}
        made = finished_run(config.TrainConfig(seed=seed), part, split={"train_counts": counts})
        predictors[made.id] = predictor
    monkeypatch.setattr(prediction, "Predictor", lambda run: predictors[run.id])
    return list(predictors)


def test_any_labelled_folder_is_evaluated_and_runs_are_compared_on_it(two_runs, tmp_path, capsys):
    images = write_images(tmp_path / "images", a="mel", b="nv", c="nv", d="bcc", e="nv")
    labels = write_labels(
        tmp_path, "image,dx,lesion_id", "a,mel,L1", "b.png,nv,L2", "c,nv,L2", "d,akiec,L3"
    )
    assert (
        cli.main(
            ["evaluate", *two_runs, "--images", str(images), "--labels", str(labels), "--json"]
        )
        == 0
    )
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert (
        found["n_labelled"],
        found["n_images"],
        found["n_lesions"],
        found["n_missing"],
        found["n_unreadable"],
        found["n_unlabelled"],
    ) == (4, 4, 3, 0, 0, 1)
    assert {code: n for code, n in found["counts"].items() if n} == {"mel": 1, "nv": 2, "akiec": 1}
    assert (found["missing"], found["unreadable"]) == ([], [])
    assert found["image_notes"] == {"of one even colour": 4}
    assert found["notes"] == ["4 images are of one even colour."]
    first, second = found["runs"]
    assert (first["run"], second["run"]) == tuple(two_runs)
    assert (first["scores"]["accuracy"]["value"], second["scores"]["accuracy"]["value"]) == (
        0.5,
        0.75,
    )
    assert (first["difference"], second["difference"]["minus"]) == (None, two_runs[0])
    assert second["difference"]["scores"]["accuracy"]["value"] == 0.25
    assert second["difference"]["mcnemar"] == {
        "correct_by_the_first_only": 0,
        "correct_by_this_only": 1,
        "p": 1.0,
    }
    # on validation every image was right at 0.76; two more malignant classes at 0.04 make it 0.84
    malignant, chosen, sets = (
        second["operating_points"]["0.9"],
        second["calibration"],
        second["prediction_sets"],
    )
    assert malignant["threshold"] == pytest.approx(0.84)
    assert (malignant["sensitivity"]["value"], malignant["specificity"]["value"]) == (1.0, 1.0)
    assert chosen["ece_before"] == pytest.approx(0.76 - 0.75, abs=1e-6)
    assert chosen["temperature"] < 1
    assert (sets["coverage"]["value"], sets["mean_size"]) == (0.75, 1.0)
    assert first["operating_points"]["0.9"]["sensitivity"]["value"] == 0.0
    assert "Reading images" in said.err


@pytest.mark.every_draw
def test_the_same_for_people(two_runs, tmp_path, capsys):
    images = write_images(tmp_path / "images", a="mel", b="nv", c="nv", d="bcc", e="nv")
    labels = write_labels(tmp_path, "image,dx", "a,mel", "b,nv", "c,nv", "d,akiec")
    assert cli.main(["evaluate", *two_runs, "--images", str(images), "--labels", str(labels)]) == 0
    out = capsys.readouterr().out
    assert out.startswith(
        f"{images}: 4 of 4 labelled images evaluated, 0 missing, 0 unreadable; "
        "1 more in the folder without a label\n"
        "Every image counts as a lesion of its own: labels.csv has no column "
        "lesion_id.\n"
    )
    assert "  Melanocytic nevus (nv)      2       50.0 %" in out
    assert (
        f"{two_runs[1]}: CNN, as described, seed 1, 4 images of 4 lesions\n  Accuracy             "
        "  75 % (" in out
    )
    assert "    Calibration error         0.010; 0." in out
    assert (
        "  What takes no network, on the same images:\n    Always melanocytic nevus (nv)  "
        "accuracy 50 % (" in out
    )
    assert (
        "    Sets with the true class  75 % (25 to 100), aimed at 90 %, 1.0 classes on average"
        in out
    )
    assert "    Malignant from 0.84 on    sensitivity 100" in out
    assert f"  Minus {two_runs[0]}:\n    Accuracy               +25 points (0 to +75)" in out
    assert (
        "McNemar's test         p = 1.00: 1 images correct by this run only, 0 by the first only"
        in out
    )


def test_isic_2018_ground_truth_is_read_as_it_is(two_runs, tmp_path, capsys):
    images = write_images(tmp_path / "images", ISIC_1="mel", ISIC_2="df")
    labels = write_labels(
        tmp_path,
        "image,MEL,NV,BCC,AKIEC,BKL,DF,VASC",
        "ISIC_1,1.0,0.0,0.0,0.0,0.0,0.0,0.0",
        "ISIC_2,0.0,0.0,0.0,0.0,0.0,1.0,0.0",
    )
    assert (
        cli.main(
            ["evaluate", two_runs[1], "--images", str(images), "--labels", str(labels), "--json"]
        )
        == 0
    )
    found = json.loads(capsys.readouterr().out)
    assert {code: n for code, n in found["counts"].items() if n} == {"mel": 1, "df": 1}
    assert found["runs"][0]["scores"]["accuracy"]["value"] == 1.0


def test_missing_and_unreadable_images_are_named_and_the_others_evaluated(
    two_runs, tmp_path, capsys
):
    images = write_images(tmp_path / "images", good="mel")
    Image.new("RGB", (20, 300)).save(images / "small.png")
    (images / "text.jpg").write_text("no image")
    labels = write_labels(tmp_path, "image,dx", "good,mel", "small,nv", "text,nv", "nowhere,nv")
    assert (
        cli.main(
            ["evaluate", two_runs[1], "--images", str(images), "--labels", str(labels), "--json"]
        )
        == 1
    )
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert (found["n_images"], found["n_missing"], found["n_unreadable"]) == (1, 1, 2)
    assert found["missing"] == [{"image": "nowhere", "reason": "there is no image of this name."}]
    assert [entry["image"] for entry in found["unreadable"]] == ["small", "text"]
    assert "20 x 300 pixels" in found["unreadable"][0]["reason"]
    assert "1 labelled image is missing:\n  nowhere: there is no image of this name.\n" in said.err
    assert "2 labelled images are unreadable:\n  small: it is 20 x 300 pixels" in said.err


def test_a_long_list_of_missing_images_is_cut_on_the_screen_and_whole_in_json(
    two_runs, tmp_path, capsys
):
    images = write_images(tmp_path / "images", good="mel")
    labels = write_labels(tmp_path, "image,dx", "good,mel", *(f"m{i},nv" for i in range(25)))
    assert (
        cli.main(
            ["evaluate", two_runs[1], "--images", str(images), "--labels", str(labels), "--json"]
        )
        == 1
    )
    said = capsys.readouterr()
    assert len(json.loads(said.out)["missing"]) == 25
    assert "  m19: " in said.err
    assert "  m20: " not in said.err
    assert "  and 5 more\n" in said.err


def test_nothing_to_evaluate_ends_with_2_before_any_model_is_loaded(
    two_runs, tmp_path, monkeypatch, capsys
):
    images, labels = (
        write_images(tmp_path / "images", other="mel"),
        write_labels(tmp_path, "image,dx", "a,mel"),
    )
    monkeypatch.setattr(prediction, "Predictor", lambda run: 1 / 0)
    assert (
        cli.main(
            ["evaluate", two_runs[1], "--images", str(images), "--labels", str(labels), "--json"]
        )
        == 2
    )
    said = capsys.readouterr()
    assert said.out == ""
    assert "of 1 labelled images 1 are missing and 0 unreadable" in said.err


def test_images_that_cannot_be_read_at_all_end_with_2(two_runs, tmp_path, capsys):
    images, labels = tmp_path / "images", write_labels(tmp_path, "image,dx", "a,mel")
    images.mkdir()
    (images / "a.jpg").write_text("no image")
    assert (
        cli.main(["evaluate", two_runs[1], "--images", str(images), "--labels", str(labels)]) == 2
    )
    assert "0 are missing and 1 unreadable" in capsys.readouterr().err


def test_labels_that_cannot_be_read_end_with_2_and_name_the_line(two_runs, tmp_path, capsys):
    images, labels = (
        write_images(tmp_path / "images", a="mel"),
        write_labels(tmp_path, "image,dx", "a,nv,3"),
    )
    assert (
        cli.main(["evaluate", two_runs[1], "--images", str(images), "--labels", str(labels)]) == 2
    )
    said = capsys.readouterr()
    assert said.out == ""
    assert f"{labels}, line 2: it has 3 fields where the header has 2" in said.err


def test_a_validation_part_without_malignant_images_leaves_out_their_threshold_alone(
    two_runs, tmp_path, capsys
):
    labels = np.full(20, CLASS_INDEX["nv"])
    part = store.Predictions(
        np.array([f"V{i}" for i in range(20)]), np.arange(20), labels, sure(labels)
    )
    store.write_predictions(store.read_run(two_runs[1]), {"validation": part, "test": part})
    images, csv = (
        write_images(tmp_path / "images", a="nv"),
        write_labels(tmp_path, "image,dx", "a,nv"),
    )
    command = ["evaluate", two_runs[1], "--images", str(images), "--labels", str(csv)]
    assert cli.main([*command, "--json"]) == 0
    said = capsys.readouterr()
    [found] = json.loads(said.out)["runs"]
    assert list(found["operating_points"]) == ["predicted_class"]
    assert found["prediction_sets"]["coverage"]["value"] == 1.0
    assert "no threshold for malignant" in said.err
    assert cli.main(command) == 0
    assert "Malignant from" not in capsys.readouterr().out


def test_images_that_the_run_knows_are_no_external_test(two_runs, tmp_path, capsys):
    images = write_images(tmp_path / "images", V1="bcc", new="mel")
    labels = write_labels(tmp_path, "image,dx", "V1,bcc", "new,mel")
    assert (
        cli.main(["evaluate", two_runs[1], "--images", str(images), "--labels", str(labels)]) == 0
    )
    assert (
        f"{two_runs[1]}: 1 of these images have names of its own validation images"
        in capsys.readouterr().err
    )


def test_a_runs_test_images_from_their_jpegs_score_as_the_run_recorded_and_as_predict_answers(
    trained, small_folder, small_dataset, tmp_path, ham
):
    run_id, home, _ = trained
    with np.load(home / "runs" / run_id / "predictions.npz") as stored:
        names = stored["test_image_id"].tolist()
    metadata = small_dataset.metadata.set_index("image_id").loc[names]
    labels = write_labels(
        tmp_path,
        "lesion_id,dx,image",
        *(f"{row.lesion_id},{row.dx},{name}.jpg" for name, row in metadata.iterrows()),
    )
    said = ham(
        "evaluate", run_id, "--images", small_folder, "--labels", labels, "--json", home=home
    )
    assert said.returncode == 0, said.stderr
    found = json.loads(said.stdout)
    assert (found["n_images"], found["n_lesions"], found["n_unlabelled"]) == (
        len(names),
        metadata["lesion_id"].nunique(),
        150 - len(names),
    )
    recorded = json.loads((home / "runs" / run_id / "config.json").read_text())["evaluation"]
    [scored] = found["runs"]
    assert scored["confusion"] == recorded["confusion"]
    values = {key: score["value"] for key, score in scored["scores"].items()}
    assert values == pytest.approx(
        {key: score["value"] for key, score in recorded["scores"].items()}, abs=1e-6
    )
    answered = json.loads(
        ham(
            "predict",
            run_id,
            *(small_dataset.originals[name] for name in names),
            "--json",
            home=home,
        ).stdout
    )
    right = [entry["label"] == dx for entry, dx in zip(answered, metadata["dx"], strict=True)]
    assert values["accuracy"] == pytest.approx(np.mean(right))


def test_evaluate_on_the_test_part_says_how_its_probabilities_hold(trained, monkeypatch, capsys):
    run_id, home, _ = trained
    monkeypatch.setenv("HAM_HOME", str(home))
    assert cli.main(["evaluate", run_id, run_id]) == 0
    out = capsys.readouterr().out
    assert "(split by image, a leaking split)\n  Accuracy " in out
    assert (
        out.count("  Chosen on the run's validation images, seen on these:\n    Calibration error ")
        == 2
    )
    assert out.count(f"  Minus {run_id}:\n    Accuracy               0 points\n") == 1


def test_runs_tested_on_different_images_are_not_compared(two_runs, capsys):
    for number, run_id in enumerate(two_runs):
        edited_run(store.read_run(run_id), split={"test_fingerprint": str(number)})
    assert cli.main(["evaluate", *two_runs, "--json"]) == 0
    said = capsys.readouterr()
    assert [found["difference"] for found in json.loads(said.out)["runs"]] == [None, None]
    assert "tested on different images" in said.err


# ------------------------------------------------------------------------------ predict


def test_predict_answers_images_and_refuses_the_others(trained, tmp_path, ham, monkeypatch):
    run_id, home, _ = trained
    monkeypatch.setattr(prediction, "gate", REAL_GATE)
    Image.fromarray(np.full((40, 50, 3), 120, np.uint8)).save(tmp_path / "grey.png")
    (tmp_path / "text.png").write_text("no image")
    said = ham(
        "predict",
        run_id,
        tmp_path / "grey.png",
        tmp_path / "text.png",
        tmp_path / "missing.png",
        "--json",
        home=home,
    )
    assert said.returncode == 1
    answered, text, missing = json.loads(said.stdout)
    assert (answered["image"], answered["run"]) == (str(tmp_path / "grey.png"), run_id)
    assert answered["error"] is None
    assert answered["notes"] == [
        "It is one even colour: there is no lesion to see, and the answer means nothing."
    ]
    assert list(answered["probabilities"]) == list(CODES)
    assert sum(answered["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert answered["label"] == max(answered["probabilities"], key=answered["probabilities"].get)
    assert text["label"] is None
    assert text["probabilities"] is None
    assert text["notes"] == []
    assert text["error"].startswith("this is a text file")
    assert [list(record) for record in (text, missing)] == [list(answered)] * 2
    assert "cannot be read" in missing["error"]


def test_predict_of_nothing_but_refused_images_ends_with_2(trained, tmp_path, ham):
    run_id, home, _ = trained
    said = ham("predict", run_id, tmp_path / "missing.png", "--json", home=home)
    assert said.returncode == 2
    assert json.loads(said.stdout)[0]["label"] is None
    assert "missing.png: it cannot be read" in said.stderr


def test_predict_for_people_names_class_and_kind_and_is_no_diagnosis(tmp_path, monkeypatch, capsys):
    image = tmp_path / "grey.png"
    Image.fromarray(np.full((40, 50, 3), 120, np.uint8)).save(image)
    proba = np.array([0.7, 0.2, 0.04, 0.03, 0.01, 0.01, 0.01], np.float32)
    monkeypatch.setattr(
        prediction,
        "Predictor",
        lambda run: SimpleNamespace(
            run_id=run.id, rule=DecisionRule(run.id), proba=lambda images: proba[None]
        ),
    )
    made = waiting_run()
    assert cli.main(["predict", made.id, str(image)]) == 0
    said = capsys.readouterr()
    assert said.out == (
        f"{image}: Melanoma (mel), malignant 70 %; Basal cell carcinoma (bcc), "
        "malignant 20 %; "
        "Actinic keratosis (akiec), malignant 4 %\n"
        "  It is one even colour: there is no lesion to see, and the answer means "
        "nothing.\n"
    )
    assert config.DISCLAIMER in said.err


# ----------------------------------------------------------------------------- writing


def test_what_libraries_print_goes_to_standard_error():
    script = (
        "import os, sys\nfrom ham.cli.writing import answers\n"
        "with answers() as out:\n    print('python'); os.write(1, b'native\\n'); "
        "print('ours', file=out)\n"
        "print('after')"
    )
    said = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert said.stdout == "ours\nafter\n"
    assert sorted(said.stderr.split()) == ["native", "python"]


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX pipe")
def test_a_reader_that_has_read_enough_gets_no_traceback(ham_home):
    for seed in range(20):
        waiting_run(config.TrainConfig(seed=seed))
    process = subprocess.Popen(
        command("runs", "--json"), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.close()
    err = process.stderr.read().decode()
    process.stderr.close()
    assert process.wait(60) == 141
    assert err == ""


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (75, "1:15"), (3675.4, "1:01:15")])
def test_time_left_reads_as_a_clock(seconds, text):
    assert clock(seconds) == text
