"""Files -> data set -> splits. Every refusal is seen firing, and the same files without the
fault opening.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import ham.data.dataset as dataset_module
from ham.config import CLASS_INDEX, CODES, ConfigError, DataError
from ham.data import (
    DEMO_SOURCE,
    LEAKAGE_SPLITS,
    METADATA_FILE,
    PIXEL_FILE,
    choose_source,
    class_balance,
    current_source,
    find_source,
    leakage_report,
    make_split,
    open_dataset,
)
from ham.images import squash
from tests.conftest import EVERY

ROOT = Path(__file__).parents[1]
# 9 images: lines 2-10 of both CSVs; lesions of 1, 2 | 3, 1 | 2 images
FEW = {"mel": 3, "nv": 4, "df": 2}


def caches(home: Path) -> list[Path]:
    return (
        [f for f in (home / "cache").iterdir() if f.suffix != ".lock"]
        if (home / "cache").exists()
        else []
    )


def edit_line(file: Path, line: int, change) -> None:
    lines = file.read_text().split("\n")
    lines[line - 1] = change(lines[line - 1])
    file.write_text("\n".join(lines))


def set_field(column: int, value: str):
    def change(line: str) -> str:
        fields = line.split(",")
        fields[column] = value
        return ",".join(fields)

    return change


# ------------------------------------------------------------------------------ opening


def test_the_csv_and_the_jpegs_give_the_same_content(kaggle_folder):
    from_csv = open_dataset(kaggle_folder("a", counts=FEW))
    from_jpegs = open_dataset(kaggle_folder("b", counts=FEW, pixels=False, jpegs=True))
    from_both = open_dataset(kaggle_folder("c", counts=FEW, jpegs=True))
    assert from_csv.fingerprint == from_jpegs.fingerprint == from_both.fingerprint
    assert np.array_equal(from_csv.images, from_jpegs.images)
    assert from_csv.original(0) is None
    assert from_jpegs.original(1).name == from_both.original(1).name == "TEST_00001.jpg"


def test_images_labels_metadata_and_groups_are_what_the_files_say(kaggle_folder):
    folder = kaggle_folder("noise", counts=FEW, jpegs=True)
    dataset = open_dataset(folder)
    assert (dataset.name, dataset.source, dataset.synthetic) == (
        "noise",
        str(folder.resolve()),
        False,
    )
    assert dataset.images.shape == (9, 28, 28, 3)
    assert dataset.images.dtype == np.uint8
    assert [CODES[i] for i in dataset.labels] == ["mel"] * 3 + ["nv"] * 4 + ["df"] * 2
    assert dataset.groups.tolist() == [0, 1, 1, 2, 2, 2, 3, 4, 4]
    assert (dataset.n_images, dataset.n_lesions) == (9, 5)
    with Image.open(dataset.original(5)) as jpeg:
        assert np.array_equal(squash(jpeg), dataset.images[5])
    assert dataset.metadata.dtypes.astype(str).tolist() == ["str"] * 4 + ["float64"] + ["str"] * 2


def test_arrays_cannot_be_written(small_dataset):
    for array in (small_dataset.images, small_dataset.labels, small_dataset.groups):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_the_images_may_lie_in_one_folder_of_any_name_or_beside_the_metadata(kaggle_folder):
    for name in ("photos", "."):
        dataset = open_dataset(
            kaggle_folder(f"in {name}", counts=FEW, pixels=False, jpegs=True, jpeg_folders=(name,))
        )
        assert dataset.original(8).name == "TEST_00008.jpg"


def test_two_photographs_of_one_name_and_different_content_are_refused_and_copies_are_not(
    kaggle_folder,
):
    for pixels in (False, True):
        folder = kaggle_folder(
            f"pixels {pixels}", counts=FEW, pixels=pixels, jpegs=True, jpeg_folders=("images",)
        )
        shutil.copytree(folder / "images", folder / "copies")
        assert open_dataset(folder).n_images == 9
        Image.new("RGB", (4, 4)).save(folder / "copies" / "TEST_00000.jpg")
        with pytest.raises(DataError, match=r"copies/TEST_00000\.jpg, images/TEST_00000\.jpg"):
            open_dataset(folder)


def test_the_data_set_is_found_at_any_depth(kaggle_folder, tmp_path):
    folder = kaggle_folder("outer/inner/data", counts=FEW)
    for above in (folder.parent, folder.parent.parent):
        assert find_source(above).folder == folder.resolve()


def test_several_data_sets_one_level_down_are_not_guessed_between(kaggle_folder, tmp_path):
    kaggle_folder("outer/a", counts=FEW)
    kaggle_folder("outer/b", counts=FEW, seed=1)
    with pytest.raises(
        DataError,
        match=r"several folders in it hold a HAM10000_metadata\.csv: a, "
        r"b",
    ):
        find_source(tmp_path / "outer")


def test_a_byte_order_mark_windows_newlines_and_further_metadata_columns_change_nothing(
    kaggle_folder,
):
    plain = open_dataset(kaggle_folder("plain", counts=FEW)).fingerprint
    folder = kaggle_folder("windows", counts=FEW)
    for name, extra in ((METADATA_FILE, ",camera"), (PIXEL_FILE, "")):
        text = (folder / name).read_text().replace("\n", f"{extra}\r\n")
        (folder / name).write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert open_dataset(folder).fingerprint == plain


def test_a_last_line_without_newline_and_empty_lines_at_the_end_change_nothing(kaggle_folder):
    plain = open_dataset(kaggle_folder("plain", counts=FEW)).fingerprint
    for name, end in (("none", ""), ("more", "\n\n\n")):
        folder = kaggle_folder(name, counts=FEW)
        for file in (METADATA_FILE, PIXEL_FILE):
            (folder / file).write_text((folder / file).read_text().rstrip("\n") + end)
        assert open_dataset(folder).fingerprint == plain


def test_one_changed_pixel_or_metadata_field_changes_the_fingerprint(kaggle_folder):
    fingerprints = {open_dataset(kaggle_folder("plain", counts=FEW)).fingerprint}
    for name, file, column in (("pixel", PIXEL_FILE, 7), ("sex", METADATA_FILE, 5)):
        folder = kaggle_folder(name, counts=FEW)
        edit_line(folder / file, 4, set_field(column, "0"))
        fingerprints.add(open_dataset(folder).fingerprint)
    assert len(fingerprints) == 3


def test_missing_ages_are_nan_and_missing_sexes_and_sites_unknown(kaggle_folder):
    folder = kaggle_folder(counts=FEW)
    edit_line(folder / METADATA_FILE, 2, lambda line: line.rsplit(",", 3)[0] + ",,,")
    edit_line(folder / METADATA_FILE, 3, lambda line: line.rsplit(",", 3)[0] + ",0.0,male,back")
    for _ in range(2):  # as read, and from the cache
        metadata = open_dataset(folder).metadata
        assert np.isnan(metadata["age"][0])
        assert metadata["age"][1] == 0
        assert metadata.loc[0, ["sex", "localization"]].tolist() == ["unknown", "unknown"]


def test_progress_is_reported_up_to_the_whole(kaggle_folder):
    for what in ({"pixels": False, "jpegs": True}, {"pixels": True}):
        seen = []
        open_dataset(kaggle_folder(str(what), **what), report=lambda *step: seen.append(step))  # noqa: B023
        assert seen[-1][0] == seen[-1][1]
        assert seen[-1][2].startswith("Reading")
        assert [done for done, _, _ in seen] == sorted(done for done, _, _ in seen)


def test_class_balance_counts_images_and_lesions_in_class_order(kaggle_folder):
    table = class_balance(open_dataset(kaggle_folder(counts=FEW)).metadata)
    assert table.index.tolist() == list(CODES)
    assert table["images"].tolist() == [3, 0, 0, 4, 0, 0, 2]
    assert table["lesions"].tolist() == [2, 0, 0, 2, 0, 0, 1]


def test_known_pairs_of_lesion_ids_are_one_group(kaggle_folder):
    folder = kaggle_folder(counts=FEW)
    before = open_dataset(folder)
    for line, number in ((2, "0033481"), (10, "0033421")):  # the first pair of the list
        edit_line(folder / METADATA_FILE, line, set_field(1, f"ISIC_{number}"))
    after = open_dataset(folder)
    assert before.groups[0] != before.groups[8]
    assert after.groups.tolist() == [0, 1, 1, 2, 2, 2, 3, 0, 0]
    assert after.n_lesions == before.n_lesions == 5


# ------------------------------------------------------------------------------ refusals


METADATA_FAULTS = {
    "wrong header": (
        1,
        lambda _: "lesion,image,dx",
        "line 1: the header is lesion,image,dx: there is no column les",
    ),
    "column twice": (
        1,
        lambda line: line.replace("dx_type", "DX"),
        "line 1: .* it has the column dx twice",
    ),
    "short row": (
        4,
        lambda line: line.rsplit(",", 1)[0],
        "line 4: it has 6 fields where the header has 7",
    ),
    "long row": (4, lambda line: line + ",x", "line 4: it has 8 fields where the header has 7"),
    "unknown dx": (
        4,
        set_field(2, "wart"),
        "line 4: the diagnosis dx is 'wart', which the models do not know, and",
    ),
    "no dx": (4, set_field(2, "nan"), "line 4: the diagnosis dx is 'no diagnosis'"),
    "duplicated image id": (
        5,
        set_field(1, "TEST_00000"),
        "line 5: image TEST_00000 stands in line 2 already",
    ),
    "duplicated in other words": (
        5,
        set_field(1, "x/test_00000.JPG"),
        "line 5: image x/test_00000.JPG stands in lin",
    ),
    "empty image id": (5, set_field(1, ""), "line 5: the image_id is empty"),
    "unknown lesion id": (5, set_field(0, "NA"), "line 5: the lesion_id is empty"),
    "quotation mark left open": (
        6,
        set_field(6, '"back'),
        "line 6: it is no CSV .a quotation mark is opened and no",
    ),
}
PIXEL_FAULTS = {
    "wrong header": (
        1,
        lambda line: line.replace("pixel0003", "p3"),
        "line 1: the header is pixel0000",
    ),
    "greyscale header": (
        1,
        lambda _: "pixel0000,label",
        r"the header is pixel0000,label \(2 columns\)",
    ),
    "short row": (
        4,
        lambda line: line.split(",", 1)[1],
        "line 4: it has 2352 values where the header has 2353",
    ),
    "long row": (
        4,
        lambda line: "1," + line,
        "line 4: it has 2354 values where the header has 2353",
    ),
    "256": (5, set_field(0, "256"), "line 5: pixel0000 is '256', not a whole number from 0 to 255"),
    "999": (5, set_field(3, "999"), "line 5: pixel0003 is '999'"),
    "1000": (5, set_field(3, "1000"), "line 5: pixel0003 is '1000'"),
    "negative": (10, set_field(2351, "-1"), "line 10: pixel2351 is '-1'"),
    "float": (5, set_field(0, "12.5"), "line 5: pixel0000 is '12.5'"),
    "empty": (5, set_field(2, ""), "line 5: pixel0002 is ''"),
    "nan": (5, set_field(2, "NaN"), "line 5: pixel0002 is 'NaN'"),
    "blank": (5, set_field(2, " 1"), "line 5: pixel0002 is ' 1'"),
    "no ASCII digit": (5, set_field(2, "٣"), "line 5: pixel0002 is '٣'"),
    "label without class": (
        5,
        set_field(2352, "7"),
        r"line 5: its label 7 \(no class\) contradicts",
    ),
    "label against dx": (
        5,
        set_field(2352, "6"),
        r"line 5: its label 6 \(mel\) contradicts the diagnosis nv",
    ),
    "empty line": (6, lambda line: "\n" + line, "line 6: it has 1 values"),
}


@pytest.mark.parametrize("fault", METADATA_FAULTS)
def test_faulty_metadata_is_refused_with_its_line(kaggle_folder, ham_home, fault):
    line, change, message = METADATA_FAULTS[fault]
    refused_with_no_cache(
        kaggle_folder, ham_home, METADATA_FILE, lambda file: edit_line(file, line, change), message
    )


@pytest.mark.parametrize("fault", PIXEL_FAULTS)
def test_faulty_pixels_are_refused_with_their_line(kaggle_folder, ham_home, fault):
    line, change, message = PIXEL_FAULTS[fault]
    refused_with_no_cache(
        kaggle_folder, ham_home, PIXEL_FILE, lambda file: edit_line(file, line, change), message
    )


WHOLE_FILE_FAULTS = {
    "metadata empty": (METADATA_FILE, lambda f: f.write_text(""), "the file is empty"),
    "pixels empty": (PIXEL_FILE, lambda f: f.write_text(""), "the file is empty"),
    "metadata without rows": (
        METADATA_FILE,
        lambda f: f.write_text(f.read_text().split("\n")[0]),
        "no row below",
    ),
    "pixels without rows": (
        PIXEL_FILE,
        lambda f: f.write_text(f.read_text().split("\n")[0]),
        "line 1: the file has 0 rows and HAM10000_metadata.csv 9",
    ),
    "metadata cut in a row": (
        METADATA_FILE,
        lambda f: f.write_text(f.read_text()[:-20]),
        "line 10: it has",
    ),
    "pixels cut in a row": (
        PIXEL_FILE,
        lambda f: f.write_text(f.read_text()[:-1000]),
        "line 10: it has",
    ),
    "pixels cut in a value": (
        PIXEL_FILE,
        lambda f: f.write_text(f.read_text()[:-2]),
        "line 10: label is ''",
    ),
    "pixels cut between rows": (
        PIXEL_FILE,
        lambda f: f.write_text("\n".join(f.read_text().split("\n")[:8]) + "\n"),
        "line 8: the file has 7 rows and HAM10000_metadata.csv 9",
    ),
    "metadata cut between rows": (
        METADATA_FILE,
        lambda f: f.write_text("\n".join(f.read_text().split("\n")[:8])),
        "line 8: the file has 9 rows and HAM10000_metadata.csv 7",
    ),
    "metadata not UTF-8": (
        METADATA_FILE,
        lambda f: f.write_bytes(f.read_bytes() + b"\xff\xfe"),
        "no UTF-8 text",
    ),
    "metadata binary": (
        METADATA_FILE,
        lambda f: f.write_bytes(b"\x00\x01"),
        "line 1: it has a NUL character",
    ),
    "pixels binary": (
        PIXEL_FILE,
        lambda f: f.write_bytes(f.read_bytes()[:-50] + bytes(50)),
        "line 10: ",
    ),
    "pixels upside down": (
        PIXEL_FILE,
        lambda f: f.write_text(
            "\n".join([f.read_text().split("\n")[0], *f.read_text().split("\n")[9:0:-1]])
        ),
        "6 of 9 rows: the two files are out of step",
    ),
}


@pytest.mark.parametrize("fault", WHOLE_FILE_FAULTS)
def test_a_damaged_file_is_refused(kaggle_folder, ham_home, fault):
    name, damage, message = WHOLE_FILE_FAULTS[fault]
    refused_with_no_cache(kaggle_folder, ham_home, name, damage, message)


def refused_with_no_cache(kaggle_folder, home: Path, name: str, damage, message: str) -> None:
    folder = kaggle_folder(counts=FEW)
    whole = (folder / name).read_bytes()
    damage(folder / name)
    with pytest.raises(DataError, match=message) as raised:
        open_dataset(folder)
    assert name in str(raised.value)
    assert caches(home) == []
    (folder / name).write_bytes(whole)
    assert open_dataset(folder).n_images == 9


def test_a_missing_folder_metadata_or_images_are_each_refused(kaggle_folder, tmp_path):
    with pytest.raises(DataError, match=r"nowhere.*no folder that exists"):
        open_dataset(tmp_path / "nowhere")
    with pytest.raises(DataError, match="cannot be read"):
        open_dataset("nul\0in it")
    folder = kaggle_folder(counts=FEW)
    (folder / PIXEL_FILE).unlink()
    with pytest.raises(DataError, match=f"neither {PIXEL_FILE} nor a folder of JPEGs"):
        open_dataset(folder)
    (folder / METADATA_FILE).unlink()
    with pytest.raises(DataError, match=f"no {METADATA_FILE}"):
        open_dataset(folder)


def test_a_metadata_row_without_its_jpeg_is_refused_unless_the_csv_has_its_pixels(
    kaggle_folder, ham_home
):
    folder = kaggle_folder("jpegs", counts=FEW, pixels=False, jpegs=True)
    Path(find_source(folder).photographs["test_00004"].path).unlink()
    with pytest.raises(
        DataError, match=f"{METADATA_FILE}, line 6: there is no TEST_00004.jpg for this row"
    ):
        open_dataset(folder)
    assert caches(ham_home) == []
    both = kaggle_folder("both", counts=FEW, jpegs=True)
    Path(find_source(both).photographs["test_00004"].path).unlink()
    dataset = open_dataset(both)
    assert dataset.original(4) is None
    assert dataset.original(5) is not None


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda file: file.write_bytes(file.read_bytes()[:-200]), "the file is cut short"),
        (lambda file: file.write_bytes(b""), "the file is empty"),
        (lambda file: file.write_bytes(b"%PDF-1.7"), "this is a PDF file"),
        (lambda file: Image.new("RGB", (9, 9)).save(file, format="PNG"), "it is 9 x 9 pixels"),
    ],
)
def test_a_corrupt_jpeg_is_refused_by_name(kaggle_folder, ham_home, damage, message):
    folder = kaggle_folder(counts=FEW, pixels=False, jpegs=True)
    file = Path(find_source(folder).photographs["test_00003"].path)
    damage(file)
    with pytest.raises(DataError, match=f"TEST_00003.jpg: {message}"):
        open_dataset(folder)
    assert caches(ham_home) == []


def test_rows_of_one_class_out_of_step_are_told_by_the_jpegs(kaggle_folder, ham_home):
    folder = kaggle_folder(counts={"nv": 12, "mel": 3}, jpegs=True)
    with Image.open(find_source(folder).photographs["test_00000"].path) as jpeg:
        Image.effect_noise(jpeg.size, 200).convert("RGB").save(jpeg.filename, quality=95)
    with pytest.raises(
        DataError,
        match=f"{PIXEL_FILE}, line 2: its pixels are not those of TEST_00000's photograph",
    ):
        open_dataset(folder)
    assert caches(ham_home) == []
    (folder / PIXEL_FILE).unlink()
    assert open_dataset(folder).n_images == 15


def test_jpegs_smaller_than_those_the_csv_was_made_from_are_in_step(kaggle_folder):
    folder = kaggle_folder(counts=FEW, jpegs=True, size=(600, 450))
    for file in [image.path for image in find_source(folder).photographs.values()]:
        with Image.open(file) as jpeg:
            jpeg.resize((200, 150)).save(file, quality=75)
    assert open_dataset(folder).n_images == 9


# --------------------------------------------------------------------------------- cache


def count_reads(monkeypatch) -> list:
    reads, read = [], dataset_module.read_images
    monkeypatch.setattr(dataset_module, "read_images", lambda *args: reads.append(1) or read(*args))
    return reads


def test_the_second_opening_reads_nothing_and_maps_the_cache(kaggle_folder, monkeypatch):
    folder = kaggle_folder(counts=FEW, jpegs=True)
    reads = count_reads(monkeypatch)
    first, second = open_dataset(folder), open_dataset(folder)
    assert len(reads) == 1
    assert isinstance(second.images, np.memmap)
    assert first.fingerprint == second.fingerprint
    assert first.metadata.equals(second.metadata)
    assert first.metadata.dtypes.equals(second.metadata.dtypes)
    assert second.original(0) is not None


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: os.utime(folder / METADATA_FILE, ns=(1, 1)),
        lambda folder: edit_line(folder / PIXEL_FILE, 3, set_field(0, "1")),
        lambda folder: os.utime(find_source(folder).photographs["test_00008"].path, ns=(1, 1)),
        lambda folder: Path(find_source(folder).photographs["test_00008"].path).unlink(),
    ],
)
def test_a_changed_source_file_is_noticed_and_its_old_cache_removed(
    kaggle_folder, ham_home, monkeypatch, change
):
    folder = kaggle_folder(counts=FEW, jpegs=True)
    reads = count_reads(monkeypatch)
    open_dataset(folder)
    change(folder)
    open_dataset(folder)
    assert len(reads) == 2
    assert len(caches(ham_home)) == 1


def test_the_caches_of_two_folders_live_side_by_side(kaggle_folder, ham_home, monkeypatch):
    folders = [kaggle_folder(name, counts=FEW) for name in "ab"]
    reads = count_reads(monkeypatch)
    for folder in folders * 2:
        open_dataset(folder)
    assert len(reads) == 2
    assert len(caches(ham_home)) == 2


@pytest.mark.parametrize("name", ["images.npy", "metadata.csv", "cache.json"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda file: file.unlink(),
        lambda file: file.write_bytes(file.read_bytes()[:-3]),
        lambda file: file.write_bytes(file.read_bytes()[:-3] + b"\x07"),
    ],
)
def test_a_damaged_cache_is_rebuilt_and_not_trusted(
    kaggle_folder, ham_home, monkeypatch, caplog, name, damage
):
    folder = kaggle_folder(counts=FEW)
    whole = open_dataset(folder).fingerprint
    damage(caches(ham_home)[0] / name)
    reads = count_reads(monkeypatch)
    assert open_dataset(folder).fingerprint == whole
    assert "is damaged and will be made again" in caplog.text
    assert open_dataset(folder).fingerprint == whole
    assert len(reads) == 1


def test_what_a_killed_process_left_is_no_cache_and_is_cleared_away(kaggle_folder, ham_home):
    folder = kaggle_folder(counts=FEW)
    open_dataset(folder)
    cache = caches(ham_home)[0]
    shutil.copytree(cache, cache.with_name(f"{cache.name}.x1.draft"))
    os.utime(folder / METADATA_FILE)
    open_dataset(folder)
    assert len(caches(ham_home)) == 1
    assert not caches(ham_home)[0].name.endswith("draft")


def test_on_a_full_disk_the_data_set_opens_from_memory_and_leaves_no_half_cache(
    kaggle_folder, ham_home, monkeypatch, caplog
):
    folder = kaggle_folder(counts=FEW)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full_disk:
        full_disk.setattr(np, "save", full)
        dataset = open_dataset(folder)
    assert "The data set cannot be kept in" in caplog.text
    assert caches(ham_home) == []
    assert not dataset.images.flags.writeable
    assert dataset.fingerprint == open_dataset(folder).fingerprint
    assert len(caches(ham_home)) == 1


def test_where_no_cache_folder_can_be_made_the_data_set_opens_from_memory(
    kaggle_folder, ham_home, caplog
):
    ham_home.write_text("a file where the folder should be")
    assert open_dataset(kaggle_folder(counts=FEW)).n_images == 9
    assert "No cache of the data set can be kept" in caplog.text


def test_a_file_that_changes_while_it_is_read_is_refused(kaggle_folder, ham_home):
    folder = kaggle_folder(counts=FEW)
    with pytest.raises(DataError, match="changed while it was read"):
        open_dataset(folder, report=lambda *_: os.utime(folder / METADATA_FILE, ns=(5, 5)))
    assert caches(ham_home) == []


OPENS = """
import sys
from ham.data import open_dataset
print("ready", flush=True)
sys.stdin.readline()
print(open_dataset(sys.argv[1]).fingerprint)
"""


def test_several_processes_may_open_the_same_folder_at_once(kaggle_folder, ham_home):
    command = [sys.executable, "-c", OPENS, str(kaggle_folder(jpegs=True))]
    with contextlib.ExitStack() as ends:
        processes = [
            ends.enter_context(
                subprocess.Popen(
                    command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
                )
            )
            for _ in range(3)
        ]
        for process in processes:
            ends.callback(process.kill)
        assert [process.stdout.readline() for process in processes] == ["ready\n"] * 3
        for process in processes:
            process.stdin.write("now\n")
            process.stdin.flush()
        answers = {process.communicate(timeout=60)[0] for process in processes}
    assert len(answers) == 1
    assert answers != {""}
    assert len(caches(ham_home)) == 1


# ---------------------------------------------------------------------- folder in use


def test_the_demo_data_is_in_use_until_a_folder_is_chosen_and_the_environment_wins(
    kaggle_folder, monkeypatch, tmp_path
):
    folder = kaggle_folder(counts=FEW)
    assert current_source() == DEMO_SOURCE
    choose_source(folder.parent)
    assert current_source() == folder.resolve()
    monkeypatch.setenv("HAM_DATA", str(tmp_path / "named"))
    assert current_source() == tmp_path / "named"
    monkeypatch.setenv("HAM_DATA", "")
    choose_source(DEMO_SOURCE)
    assert current_source() == DEMO_SOURCE
    choose_source(folder)
    monkeypatch.setenv("HAM_DATA", "demo")
    assert current_source() == DEMO_SOURCE


def test_the_demo_data_opens_as_synthetic_with_groups_of_siblings_and_without_a_file():
    dataset = open_dataset(DEMO_SOURCE)
    assert (dataset.name, dataset.source, dataset.synthetic, dataset.originals) == (
        "Demo data",
        "demo",
        True,
        {},
    )
    assert dataset.record["synthetic"] is True
    assert dataset.n_images == len(dataset.labels) == len(dataset.groups)
    assert dataset.groups.max() + 1 == dataset.n_lesions < dataset.n_images
    assert not dataset.images.flags.writeable
    assert open_dataset("demo").fingerprint == dataset.fingerprint


def test_the_demo_data_is_drawn_once_for_all_processes_and_again_when_its_maker_changes(
    ham_home, monkeypatch
):
    from ham.data import dataset as opened

    def in_a_new_process():
        return opened._demo_dataset.__wrapped__()

    demo, drawn = open_dataset(DEMO_SOURCE), []

    def draw():
        drawn.append(opened._Content(demo.images, demo.metadata, demo.fingerprint))
        return drawn[-1]

    monkeypatch.setattr(opened, "_make_demo", draw)
    shutil.rmtree(ham_home, ignore_errors=True)
    first, second = in_a_new_process(), in_a_new_process()
    assert len(drawn) == 1
    for found in (first, second):
        np.testing.assert_array_equal(found.images, demo.images)
        pd.testing.assert_frame_equal(found.metadata, demo.metadata)
        assert found.fingerprint == demo.fingerprint
    (cache,) = (ham_home / "cache").glob("demo-*")
    (cache / "images.npy").write_bytes(b"damaged")
    in_a_new_process()
    assert len(drawn) == 2
    monkeypatch.setattr("ham.demo.stamp", lambda: "of another version")
    in_a_new_process()
    assert len(drawn) == 3
    assert not cache.exists()


def test_a_folder_named_demo_is_reached_by_its_whole_path(kaggle_folder, tmp_path):
    folder = kaggle_folder(counts=FEW).rename(tmp_path / "demo")
    choose_source(folder)
    assert current_source() == folder.resolve()
    assert not open_dataset(folder).synthetic


def test_a_folder_without_data_is_not_chosen(kaggle_folder, tmp_path):
    choose_source(kaggle_folder(counts=FEW))
    before = current_source()
    with pytest.raises(DataError):
        choose_source(tmp_path / "nowhere")
    assert current_source() == before


@pytest.mark.parametrize("text", ["{", "[]", '{"data": 3}'])
def test_damaged_settings_are_told_and_replaced_by_the_next_choice(kaggle_folder, ham_home, text):
    ham_home.mkdir()
    (ham_home / "settings.json").write_text(text)
    with pytest.raises(DataError, match="settings"):
        current_source()
    folder = kaggle_folder(counts=FEW)
    choose_source(folder)
    assert current_source() == folder.resolve()
    assert json.loads((ham_home / "settings.json").read_text()) == {"data": str(folder.resolve())}


# -------------------------------------------------------------------------------- splits


def shares(split) -> list[float]:
    sizes = [len(split.train), len(split.validation), len(split.test)]
    return [size / sum(sizes) for size in sizes]


@pytest.mark.parametrize("protocol", LEAKAGE_SPLITS)
def test_a_split_is_a_function_of_its_seed(small_dataset, protocol):
    a, again, other = (make_split(small_dataset, protocol, seed=seed) for seed in (1, 1, 2))
    assert a.fingerprint == again.fingerprint != other.fingerprint
    assert a.test_fingerprint == again.test_fingerprint != other.test_fingerprint
    assert all(
        np.array_equal(getattr(a, part), getattr(again, part))
        for part in ("train", "validation", "test")
    )


@pytest.mark.parametrize("seed", range(5))
def test_the_lesion_split_keeps_lesions_whole_and_uses_every_image_once(small_dataset, seed):
    split = make_split(small_dataset, "lesion", 0.2, 0.2, seed)
    parts = [split.train, split.validation, split.test]
    assert sorted(np.concatenate(parts)) == list(range(small_dataset.n_images))
    groups = [set(small_dataset.groups[part]) for part in parts]
    assert not (groups[0] & groups[1])
    assert not (groups[0] & groups[2])
    assert not (groups[1] & groups[2])
    assert all(set(small_dataset.labels[part]) == set(range(7)) for part in parts)
    assert shares(split) == pytest.approx([0.6, 0.2, 0.2], abs=0.04)


def test_the_image_split_uses_every_image_once_and_the_oversampled_one_repeats_the_rare(
    small_dataset,
):
    image = make_split(small_dataset, "image")
    assert sorted(np.concatenate([image.train, image.validation, image.test])) == list(range(150))
    oversampled = make_split(small_dataset, "oversample")
    rows = np.concatenate([oversampled.train, oversampled.validation, oversampled.test])
    assert np.bincount(small_dataset.labels[rows]).tolist() == [63] * 7  # nv, the largest, has 63
    assert set(rows) == set(range(150))
    assert np.bincount(rows)[small_dataset.labels == CLASS_INDEX["nv"]].max() == 1


@pytest.mark.parametrize("protocol", ["lesion", "image"])
def test_the_folds_of_a_seed_test_every_image_once(small_dataset, protocol):
    folds = [make_split(small_dataset, protocol, 0.1, 0.2, 3, fold) for fold in range(5)]
    assert sorted(np.concatenate([split.test for split in folds])) == list(range(150))
    assert folds[0].fingerprint == make_split(small_dataset, protocol, 0.1, 0.2, 3).fingerprint
    for split in folds:
        assert sorted(np.concatenate([split.train, split.validation, split.test])) == list(
            range(150)
        )
        assert shares(split) == pytest.approx([0.7, 0.1, 0.2], abs=0.06)
    assert [leakage_report(split).sibling > 0 for split in folds] == [protocol == "image"] * 5
    with pytest.raises(ConfigError, match="5 test parts"):
        make_split(small_dataset, protocol, 0.1, 0.2, 3, 5)


def test_of_those_for_any_data_only_the_lesion_split_is_marked_as_not_leaking(small_dataset):
    assert {p: make_split(small_dataset, p).leaking for p in LEAKAGE_SPLITS} == {
        "lesion": False,
        "image": True,
        "oversample": True,
    }


def test_the_test_part_does_not_depend_on_the_validation_share(small_dataset):
    a, b = (make_split(small_dataset, "lesion", share, 0.2) for share in (0.1, 0.3))
    assert a.test_fingerprint == b.test_fingerprint
    assert a.fingerprint != b.fingerprint


def test_three_lesions_of_a_class_go_to_three_parts_two_to_two_and_one_to_training(kaggle_folder):
    # lesions have 1, 2, 3, 1, 2, 3, 1, ... images: nv 3 lesions, mel 2, df 1
    dataset = open_dataset(kaggle_folder(counts={"nv": 6, "mel": 3, "df": 3}))
    split = make_split(dataset)
    parts = (split.train, split.validation, split.test)
    present = [sorted(CODES[i] for i in set(dataset.labels[part])) for part in parts]
    assert present == [["df", "mel", "nv"], ["nv"], ["mel", "nv"]]


def test_a_data_set_too_small_for_three_parts_is_refused(kaggle_folder):
    dataset = open_dataset(kaggle_folder(counts={"nv": 3, "df": 3}))  # nv 2 lesions, df 1
    with pytest.raises(
        DataError,
        match=r"6 images of 3 lesions.* too small for three parts by "
        r"lesion",
    ):
        make_split(dataset)
    assert shares(make_split(dataset, "image")) == pytest.approx([1 / 3] * 3)


@pytest.mark.parametrize(
    ("protocol", "fractions"),
    [
        ("patient", (0.1, 0.1)),
        ("lesion", (0.5, 0.5)),
        ("lesion", (0.0, 0.1)),
        ("lesion", (0.1, float("nan"))),
    ],
)
def test_impossible_splits_are_refused(small_dataset, protocol, fractions):
    with pytest.raises(ConfigError):
        make_split(small_dataset, protocol, *fractions)


def test_leakage_is_counted_by_hand(small_dataset):
    groups, labels = np.array([0, 0, 1, 1, 2, 3]), np.array([0, 0, 0, 0, 3, 3])  # 0 is mel, 3 is nv
    split = make_split(small_dataset)
    rows = {
        "train": np.array([0, 2, 4]),
        "test": np.array([1, 3, 4, 5]),
        "labels": labels,
        "groups": groups,
    }
    for name, value in rows.items():
        object.__setattr__(split, name, value)
    report = leakage_report(split)
    assert (report.n_test, report.n_test_mel) == (4, 2)
    assert (report.sibling, report.sibling_mel, report.copies) == (0.75, 1.0, 0.25)
    object.__setattr__(split, "test", np.array([5]))
    assert leakage_report(split).sibling == 0
    assert np.isnan(leakage_report(split).sibling_mel)


# ----------------------------------------------------------------------------- real data


def test_the_real_data_set_has_the_known_counts(real_dataset):
    assert (real_dataset.name, real_dataset.n_images, real_dataset.n_lesions) == (
        "HAM10000",
        10_015,
        7_470,
    )
    assert real_dataset.groups.max() + 1 == 7_470 - 18
    counts = {
        "mel": 1113,
        "bcc": 514,
        "akiec": 327,
        "nv": 6705,
        "bkl": 1099,
        "vasc": 142,
        "df": 115,
    }
    assert class_balance(real_dataset.metadata)["images"].to_dict() == counts
    assert real_dataset.metadata["age"].isna().sum() == 57


def test_the_real_csv_and_the_real_jpegs_give_equal_images(real_dataset, real_csv_folder):
    from_csv = open_dataset(real_csv_folder)
    assert from_csv.n_images == 2003
    assert np.array_equal(from_csv.images, real_dataset.images[::EVERY])
    assert np.array_equal(from_csv.labels, real_dataset.labels[::EVERY])
    assert set(from_csv.labels) == set(range(7))
    rows = real_dataset.metadata.iloc[::EVERY].reset_index(drop=True)
    assert from_csv.metadata.equals(rows)


def test_the_real_leakage_is_what_the_design_says(real_dataset):
    reports = {
        p: [leakage_report(make_split(real_dataset, p, seed=seed)) for seed in range(5)]
        for p in LEAKAGE_SPLITS
    }
    assert all((r.sibling, r.sibling_mel, r.copies) == (0, 0, 0) for r in reports["lesion"])
    assert np.mean([r.sibling for r in reports["image"]]) == pytest.approx(0.38, abs=0.03)
    assert np.mean([r.sibling_mel for r in reports["image"]]) == pytest.approx(0.68, abs=0.03)
    assert np.mean([r.copies for r in reports["oversample"]]) == pytest.approx(0.86, abs=0.03)


@pytest.mark.parametrize("seed", range(3))
def test_the_real_lesion_split_keeps_the_asked_shares_in_every_class(real_dataset, seed):
    split = make_split(real_dataset, "lesion", 0.15, 0.2, seed)
    assert shares(split) == pytest.approx([0.65, 0.15, 0.2], abs=0.01)
    by_class = np.bincount(real_dataset.labels[split.test]) / np.bincount(real_dataset.labels)
    assert by_class == pytest.approx([0.2] * 7, abs=0.03)
