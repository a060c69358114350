"""A data set is found wherever people have it, and where it is not whole the message says what
would make it so.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from ham import config
from ham.cli import main
from ham.config import DataError
from ham.data import (
    METADATA_FILE,
    PIXEL_FILE,
    choose_source,
    current_source,
    find_source,
    known_sources,
    open_dataset,
    open_images,
    opening,
    source_stamp,
    use_source,
)

FEW = {"mel": 3, "nv": 4, "df": 2}  # 9 images


@pytest.fixture
def pixels(kaggle_folder) -> Path:
    """Metadata and the pixel CSV."""
    return kaggle_folder("pixels", counts=FEW)


@pytest.fixture
def photographs(kaggle_folder) -> Path:
    """Metadata and JPEGs, half of them in each of Kaggle's folders."""
    return kaggle_folder("photographs", counts=FEW, pixels=False, jpegs=True)


def zip_of(folder: Path, target: Path, comment: bytes = b"", top: str = "") -> Path:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                packed.write(path, f"{top}{path.relative_to(folder).as_posix()}")
        packed.comment = comment
    return target


def zipped_alone(folder: Path, name: str, target: str = "") -> None:
    """As Kaggle's command line leaves a file: in a zip of its own."""
    with zipfile.ZipFile(folder / (target or f"{name}.zip"), "w", zipfile.ZIP_DEFLATED) as packed:
        packed.write(folder / name, name)
    (folder / name).unlink()


def renamed(name: str, new: str) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        (folder / new).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).rename(folder / "meanwhile")
        (folder / "meanwhile").rename(folder / new)

    return change


def in_a_folder_of_its_name(name: str, folder_name: str = "") -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        (folder / name).rename(folder / "meanwhile")
        (folder / (folder_name or name)).mkdir()
        (folder / "meanwhile").rename(folder / (folder_name or name) / name)

    return change


def in_gzip(name: str) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        (folder / f"{name}.gz").write_bytes(gzip.compress((folder / name).read_bytes()))
        (folder / name).unlink()

    return change


def both(*changes: Callable[[Path], object]) -> Callable[[Path], object]:
    return lambda folder: [change(folder) for change in changes]


TABLES = {
    "upper case": both(
        renamed(METADATA_FILE, METADATA_FILE.upper()), renamed(PIXEL_FILE, PIXEL_FILE.upper())
    ),
    "lower case": both(
        renamed(METADATA_FILE, METADATA_FILE.lower()), renamed(PIXEL_FILE, PIXEL_FILE.lower())
    ),
    "fetched twice by a browser": renamed(METADATA_FILE, "HAM10000_metadata (1).csv"),
    "copied by a file manager": renamed(PIXEL_FILE, "hmnist_28_28_RGB - Copy.csv"),
    "no ending": renamed(METADATA_FILE, "HAM10000_metadata"),
    "txt": renamed(METADATA_FILE, "HAM10000_metadata.txt"),
    "metadata zipped": lambda folder: zipped_alone(folder, METADATA_FILE),
    "pixels zipped": lambda folder: zipped_alone(folder, PIXEL_FILE),
    "both zipped": both(
        lambda folder: zipped_alone(folder, METADATA_FILE),
        lambda folder: zipped_alone(folder, PIXEL_FILE),
    ),
    "zipped without csv in the name": lambda folder: zipped_alone(
        folder, METADATA_FILE, "HAM10000_metadata.zip"
    ),
    "metadata in gzip": in_gzip(METADATA_FILE),
    "pixels in gzip": in_gzip(PIXEL_FILE),
    "folders named like the files": both(
        in_a_folder_of_its_name(METADATA_FILE), in_a_folder_of_its_name(PIXEL_FILE)
    ),
    "a folder named in lower case": in_a_folder_of_its_name(PIXEL_FILE, PIXEL_FILE.lower()),
    "pixels further down": renamed(PIXEL_FILE, f"csv/28/{PIXEL_FILE}"),
    "metadata beside the pixels' folder": both(
        renamed(METADATA_FILE, f"tables/{METADATA_FILE}"),
        renamed(PIXEL_FILE, f"pixels/{PIXEL_FILE}"),
    ),
}


@pytest.mark.parametrize("change", TABLES)
def test_the_two_tables_are_found_as_people_have_them(pixels, change):
    fingerprint = open_dataset(pixels).fingerprint
    TABLES[change](pixels)
    found = find_source(pixels)
    assert found.metadata.exists()
    assert open_dataset(pixels).fingerprint == fingerprint


def each_image(change: Callable[[Path, int], Path]) -> Callable[[Path], object]:
    def move(folder: Path) -> None:
        for number, path in enumerate(sorted(folder.rglob("*.jpg"))):
            target = folder / change(path, number)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target)

    return move


def linked(folder: Path) -> None:
    store = folder.parent / "store"
    for name in ("HAM10000_images_part_1", "HAM10000_images_part_2"):
        store.mkdir(exist_ok=True)
        (folder / name).rename(store / name)
        (folder / name).symlink_to(store / name)


def with_litter(folder: Path) -> None:
    for path in list(folder.rglob("*.jpg")):
        twin = folder / "__MACOSX" / path.parent.name / f"._{path.name}"
        twin.parent.mkdir(parents=True, exist_ok=True)
        twin.write_bytes(b"Mac OS X")
        path.with_name(f"._{path.name}").write_bytes(b"Mac OS X")
        (folder / ".thumbnails").mkdir(exist_ok=True)
        (folder / ".thumbnails" / path.name).write_bytes(b"small")
    (folder / f"._{METADATA_FILE}").write_bytes(b"Mac OS X")


def twice(folder: Path) -> None:
    shutil.copytree(
        folder / "HAM10000_images_part_1", folder / "ham10000_images_part_1 copy" / "inner"
    )


IMAGES = {
    "two levels down": each_image(
        lambda path, number: Path("images") / path.parent.name / path.name
    ),
    "five levels down": each_image(lambda path, number: Path("a/b/c/d/e") / path.name),
    "a folder a class": each_image(
        lambda path, number: Path("train/nv" if number % 2 else "val/mel") / path.name
    ),
    "ISIC's folder": each_image(
        lambda path, number: Path("ISIC2018_Task3_Training_Input") / path.name
    ),
    "beside the metadata": each_image(lambda path, number: Path(path.name)),
    "upper case endings": each_image(lambda path, number: Path("x") / f"{path.stem}.JPG"),
    "rare endings": each_image(
        lambda path, number: Path("x") / f"{path.stem}.{('jpeg', 'jfif', 'jpe')[number % 3]}"
    ),
    "lower case names": each_image(lambda path, number: Path("x") / path.name.lower()),
    "links to folders": linked,
    "Finder's and hidden twins": with_litter,
    "every other one twice": twice,
    "metadata in a folder beside": renamed(METADATA_FILE, f"metadata/{METADATA_FILE}"),
}


@pytest.mark.parametrize("change", IMAGES)
def test_photographs_are_found_wherever_they_lie(photographs, change):
    fingerprint = open_dataset(photographs).fingerprint
    IMAGES[change](photographs)
    found = open_dataset(photographs)
    assert found.fingerprint == fingerprint
    assert found.original(8).exists()


@pytest.mark.parametrize(("kind", "ending"), [("PNG", "png"), ("PNG", "PNG")])
def test_photographs_of_other_formats_are_read(photographs, kind, ending):
    fingerprint = open_dataset(photographs).fingerprint
    for path in photographs.rglob("*.jpg"):
        with Image.open(path) as image:
            image.save(path.with_suffix(f".{ending}"), format=kind)
        path.unlink()
    assert open_dataset(photographs).fingerprint == fingerprint


def test_a_file_of_the_data_set_stands_for_its_folder(pixels):
    for name in (METADATA_FILE, PIXEL_FILE):
        assert find_source(pixels / name).folder == pixels.resolve()


@pytest.mark.parametrize("around", ['"{}"', "'{}'", " {} ", '  "{}" '])
def test_quotes_and_blanks_around_a_path_are_left_off(pixels, around, monkeypatch):
    written = around.format(pixels)
    assert open_dataset(written).n_images == 9
    monkeypatch.setenv("HAM_DATA", written)
    assert open_dataset(current_source()).n_images == 9


def test_a_tilde_is_the_home_folder(pixels, monkeypatch):
    monkeypatch.setenv("HOME", str(pixels.parent))
    assert find_source("~/pixels").folder == pixels.resolve()


# ------------------------------------------------------------------------------ several


def test_copies_of_one_table_are_one_and_different_ones_are_named(pixels):
    copy = pixels / "HAM10000_metadata (1).csv"
    copy.write_bytes((pixels / METADATA_FILE).read_bytes())
    packed = gzip.compress((pixels / PIXEL_FILE).read_bytes())
    (pixels / f"{PIXEL_FILE}.gz").write_bytes(packed)
    found = find_source(pixels)
    assert (found.metadata.name, found.pixels.name) == (METADATA_FILE, PIXEL_FILE)
    copy.write_bytes(copy.read_bytes().replace(b"mel", b"nv"))
    with pytest.raises(
        DataError,
        match=r"they differ: HAM10000_metadata\.csv, HAM10000_metadata "
        r"\(1\)\.csv",
    ):
        find_source(pixels)
    copy.unlink()
    (pixels / f"{PIXEL_FILE}.gz").write_bytes(gzip.compress(b"another", mtime=0))
    with pytest.raises(DataError, match=f"they differ: {PIXEL_FILE}, {PIXEL_FILE}.gz"):
        find_source(pixels)
    (pixels / f"{PIXEL_FILE}.gz").write_bytes(packed[:-9])  # broke off: no candidate
    assert find_source(pixels).pixels.name == PIXEL_FILE


def test_of_data_sets_in_each_other_the_outer_one_is_meant(pixels, kaggle_folder):
    kaggle_folder("pixels/older", counts=FEW, seed=1)
    assert find_source(pixels).folder == pixels.resolve()
    assert find_source(pixels / "older").folder == (pixels / "older").resolve()


# ------------------------------------------------------------------------------ what is missing


def refused(path: Path) -> DataError:
    with pytest.raises(DataError) as caught:
        open_dataset(path)
    assert "again" not in caught.value.todo
    return caught.value


def test_metadata_without_images_says_what_is_there_and_what_belongs_beside_it(pixels):
    (pixels / PIXEL_FILE).rename(pixels / "hmnist_8_8_RGB.csv")
    error = refused(pixels)
    assert "neither hmnist_28_28_RGB.csv nor a folder of JPEGs" in error.why
    assert "it holds HAM10000_metadata.csv, hmnist_8_8_RGB.csv" in error.why
    assert "HAM10000_images_part_1" in error.todo


def test_images_without_metadata_say_what_belongs_there(photographs):
    (photographs / METADATA_FILE).unlink()
    error = refused(photographs)
    assert (
        "HAM10000_images_part_1/ (5 files), HAM10000_images_part_2/ (4 files); 9 images in all"
        in error.why
    )
    assert f"{METADATA_FILE} belongs there" in error.todo


def test_metadata_under_another_name_and_in_the_folder_above_is_pointed_at(photographs):
    assert (
        f"lies in the folder above: choose {photographs.resolve()}"
        in refused(photographs / "HAM10000_images_part_1").todo
    )
    (photographs / METADATA_FILE).rename(photographs / "train.csv")
    assert (
        "train.csv has the columns of the metadata: name it HAM10000_metadata.csv"
        in refused(photographs).todo
    )


def test_an_empty_folder_and_one_of_something_else_are_said(tmp_path):
    (tmp_path / "empty").mkdir()
    assert "it holds nothing" in refused(tmp_path / "empty").why
    (tmp_path / "empty" / "HAM10000_images_part_1.7z").write_bytes(b"7z")
    assert (
        "HAM10000_images_part_1.7z is an archive that HAM Lab does not open"
        in refused(tmp_path / "empty").todo
    )


def test_a_tree_without_end_is_not_looked_through(pixels, monkeypatch):
    (pixels / "above").symlink_to(pixels.parent)
    (pixels / "itself").symlink_to(pixels)
    assert open_dataset(pixels).n_images == 9
    monkeypatch.setattr("ham.data.source.MOST_FILES", 1)
    assert "more than 1 files" in refused(pixels).why


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_named(photographs):
    (photographs / "HAM10000_images_part_2").chmod(0)
    assert "HAM10000_images_part_2 cannot be read" in refused(photographs).why


def as_tar(folder: Path, path: Path) -> None:
    with tarfile.open(path, "w") as packed:
        packed.add(folder, "data")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.7z", b"7z\xbc\xaf'\x1c rest", "a 7z archive"),
        ("a.rar", b"Rar!\x1a\x07", "a RAR archive"),
        ("a.tar.gz", gzip.compress(b"x", mtime=0), "a gzip file"),
        ("a.tar", None, "a tar archive"),
        ("a.zip.html", b"<!DOCTYPE html><title>Sign in", "it is a web page"),
        ("photo.jpg", b"\xff\xd8\xff\xe0", "a JPEG, not a folder or a zip"),
        ("a.txt", b"hello", "it is a file, not a folder or a zip"),
    ],
)
def test_what_is_no_zip_is_called_what_it_is(pixels, tmp_path, name, content, words):
    path = tmp_path / name
    if content is None:
        as_tar(pixels, path)
    else:
        path.write_bytes(content)
    assert words in refused(path).why


# ------------------------------------------------------------------------------ zips as folders


def unpacked() -> list[Path]:
    return sorted((config.cache_folder() / "unpacked").glob("*/*/*"))


def test_a_zip_is_as_good_as_its_folder_and_unpacked_once(photographs, tmp_path, monkeypatch):
    path = zip_of(photographs, tmp_path / "my data (1).zip", b"a comment", "HAM/")
    reports = []
    dataset = open_dataset(path, lambda *report: reports.append(report))
    assert dataset.fingerprint == open_dataset(photographs).fingerprint
    assert (dataset.name, dataset.source) == ("my-data-1", str(path.resolve()))
    assert ("Unpacking my data (1).zip") in {report[2] for report in reports}
    before = {file: file.stat().st_mtime_ns for file in unpacked()}
    assert len(before) > 0
    monkeypatch.setattr(opening.archive, "fill", lambda *_: pytest.fail("it was unpacked again"))
    assert open_dataset(path).fingerprint == dataset.fingerprint
    assert {file: file.stat().st_mtime_ns for file in unpacked()} == before


def test_a_zip_that_changed_is_unpacked_anew_and_replaces_what_was(photographs, pixels, tmp_path):
    path = zip_of(photographs, tmp_path / "data.zip")
    first = source_stamp(path)
    open_dataset(path)
    zip_of(pixels, path)
    os.utime(path, ns=(7, 7))
    assert source_stamp(path) != first
    open_dataset(path)
    assert {file.name for file in unpacked()} == {METADATA_FILE, PIXEL_FILE}


def test_what_a_killed_process_left_half_unpacked_goes_with_the_next(pixels, tmp_path):
    path = zip_of(pixels, tmp_path / "data.zip")
    open_dataset(path)
    kept = unpacked()[0].parent.parent
    half, other = (kept.parent / f".{name}.1-abc.draft" for name in (kept.name, "another"))
    for draft in (half, other):
        draft.mkdir()
    open_dataset(path)
    assert half.exists(), "nothing was unpacked"
    os.utime(path, ns=(7, 7))
    open_dataset(path)
    assert (half.exists(), other.exists()) == (False, True)


def test_a_refused_zip_leaves_nothing_and_is_named(photographs, tmp_path):
    path = zip_of(photographs, tmp_path / "data.zip")
    with zipfile.ZipFile(path, "a") as packed:
        packed.writestr("../out", b"x")
    with pytest.raises(DataError, match=r"data\.zip, entry \.\./out: its path leads out"):
        open_dataset(path)
    assert unpacked() == []
    (photographs / METADATA_FILE).write_text("lesion_id\n")
    with pytest.raises(DataError) as caught:
        open_dataset(zip_of(photographs, path))
    assert str(config.cache_folder()) not in str(caught.value)
    assert f"{path.resolve()}, {METADATA_FILE}" in caught.value.what


def test_the_oldest_of_many_unpacked_zips_go(pixels, tmp_path):
    for number in range(opening.MOST_KEPT + 2):
        open_dataset(zip_of(pixels, tmp_path / f"{number}.zip"))
        time.sleep(0.01)  # file systems count time in steps
    assert {file.parent.name for file in unpacked()} == {
        str(number + 2) for number in range(opening.MOST_KEPT)
    }


def test_zips_in_a_folder_are_opened_where_the_folder_is_not_whole_without_them(photographs):
    fingerprint = open_dataset(photographs).fingerprint
    for name in ("HAM10000_images_part_1", "HAM10000_images_part_2"):
        zip_of(photographs / name, photographs / f"{name}.zip")
        shutil.rmtree(photographs / name)
    dataset = open_dataset(photographs)
    assert (dataset.fingerprint, dataset.source) == (fingerprint, str(photographs.resolve()))
    (photographs / "HAM10000_images_part_1.zip").write_bytes(b"PK half")
    with pytest.raises(DataError, match=r"HAM10000_images_part_1\.zip.*its end is missing"):
        open_dataset(photographs)


def test_kaggles_browser_zips_of_single_files_make_a_data_set(pixels):
    zipped_alone(pixels, METADATA_FILE, "archive.zip")
    zipped_alone(pixels, PIXEL_FILE, "archive (1).zip")
    assert open_dataset(pixels).n_images == 9


def test_a_whole_folder_is_read_as_it_is_whatever_zips_lie_beside(pixels):
    zip_of(pixels, pixels / "backup.zip")
    (pixels / "broken.zip").write_bytes(b"PK")
    assert open_dataset(pixels).source == str(pixels.resolve())
    assert unpacked() == []


def test_ham_data_and_the_choice_may_be_a_zip(photographs, tmp_path, monkeypatch, capsys):
    path = zip_of(photographs, tmp_path / "data.zip")
    use_source(path)
    assert current_source() == path.resolve()
    choose_source(None)
    monkeypatch.setenv("HAM_DATA", f'"{path}"')
    first = known_sources()[0]
    assert (first.title, first.there, first.in_use) == ("data.zip", True, True)
    assert main(["data", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["source"] == str(path.resolve())


def test_a_zip_of_images_is_as_good_as_their_folder(photographs, tmp_path):
    path = zip_of(photographs, tmp_path / "images.zip")
    assert len(list(open_images(f'"{path}"').rglob("*.jpg"))) == 9
    assert open_images(photographs) == photographs
    folder = tmp_path / "only zips"
    folder.mkdir()
    zip_of(photographs / "HAM10000_images_part_1", folder / "part.zip")
    assert len(list(open_images(folder).rglob("*.jpg"))) == 5
    with zipfile.ZipFile(tmp_path / "none.zip", "w") as packed:
        packed.writestr("readme.txt", "x")
    with pytest.raises(DataError, match="there is no image in it"):
        open_images(tmp_path / "none.zip")


def test_a_zip64_archive_is_read(pixels, tmp_path):
    path = tmp_path / "large.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as packed:
        for name in (METADATA_FILE, PIXEL_FILE):
            with packed.open(name, "w", force_zip64=True) as member:
                member.write((pixels / name).read_bytes())
    assert open_dataset(path).n_images == 9


def test_where_the_home_cannot_be_written_a_zip_is_refused_in_words(pixels, tmp_path, ham_home):
    ham_home.write_text("in the way")
    with pytest.raises(DataError, match="it cannot be written"):
        open_dataset(zip_of(pixels, tmp_path / "data.zip"))


# ------------------------------------------------------------------------------ packed and damaged


@pytest.mark.parametrize("name", [METADATA_FILE, PIXEL_FILE])
@pytest.mark.parametrize("pack", ["zip", "gz"])
def test_a_damaged_packed_table_is_named(pixels, name, pack):
    if pack == "zip":
        zipped_alone(pixels, name)
    else:
        in_gzip(name)(pixels)
    file = pixels / f"{name}.{pack}"
    whole = file.read_bytes()
    for content in (whole[: len(whole) // 2], whole[:30] + b"\xff" * 40 + whole[70:]):
        file.write_bytes(content)
        with pytest.raises(DataError) as caught:
            open_dataset(pixels)
        assert name in str(caught.value)


# ------------------------------------------------------------------------------ names in any bytes


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_a_folder_whose_name_is_no_text_is_opened_shown_and_remembered(
    photographs, tmp_path, ham_home
):
    folder = tmp_path / os.fsdecode(b"b\xe4d")
    photographs.rename(folder)
    dataset = open_dataset(folder)
    assert (dataset.n_images, dataset.name) == (9, "b\ufffdd")
    use_source(folder)
    assert current_source() == folder.resolve()
    assert known_sources()[1].title == "b\ufffdd"
    for text in (dataset.name, *(source.title + source.origin for source in known_sources())):
        text.encode()
    (folder / METADATA_FILE).unlink()
    with pytest.raises(DataError) as caught:
        open_dataset(folder)
    str(caught.value).encode()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_the_command_line_answers_for_such_a_folder_and_such_an_image(
    photographs, tmp_path, ham_home
):
    folder = tmp_path / os.fsdecode(b"b\xe4d")
    photographs.rename(folder)
    (folder / os.fsdecode(b"n\xf6tes.jpg")).write_bytes(b"")
    answer = subprocess.run(
        [sys.executable, "-m", "ham", "data", "--data", folder],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert (answer.returncode, b"Traceback" in answer.stderr) == (0, False)
    assert b"9 images" in answer.stdout


def test_an_upload_may_be_named_in_any_way(photographs, tmp_path):
    from ham.data import unpack

    upload = io.BytesIO(zip_of(photographs, tmp_path / "a.zip").read_bytes())
    assert open_dataset(unpack(upload, os.fsdecode(b"b\xe4d.zip"))).n_images == 9
