"""The cases beside the data (`shared/cases`): inputs that people really met, each right by its
README.

They stand for kinds. The kinds themselves are tested, with their neighbours, in the test of the
module that reads them; two cases that only a browser can show are in tests/browser and
tests/test_pages_prediction.py.
"""

from __future__ import annotations

import json
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ham import data, images, store
from ham.cli import main
from ham.config import ImageError

pytestmark = pytest.mark.every_draw
REFERENCE = Path(__file__).parents[1] / "ham" / "reference"


@pytest.fixture(scope="module")
def cases(real_data: Path) -> Path:
    folder = real_data.parent / "cases"
    if not folder.is_dir():
        pytest.skip("there is no folder cases beside HAM_DATA")
    return folder


@pytest.fixture(autouse=True)
def reference(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The runs that ship are there: the cases ask one of them."""
    return REFERENCE


class Said:
    """What a command left behind."""

    def __init__(self, status: int, out: str, err: str):
        self.status, self.out, self.err = status, out, err

    @property
    def json(self) -> dict | list:
        return json.loads(self.out)


@pytest.fixture
def ham(capsys: pytest.CaptureFixture):
    """`ham("data", "--data", folder)` -> Said."""

    def run(*arguments: str | Path) -> Said:
        status = main([str(argument) for argument in arguments])
        return Said(status, *capsys.readouterr())

    return run


def evaluated(
    ham, folder: Path, images_in: str = "images", labels: str = "labels.csv", status: int = 0
) -> dict:
    said = ham(
        "evaluate",
        "cnn-described",
        "--json",
        "--images",
        folder / images_in,
        "--labels",
        folder / labels,
    )
    assert said.status == status, said.err
    return said.json


# -------------------------------------------------------------------------------- data sets


@pytest.mark.parametrize(
    "name",
    [
        "dataverse/noext",
        "dataverse/tab",
        "nan-as-a-sex/data",
        "zip-on-the-command-line/finder.zip",
        *(
            f"there-but-said-missing/{kind}"
            for kind in (
                "csv-folder",
                "csv-zip",
                "inner-zip",
                "png",
                "train-class-folders",
                "two-levels",
            )
        ),
        "zip-with-inner-zips/kaggle_old_nested.zip",
        "zip-with-inner-zips/csv_zip_inside.zip",
        "dataverse/dataverse_files.zip",
    ],
)
def test_a_data_set_is_read_as_it_lies_there(cases, ham, name):
    said = ham("data", "--json", "--data", cases / name)
    assert said.status == 0, said.err
    assert said.json["n_images"] == 21
    assert sum(said.json["counts"].values()) == 21


def test_the_original_download_keeps_its_source(cases):
    dataset = data.open_dataset(cases / "dataverse" / "tab")
    assert set(dataset.metadata["source"]) >= {"vidir_modern"}


def test_a_zip_named_by_the_environment_is_taken(cases, ham, monkeypatch):
    monkeypatch.setenv("HAM_DATA", str(cases / "zip-on-the-command-line" / "finder.zip"))
    said = ham("data", "--json")
    assert said.status == 0, said.err
    assert said.json["n_images"] == 21


@pytest.mark.parametrize(
    "name",
    [
        "zip-with-inner-zips/kaggle_old_nested.zip",
        "zip-with-inner-zips/csv_zip_inside.zip",
        "dataverse/dataverse_files.zip",
    ],
)
def test_a_zip_of_zips_is_unpacked(cases, name):
    folder = data.unpack(cases / name, Path(name).name)
    assert data.open_dataset(folder).n_images == 21


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_folder_whose_name_is_no_utf8_opens(cases, tmp_path, form):
    folder = tmp_path / os.fsdecode(b"b\xe4d")
    shutil.copytree(cases / "path-that-is-no-utf8" / "data", folder)
    said = subprocess.run(
        [sys.executable, "-m", "ham", "data", *form, "--data", folder],
        cwd=REFERENCE.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    assert "21" in said.stdout


def test_nan_is_no_sex_and_no_site(cases):
    metadata = data.open_dataset(cases / "nan-as-a-sex" / "data").metadata
    for column in ("sex", "localization"):
        values = set(metadata[column].unique())
        assert "unknown" in values
        assert not values & {"nan", "NaN", "Nan", "NA", ""}


def test_masks_are_not_taken_for_the_photographs(cases, ham):
    said = ham("data", "--data", cases / "same-name-in-two-folders" / "data")
    assert said.status == 2
    assert "HAM10000_segmentations_lesion_tschandl" in said.err
    assert "images" in said.err


def test_a_photograph_is_the_same_in_the_data_set_and_dropped(cases, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["compare.py"])
    monkeypatch.chdir(REFERENCE.parents[1])
    runpy.run_path(str(cases / "exif-in-dataset" / "compare.py"))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("mean difference in grey levels: 0.0") for line in lines)
    assert all("Turned upright" in line for line in lines)


# -------------------------------------------------------------------------- labelled images


def test_classes_the_models_do_not_know_are_named_and_left_out(cases, ham):
    found = evaluated(ham, cases / "isic-2019", labels="renamed.csv")
    assert found["n_images"] == 12
    assert found["counts"]["akiec"] == 1
    notes = " ".join(found["notes"])
    assert "SCC" in notes
    assert "UNK" in notes


def test_a_folder_in_front_of_a_name_is_left_off(cases, ham):
    assert evaluated(ham, cases / "names-with-folder")["n_images"] == 14


def test_every_common_format_is_read(cases, ham):
    assert evaluated(ham, cases / "other-formats-called-missing")["n_images"] == 5


def test_a_link_to_a_folder_is_followed(cases, ham, tmp_path):
    shutil.copytree(cases / "symlinked-folder", tmp_path / "case", symlinks=True)
    link = tmp_path / "case" / "test" / "nv"
    if not link.is_symlink():  # some checkouts have the link's target as a text file in its place
        link.parent.chmod(0o755)
        link.unlink()
        link.symlink_to("../store")
    assert evaluated(ham, tmp_path / "case", "test")["n_images"] == 14


def test_a_link_that_git_wrote_as_text_is_followed(cases, ham):
    assert evaluated(ham, cases / "symlinked-folder", "test")["n_images"] == 14


def test_none_found_of_six_is_an_honest_interval_and_one_lesion_has_none(cases, ham):
    folder = cases / "zero-width-intervals"
    runs = evaluated(ham, folder)["runs"]
    sensitivity = runs[0]["scores"]["malignant_sensitivity"]
    assert sensitivity["value"] == 0
    assert (sensitivity["low"], round(sensitivity["high"], 2)) == (0, 0.39)
    said = ham(
        "evaluate",
        "cnn-described",
        "--images",
        folder / "images",
        "--labels",
        folder / "labels.csv",
    )
    assert "0 % (0 to 39)" in said.out
    assert "(0.0 to 0.0)" not in said.out
    assert "(7.1 to 7.1)" not in said.out


def test_one_lesion_has_no_interval_at_all(cases, ham, tmp_path):
    rows = (cases / "zero-width-intervals" / "labels.csv").read_text().split()[1:]
    labels = tmp_path / "labels.csv"
    labels.write_text("image,dx,lesion_id\n" + "".join(f"{row},L1\n" for row in rows))
    said = ham(
        "evaluate",
        "cnn-described",
        "--json",
        "--images",
        cases / "zero-width-intervals" / "images",
        "--labels",
        labels,
    )
    scores = said.json["runs"][0]["scores"].values()
    assert all(score["low"] is None and score["high"] is None for score in scores)


# ----------------------------------------------------------------------------- single images


def test_a_png_with_large_metadata_is_answered(cases, ham):
    folder = cases / "png-with-large-metadata"
    said = ham("predict", "cnn-described", "--json", folder / "xmp.png", folder / "profile.png")
    assert said.status == 0, said.err
    assert all(
        np.isclose(sum(record["probabilities"].values()), 1, atol=1e-4) for record in said.json
    )


def test_the_command_line_says_what_the_page_says(cases, ham):
    folder = cases / "predict-without-notes"
    files = (folder / "black.png", folder / "gray.jpg")
    black, grey = ham("predict", "cnn-described", "--json", *files).json
    assert any("one even colour" in note for note in black["notes"])
    assert any("grey" in note for note in grey["notes"])
    text = ham("predict", "cnn-described", *files).out
    assert "one even colour" in text
    assert "grey" in text


@pytest.mark.parametrize(("name", "kind"), [("phone.HEIC", "HEIC"), ("scan.dcm", "DICOM")])
def test_what_is_not_read_is_refused_by_its_name(cases, name, kind):
    with pytest.raises(ImageError, match=kind):
        images.check_image(name, (cases / "heic-dropped" / name).read_bytes())


# ---------------------------------------------------------------------------------- bundles


@pytest.mark.parametrize("name", ["finder.zip", "folder.zip", "comment.zip"])
def test_a_bundle_that_was_zipped_again_is_imported(cases, name):
    run = store.import_run(cases / "bundle-zipped-again" / name)
    assert store.read_run(run.id).has_model
