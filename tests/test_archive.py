"""A zip of the data set, and every zip that only says it is one: refused with words, and nothing
is left behind.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import stat
import threading
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from ham.config import DataError
from ham.data import (
    METADATA_FILE,
    PIXEL_FILE,
    CannotWrite,
    Stopped,
    archive,
    choose_source,
    find_source,
    known_sources,
    open_dataset,
    places,
    unpack,
    use_source,
)

FEW = {"mel": 3, "nv": 4, "df": 2}  # 9 images


@pytest.fixture
def files(kaggle_folder) -> dict[str, bytes]:
    """The small data set with its JPEGs, by the names they have in Kaggle's zip."""
    folder = kaggle_folder(counts=FEW, jpegs=True)
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def csvs(files) -> dict[str, bytes]:
    return {name: files[name] for name in (METADATA_FILE, PIXEL_FILE)}


def zipped(tmp_path: Path, files: dict[str, bytes], name: str = "archive.zip") -> Path:
    path = tmp_path / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for member, content in files.items():
            packed.writestr(member, content)
    return path


def refused(path: Path) -> DataError:
    with pytest.raises(DataError) as caught:
        unpack(path, path.name)
    assert left_behind() == []
    assert str(places.data_folder()) not in str(caught.value)
    return caught.value


def left_behind() -> list[str]:
    return [path.name for path in places.data_folder().iterdir() if path.name != ".lock"]


# ------------------------------------------------------------------------------ taken


def test_a_zip_of_the_two_csvs_becomes_a_data_set_like_its_folder(tmp_path, csvs, kaggle_folder):
    folder = unpack(zipped(tmp_path, csvs, "my data (1).zip"), "my data (1).zip")
    assert folder == places.data_folder() / "my-data-1"
    assert (
        open_dataset(folder).fingerprint
        == open_dataset(kaggle_folder("same", counts=FEW)).fingerprint
    )
    origin = json.loads((folder / "origin.json").read_text())
    assert (origin["title"], origin["images"], origin["lesions"]) == ("my data (1)", 9, 5)


def test_photographs_are_taken_once_though_kaggles_zip_has_them_twice(tmp_path, files):
    again = {
        name.replace("HAM10000_images", "ham10000_images"): content
        for name, content in files.items()
    }
    twice = {**files, **again, "hmnist_8_8_L.csv": b"not wanted", "notes/readme.txt": b"nor this"}
    folder = unpack(zipped(tmp_path, twice), "archive.zip")
    assert sorted(path.name for path in folder.iterdir()) == [
        "HAM10000_images_part_1",
        "HAM10000_images_part_2",
        METADATA_FILE,
        PIXEL_FILE,
        "origin.json",
    ]
    assert len(find_source(folder).photographs) == 9
    assert len(list(folder.rglob("*.jpg"))) == 9


def test_the_data_set_may_lie_in_a_folder_of_the_zip_and_finders_own_files_are_ignored(
    tmp_path, csvs
):
    inside = {f"HAM/{name}": content for name, content in csvs.items()}
    folder = unpack(
        zipped(tmp_path, {**inside, f"__MACOSX/HAM/{METADATA_FILE}": b"junk"}), "archive.zip"
    )
    assert sorted(path.name for path in folder.iterdir()) == [
        METADATA_FILE,
        PIXEL_FILE,
        "origin.json",
    ]


def test_photographs_alone_are_enough(tmp_path, files):
    del files[PIXEL_FILE]
    assert open_dataset(unpack(zipped(tmp_path, files), "photos.zip")).n_images == 9


def test_an_upload_in_memory_is_read_as_a_file_is(csvs, tmp_path):
    upload = io.BytesIO(zipped(tmp_path, csvs).read_bytes())
    assert open_dataset(unpack(upload, "dropped.zip")).n_images == 9


def test_a_second_zip_of_one_name_replaces_nothing(tmp_path, csvs):
    path = zipped(tmp_path, csvs)
    assert [unpack(path, path.name).name for _ in range(3)] == ["archive", "archive-2", "archive-3"]


def test_progress_counts_the_unpacked_bytes(tmp_path, csvs):
    seen = []
    unpack(zipped(tmp_path, csvs), "a.zip", lambda *report: seen.append(report))
    total = sum(map(len, csvs.values()))
    assert [report for report in seen if report[2] == "Unpacking a.zip"][-1] == (
        total,
        total,
        "Unpacking a.zip",
    )


# ---------------------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("/etc/passwd", "its path is absolute"),
        ("\\windows\\x", "its path is absolute"),
        ("C:\\x.csv", "names a drive"),
        ("c:x.csv", "names a drive"),
        ("a/../../x.csv", "leads out of the folder"),
        ("a\\..\\x.csv", "leads out of the folder"),
    ],
)
def test_a_path_that_leads_elsewhere_refuses_the_whole_zip(tmp_path, csvs, name, words):
    assert words in refused(zipped(tmp_path, {**csvs, name: b"x"})).why


@pytest.mark.parametrize(
    ("kind", "words"), [(stat.S_IFLNK, "symbolic link"), (stat.S_IFIFO, "a device or a pipe")]
)
def test_a_link_or_a_device_refuses_the_whole_zip(tmp_path, csvs, kind, words):
    path = zipped(tmp_path, csvs)
    link = zipfile.ZipInfo("link")
    link.external_attr = (kind | 0o777) << 16
    with zipfile.ZipFile(path, "a") as packed:
        packed.writestr(link, "/etc/passwd")
    assert words in refused(path).why


def test_an_encrypted_zip_is_refused(tmp_path, csvs):
    path = zipped(tmp_path, csvs)
    content = bytearray(path.read_bytes())
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # the flags, in both tables
        start = -1
        while (start := content.find(mark, start + 1)) >= 0:
            content[start + at] |= 1
    path.write_bytes(content)
    assert "it is encrypted" in refused(path).why


def test_a_zip_in_a_zip_is_unpacked_and_one_in_that_is_refused_by_name(tmp_path, csvs):
    inner = zipped(tmp_path, csvs, "inner.zip").read_bytes()
    once = zipped(tmp_path, {"data/inner.zip": inner}, "once.zip")
    folder = unpack(once, once.name)
    assert sorted(path.name for path in folder.iterdir()) == [
        METADATA_FILE,
        PIXEL_FILE,
        "origin.json",
    ]
    shutil.rmtree(folder)
    error = refused(zipped(tmp_path, {"outer/once.zip": once.read_bytes()}))
    assert f"no {METADATA_FILE} in it" in error.why
    assert "another archive in it, outer/once/data/inner.zip" in error.todo


def test_the_dataverses_zip_is_unpacked_with_the_zips_in_it(tmp_path, files):
    photographs = [name for name in files if name.endswith(".jpg")]
    inner = zipped(
        tmp_path, {name.split("/")[1]: files[name] for name in photographs}, "inner.zip"
    ).read_bytes()
    masks = {
        name.split("/")[1].replace(".jpg", "_segmentation.png"): b"mask" for name in photographs
    }
    dataverse = {
        "HAM10000_metadata": files[METADATA_FILE],
        "HAM10000_images_part_1.zip": inner,
        "MANIFEST.TXT": b"x",
        "HAM10000_segmentations.zip": zipped(tmp_path, masks, "masks.zip").read_bytes(),
    }
    folder = unpack(zipped(tmp_path, dataverse, "dataverse_files.zip"), "dataverse_files.zip")
    assert sorted(path.name for path in folder.iterdir()) == [
        "HAM10000_images_part_1",
        METADATA_FILE,
        "HAM10000_segmentations",
        "origin.json",
    ]
    assert open_dataset(folder).n_images == 9


def test_a_csv_zipped_on_its_own_in_the_zip_is_unpacked(tmp_path, csvs):
    packed = zipped(tmp_path, {PIXEL_FILE: csvs[PIXEL_FILE]}, "one.zip").read_bytes()
    mixed = {METADATA_FILE: csvs[METADATA_FILE], f"{PIXEL_FILE}.zip": packed}
    assert open_dataset(unpack(zipped(tmp_path, mixed), "a.zip")).n_images == 9


def test_the_zips_in_a_zip_are_bounded_and_checked_like_the_outer_one(tmp_path, csvs, monkeypatch):
    evil = zipped(tmp_path, {**csvs, "../out.csv": b"x"}, "evil.zip").read_bytes()
    error = refused(zipped(tmp_path, {"evil.zip": evil}))
    assert ("leads out of the folder" in error.why, "evil.zip: ../out.csv" in error.what) == (
        True,
        True,
    )
    half = zipped(tmp_path, csvs, "half.zip").read_bytes()[:-5000]
    assert "its end is missing" in refused(zipped(tmp_path, {"half.zip": half})).why
    bomb = zipped(tmp_path, {**csvs, PIXEL_FILE: b"0," * 30_000_000}, "bomb.zip").read_bytes()
    assert "zip bomb" in refused(zipped(tmp_path, {"bomb.zip": bomb})).why
    inner = zipped(tmp_path, csvs, "inner.zip").read_bytes()
    monkeypatch.setattr("ham.data.archive.MOST_ENTRIES", 2)
    assert (
        "it has 2 entries, and at most 1 are read"
        in refused(zipped(tmp_path, {"inner.zip": inner})).why
    )


def test_backslashes_class_folders_and_other_formats_are_taken(tmp_path, files):
    packed = {METADATA_FILE: files[METADATA_FILE]}
    for number, (name, content) in enumerate(
        (n, c) for n, c in files.items() if n.endswith(".jpg")
    ):
        image = io.BytesIO()
        Image.open(io.BytesIO(content)).save(image, format="PNG")
        packed[f"train\\{'nv' if number % 2 else 'mel'}\\{Path(name).stem}.PNG"] = image.getvalue()
    folder = unpack(zipped(tmp_path, packed), "a.zip")
    assert sorted(path.parent.relative_to(folder).as_posix() for path in folder.rglob("*.png"))[
        ::8
    ] == ["train/mel", "train/nv"]
    assert open_dataset(folder).n_images == 9


def test_names_that_a_disk_would_confuse_stay_apart(tmp_path, files):
    def named(text: str) -> str:
        return text.replace("TEST_00000", "b\u00e4d 1").replace("TEST_00001", "b\u00f6d 1")

    packed = {METADATA_FILE: named(files[METADATA_FILE].decode()).encode()}
    packed |= {named(name): content for name, content in files.items() if name.endswith(".jpg")}
    assert open_dataset(unpack(zipped(tmp_path, packed), "a.zip")).n_images == 9


def test_two_images_of_one_name_in_a_zip_are_named_and_refused(tmp_path, files):
    name = next(name for name in files if name.endswith("TEST_00000.jpg"))
    other = files[name.replace("TEST_00000", "TEST_00002")]
    error = refused(zipped(tmp_path, {**files, "masks/TEST_00000.jpg": other}))
    assert ("archive.zip" in error.what, "masks/TEST_00000.jpg" in error.why) == (True, True)


def test_a_zip_without_the_data_set_is_refused_and_says_what_it_holds(tmp_path):
    path = zipped(tmp_path, {f"photo{number}.png": b"x" for number in range(4)})
    assert "it holds photo0.png, photo1.png, photo2.png …" in refused(path).why


def test_a_zip_with_several_data_sets_is_not_guessed_between(tmp_path, csvs):
    both = {f"{folder}/{name}": content for folder in "ab" for name, content in csvs.items()}
    assert unpack(zipped(tmp_path, both), "copies.zip").name == "copies"
    shutil.rmtree(places.data_folder() / "copies")
    both[f"b/{METADATA_FILE}"] += b"\n"
    assert (
        "several folders in it hold a HAM10000_metadata.csv: a, b"
        in refused(zipped(tmp_path, both)).why
    )


def test_metadata_alone_is_refused(tmp_path, csvs):
    assert (
        "neither hmnist_28_28_RGB.csv nor"
        in refused(zipped(tmp_path, {METADATA_FILE: csvs[METADATA_FILE]})).why
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"<html>Sign in</html>", "it is no zip archive"),
    ],
)
def test_what_is_no_zip_is_refused(tmp_path, content, words):
    path = tmp_path / "archive.zip"
    path.write_bytes(content)
    assert words in refused(path).why


def test_a_half_zip_is_refused_as_one_that_broke_off(tmp_path, csvs):
    path = zipped(tmp_path, csvs)
    path.write_bytes(path.read_bytes()[:-5000])
    assert "its end is missing" in refused(path).why


def test_a_damaged_entry_is_named(tmp_path, csvs):
    path = zipped(tmp_path, csvs)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF  # in the middle of the pixels
    path.write_bytes(content)
    error = refused(path)
    assert (error.what, "it is damaged" in error.why) == (f"archive.zip, entry {PIXEL_FILE}", True)


def test_a_bomb_is_refused_before_a_byte_is_written(tmp_path, csvs, monkeypatch):
    monkeypatch.setattr("ham.data.archive._write", lambda *_: pytest.fail("it was unpacked"))
    bomb = {**csvs, PIXEL_FILE: b"0," * 30_000_000}  # 60 MB of two characters: 1,000 to 1
    assert "it looks like a zip bomb" in refused(zipped(tmp_path, bomb)).why


def test_one_file_larger_than_any_such_file_is_refused(tmp_path, csvs, monkeypatch):
    monkeypatch.setitem(archive.MOST_BYTES, PIXEL_FILE, len(csvs[PIXEL_FILE]) - 1)
    assert "of such a file" in refused(zipped(tmp_path, csvs)).why
    monkeypatch.setitem(archive.MOST_BYTES, PIXEL_FILE, len(csvs[PIXEL_FILE]))
    assert unpack(zipped(tmp_path, csvs), "a.zip").name == "a"


def test_too_many_entries_are_refused(tmp_path, csvs, monkeypatch):
    monkeypatch.setattr("ham.data.archive.MOST_ENTRIES", 2)
    assert unpack(zipped(tmp_path, csvs), "two.zip").name == "two"
    with pytest.raises(DataError, match="it has 3 entries"):
        unpack(zipped(tmp_path, {**csvs, "third": b""}), "three.zip")


def test_what_is_checked_in_any_source_is_checked_in_a_zip_and_named_by_the_zips_name(
    tmp_path, csvs
):
    csvs[METADATA_FILE] = csvs[METADATA_FILE].replace(b",mel,", b",xyz,", 1)
    error = refused(zipped(tmp_path, csvs))
    assert error.what == f"archive.zip, {METADATA_FILE}, line 2"
    assert "xyz" in error.why


# ------------------------------------------------------------------- disk, stop, kill, two at once


def test_too_little_room_is_said_before_anything_is_written(tmp_path, csvs, monkeypatch):
    path = zipped(tmp_path, csvs)
    usage = places.shutil.disk_usage(tmp_path)
    monkeypatch.setenv("HAM_MIN_FREE_GB", "0")  # which is asked for first
    monkeypatch.setattr(
        places.shutil, "disk_usage", lambda folder: usage._replace(free=200_000_000)
    )
    error = refused_for_room(path)
    assert "needs 300 MB of disk, and 200 MB are free" in error.why


def refused_for_room(path: Path) -> DataError:
    with pytest.raises(CannotWrite) as caught:
        unpack(path, path.name)
    assert left_behind() == []
    return caught.value


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
def test_a_disk_that_fills_up_meanwhile_leaves_nothing_behind(tmp_path, csvs, monkeypatch):
    real = open

    def full(path, mode="r", *more, **others):
        return real(
            "/dev/full" if mode == "wb" and PIXEL_FILE in str(path) else path, mode, *more, **others
        )

    monkeypatch.setattr("ham.data.archive.open", full, raising=False)
    assert refused_for_room(zipped(tmp_path, csvs)).why == "the disk is full."


def test_stopping_leaves_nothing_behind(tmp_path, csvs):
    stop = threading.Event()
    with pytest.raises(Stopped):
        unpack(zipped(tmp_path, csvs), "a.zip", lambda *_: stop.set(), stop)
    assert left_behind() == []


def test_what_a_killed_process_left_half_unpacked_is_removed_by_the_next(tmp_path, csvs):
    half = places.data_folder() / ".abc.draft"
    half.mkdir(parents=True)
    (half / METADATA_FILE).write_text("half")
    assert [source.title for source in known_sources()] == ["Demo data"]
    unpack(zipped(tmp_path, csvs), "a.zip")
    assert left_behind() == ["a"]


def test_two_at_once_are_refused_and_the_first_goes_on(tmp_path, csvs):
    path, seen = zipped(tmp_path, csvs), []

    def meanwhile(*_):
        if not seen:
            with pytest.raises(DataError, match="just getting data") as caught:
                unpack(path, "second.zip")
            seen.append(caught.value)

    assert unpack(path, "first.zip", meanwhile).name == "first"
    assert len(seen) == 1


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_home_that_cannot_be_written_is_said(tmp_path, csvs, ham_home):
    ham_home.mkdir()
    ham_home.chmod(0o500)
    with pytest.raises(CannotWrite, match="it cannot be written"):
        unpack(zipped(tmp_path, csvs), "a.zip")


def test_a_home_that_is_a_file_is_said(tmp_path, csvs, ham_home):
    ham_home.write_text("in the way")
    with pytest.raises(CannotWrite, match="it cannot be written"):
        unpack(zipped(tmp_path, csvs), "a.zip")


# -------------------------------------------------------------------------- the sources there are


def in_use() -> list[str]:
    return [source.title for source in known_sources() if source.in_use]


def test_the_sources_are_the_demo_our_own_and_the_folders_chosen_before(
    tmp_path, csvs, kaggle_folder
):
    assert in_use() == ["Demo data"]
    own, chosen = unpack(zipped(tmp_path, csvs), "mine.zip"), kaggle_folder("theirs", counts=FEW)
    use_source(own)
    assert in_use() == ["mine"]
    use_source(chosen)
    assert in_use() == ["theirs"]
    use_source(None)
    assert in_use() == ["Demo data"]
    assert [(source.title, source.there) for source in known_sources()] == [
        ("Demo data", True),
        ("theirs", True),
        ("mine", True),
    ]
    assert known_sources()[2].origin == "Unpacked from mine.zip, 9 images"


def test_a_folder_chosen_before_this_list_existed_stays_in_it(kaggle_folder):
    choose_source(kaggle_folder("old", counts=FEW))
    use_source(kaggle_folder("new", counts=FEW))
    assert [source.title for source in known_sources()] == ["Demo data", "new", "old"]


def test_a_folder_that_has_gone_is_listed_as_gone(kaggle_folder, tmp_path):
    use_source(kaggle_folder("usb", counts=FEW))
    (tmp_path / "usb").rename(tmp_path / "pulled out")
    assert [(source.title, source.there) for source in known_sources()] == [
        ("Demo data", True),
        ("usb", False),
    ]


def test_ham_data_is_named_first_and_in_use(kaggle_folder, monkeypatch):
    use_source(kaggle_folder("chosen", counts=FEW))
    monkeypatch.setenv("HAM_DATA", str(kaggle_folder("outer/named", counts=FEW).parent))
    first, *others = known_sources()
    assert (first.title, first.origin, first.there) == (
        "outer",
        "Named by the environment variable HAM_DATA",
        True,
    )
    assert not any(source.in_use for source in others)


def test_a_refused_choice_changes_nothing(kaggle_folder, tmp_path):
    use_source(kaggle_folder("good", counts=FEW))
    with pytest.raises(DataError, match="no folder that exists"):
        use_source(tmp_path / "nowhere")
    assert in_use() == ["good"]


def test_a_damaged_list_of_folders_is_an_empty_one(kaggle_folder, ham_home):
    use_source(kaggle_folder("good", counts=FEW))
    (ham_home / "folders.json").write_text("{half")
    assert in_use() == ["good"]
    (ham_home / "settings.json").write_text("{half")
    assert in_use() == []


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (563_277, "0.6 MB"),
        (91_820_383, "92 MB"),
        (999_400_000, "999 MB"),
        (5_583_457_484, "5.6 GB"),
    ],
)
def test_bytes_are_said_as_people_say_them(count, words):
    assert places.in_bytes(count) == words
