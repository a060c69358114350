"""Metadata as people have it: one missing value, any order of columns, classes that the models
do not know.
"""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from ham import cli
from ham.config import CODES, DataError
from ham.data import METADATA_FILE, PIXEL_FILE, choose_source, current_source, open_dataset
from ham.data.diagnoses import class_of, counted
from ham.data.metadata import METADATA_COLUMNS, read_metadata

HEADER = ",".join(METADATA_COLUMNS)
FEW = {"mel": 3, "nv": 4, "df": 2}  # lines 2-10


@pytest.fixture
def read(tmp_path):
    """`read(content)`: what a metadata file of this content says."""

    def written(content: str | bytes):
        file = tmp_path / METADATA_FILE
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_metadata(file)

    return written


def rewrite(folder: Path, change) -> None:
    """Changes the metadata of a data folder: `change(header, rows)` -> its new lines, fields as
    lists.
    """
    lines = [line.split(",") for line in (folder / METADATA_FILE).read_text().splitlines()]
    (folder / METADATA_FILE).write_text(
        "\n".join(",".join(fields) for fields in change(lines[0], lines[1:])) + "\n"
    )


# ---------------------------------------------------------------------------- missing values


@pytest.mark.parametrize(
    "nothing", ["", "nan", "NaN", "NA", "N/A", "null", "None", "unknown", "Unknown", " ", "?"]
)
def test_what_is_not_known_is_one_value_in_every_column(read, nothing):
    table = read(
        f"{HEADER}\nL1,a,mel,{nothing},{nothing},{nothing},{nothing}\nL2,b,nv,histo,50,male,back\n"
    ).table
    assert np.isnan(table["age"][0])
    assert table.loc[0, ["dx_type", "sex", "localization"]].tolist() == ["unknown"] * 3
    assert table.loc[1].tolist() == ["L2", "b", "nv", "histo", 50.0, "male", "back"]


def test_nan_as_a_sex_is_no_sex_of_its_own(kaggle_folder):
    folder = kaggle_folder(counts=FEW)
    rewrite(
        folder,
        lambda header, rows: [header, [*rows[0][:3], "histo", "nan", "nan", "nan"], *rows[1:]],
    )
    metadata = open_dataset(folder).metadata
    assert metadata.loc[0, ["sex", "localization"]].tolist() == ["unknown", "unknown"]
    assert set(metadata["sex"]) <= {"male", "female", "unknown"}


def test_an_age_that_is_none_is_unknown_and_named(kaggle_folder):
    folder = kaggle_folder(counts=FEW)
    ages = iter(["old", "-1", "inf", "131", "5,5", "0"])
    rewrite(
        folder,
        lambda header, rows: [
            header,
            *([*row[:4], f'"{next(ages, 50)}"', *row[5:]] for row in rows),
        ],
    )
    for _ in range(2):  # as read, and from the cache
        dataset = open_dataset(folder)
        assert np.isnan(dataset.metadata["age"][:4]).all()
        assert dataset.metadata["age"][4:7].tolist() == [5.5, 0, 50]
        assert dataset.notes == (
            "4 ages of HAM10000_metadata.csv count as not known, being no "
            "number of years: "
            "'old' in line 2, '-1' in line 3, 'inf' in line 4, ….",
        )


def test_sexes_and_sites_are_the_same_in_any_case(read):
    table = read(f"{HEADER}\nL1,a,MEL,Histo,50,Male,Back\nL2,b,nv,histo,50,F,back\n").table
    assert table["dx"].tolist() == ["mel", "nv"]
    assert table["sex"].tolist() == ["male", "female"]
    assert table["localization"].tolist() == ["back", "back"]
    assert table["dx_type"].tolist() == ["histo", "histo"]


# ---------------------------------------------------------------------------------- columns


def test_columns_stand_in_any_order_with_others_beside_them_and_may_lack(kaggle_folder, read):
    plain = open_dataset(kaggle_folder("plain", counts=FEW)).fingerprint
    folder = kaggle_folder("turned", counts=FEW)
    rewrite(
        folder,
        lambda header, rows: [
            [*reversed([name.upper() for name in header]), "note"],
            *([*reversed(row), "x"] for row in rows),
        ],
    )
    assert open_dataset(folder).fingerprint == plain
    found = read("lesion_id;image;dx\nL1;img/a.jpg;nv\n")
    assert found.table.loc[0, ["image_id", "dx", "sex"]].tolist() == ["a", "nv", "unknown"]
    assert found.notes == (
        "HAM10000_metadata.csv has no column dx_type and no column age and no "
        "column sex and no "
        "column localization: not known of any image.",
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r"),
        lambda text: text.replace(",", "\t"),
        lambda text: text.replace(",", ";"),
        lambda text: "\n\n" + text.replace("\n", "\n\n"),
        lambda text: text.replace("\n", ",,\n"),
        lambda text: "\ufeff" + text.replace("\n", "\r\n"),
        lambda text: text.replace("LESION", " LESION"),
    ],
)
def test_the_form_of_the_file_changes_nothing(kaggle_folder, change):
    plain = open_dataset(kaggle_folder("plain", counts=FEW)).fingerprint
    folder = kaggle_folder("other", counts=FEW)
    text = (folder / METADATA_FILE).read_text()
    for encoding in ("utf-8", "utf-16"):
        (folder / METADATA_FILE).write_bytes(change(text).encode(encoding))
        assert open_dataset(folder).fingerprint == plain


def test_the_originals_column_dataset_is_kept_as_source_and_without_it_there_is_none(
    kaggle_folder, tmp_path
):
    plain = open_dataset(kaggle_folder("plain", counts=FEW))
    assert "source" not in plain.metadata
    folder = kaggle_folder("dataverse", counts=FEW)
    rewrite(
        folder,
        lambda header, rows: [
            [*header, "dataset"],
            *([*row, "rosendahl"] for row in rows[:-1]),
            [*rows[-1], "nan"],
        ],
    )
    for _ in range(2):  # as read, and from the cache
        dataset = open_dataset(folder)
        assert dataset.metadata["source"].tolist() == ["rosendahl"] * 8 + ["unknown"]
        assert dataset.metadata.drop(columns="source").equals(plain.metadata)
        assert dataset.fingerprint != plain.fingerprint


# ---------------------------------------------------------------------------------- classes


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("MEL", "mel"),
        ("Melanoma", "mel"),
        ("Melanoma, NOS", "mel"),
        ("nevus", "nv"),
        ("Melanocytic nevi", "nv"),
        ("Basal cell carcinoma", "bcc"),
        ("AK", "akiec"),
        ("actinic_keratosis", "akiec"),
        ("Bowen's disease", "akiec"),
        ("Actinic keratoses and intraepithelial carcinoma / Bowen's disease", "akiec"),
        ("seborrheic keratosis", "bkl"),
        ("Benign keratosis-like lesions", "bkl"),
        ("vascular lesion", "vasc"),
        ("dermatofibroma", "df"),
    ],
)
def test_a_diagnosis_is_known_under_its_names(text, code):
    assert CODES[class_of(text)] == code


@pytest.mark.parametrize(
    "text", ["SCC", "UNK", "squamous cell carcinoma", "wart", "", "4", "melanomas?!", "benign"]
)
def test_what_is_not_certain_is_no_class(text):
    assert class_of(text) is None


def test_diagnoses_are_counted_in_words():
    assert counted(["SCC"] * 2 + ["UNK"]) == "SCC (2) and UNK (1)"
    assert counted("abcdefg") == "a (1), b (1), c (1), d (1), e (1) and 2 more"
    assert counted(["x"]) == "x (1)"


def other_classes(header, rows):
    return [
        header,
        [*rows[0][:2], "SCC", *rows[0][3:]],
        *rows[1:4],
        [*rows[4][:2], "", *rows[4][3:]],
        *rows[5:],
    ]


def test_rows_of_other_classes_are_named_and_left_out_where_images_are_files(kaggle_folder, capfd):
    whole = open_dataset(kaggle_folder("whole", counts=FEW, pixels=False, jpegs=True))
    folder = kaggle_folder("some", counts=FEW, pixels=False, jpegs=True)
    rewrite(folder, other_classes)
    kept = [1, 2, 3, 5, 6, 7, 8]
    for _ in range(2):  # as read, and from the cache
        dataset = open_dataset(folder)
        assert dataset.notes == (
            "2 rows of HAM10000_metadata.csv left out, of classes that the "
            "models do not know: "
            "SCC (1) and no diagnosis (1).",
        )
        assert np.array_equal(dataset.images, whole.images[kept])
        assert dataset.labels.tolist() == whole.labels[kept].tolist()
    assert cli.main(["data", "--data", str(folder)]) == 0
    assert dataset.notes[0] in capfd.readouterr().out
    assert cli.main(["data", "--data", str(folder), "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["notes"] == list(dataset.notes)


def test_with_a_pixel_csv_such_a_row_is_refused_as_its_pixels_cannot_be_told(kaggle_folder):
    folder = kaggle_folder(counts=FEW, jpegs=True)
    rewrite(folder, other_classes)
    with pytest.raises(
        DataError, match="metadata.csv, line 2: the diagnosis dx is 'SCC'.*move the pixel CSV away"
    ):
        open_dataset(folder)
    (folder / PIXEL_FILE).unlink()
    assert open_dataset(folder).n_images == 7


def test_messages_name_the_line_of_the_file_where_some_are_blank_or_left_out(kaggle_folder):
    folder = kaggle_folder("jpegs", counts=FEW, pixels=False, jpegs=True)
    rewrite(folder, lambda header, rows: [header, [""], ["L", "x", "SCC", "", "", "", ""], *rows])
    next(folder.rglob("TEST_00001.jpg")).unlink()
    with pytest.raises(DataError, match=f"{METADATA_FILE}, line 5: there is no TEST_00001"):
        open_dataset(folder)
    folder = kaggle_folder("csv", counts=FEW)
    rewrite(
        folder, lambda header, rows: [header, [""], [*rows[0][:2], "nv", *rows[0][3:]], *rows[1:]]
    )
    with pytest.raises(
        DataError, match=f"hmnist_28_28_RGB.csv, line 2: .* in line 3 of {METADATA_FILE}"
    ):
        open_dataset(folder)


def test_metadata_of_no_known_class_is_refused(read):
    with pytest.raises(
        DataError,
        match=r"no row has a diagnosis dx that the models know .*: wart "
        r"\(2\)\.",
    ):
        read("lesion_id,image_id,dx\nL1,a,wart\nL2,b,wart\n")


# ------------------------------------------------------------------------------------ paths


def test_a_folder_whose_name_is_no_text_is_opened_cached_chosen_and_shown(
    kaggle_folder, tmp_path, ham_home, capfd
):
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/b\xe4d"))
    shutil.move(kaggle_folder("plain", counts=FEW, jpegs=True), folder)
    first, second = open_dataset(folder), open_dataset(folder)
    assert isinstance(second.images, np.memmap)
    assert first.name == second.name == "b\ufffdd"
    assert open_dataset(first.record["source"]).fingerprint == first.fingerprint
    choose_source(folder)
    assert current_source() == folder
    assert cli.main(["data"]) == 0
    assert "9 images" in capfd.readouterr().out


def test_quotes_around_the_environments_folder_are_left_off(kaggle_folder, monkeypatch):
    folder = kaggle_folder("with blank", counts=FEW)
    for text in (f'"{folder}"', f"'{folder}'", f" {folder} "):
        monkeypatch.setenv("HAM_DATA", text)
        assert current_source() == folder


def test_masks_beside_the_photographs_are_refused_and_copies_are_not(kaggle_folder):
    for pixels in (False, True):
        folder = kaggle_folder(f"data {pixels}", counts=FEW, pixels=pixels, jpegs=True)
        before = open_dataset(folder).fingerprint
        for photograph in [*folder.rglob("*.jpg")]:
            copy = folder / "again" / photograph.name
            copy.parent.mkdir(exist_ok=True)
            shutil.copy(photograph, copy)
        assert open_dataset(folder).fingerprint == before
        masks = folder / "HAM10000_segmentations"
        masks.mkdir()
        for photograph in [*(folder / "again").iterdir()]:
            (masks / photograph.name).write_bytes(b"white")
        with pytest.raises(
            DataError,
            match="of 9 images there is no one file.*HAM10000_segmentations looks like mas",
        ):
            open_dataset(folder)
