"""Which file is which image, in metadata, labels and folders alike."""

import json
import os
import unicodedata
from pathlib import Path

import pytest

from ham.config import DataError
from ham.data import names
from ham.data.names import as_folder, find_images, image_key


@pytest.fixture
def folder(tmp_path):
    """`folder(**files)` and `folder({name: content})`: a folder with these files."""

    def written(files: dict[str, bytes]) -> Path:
        for name, content in files.items():
            file = tmp_path / "images" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        return tmp_path / "images"

    return written


@pytest.mark.parametrize(
    "name",
    [
        "ISIC_01",
        "isic_01.JPG",
        "img/ISIC_01.jpeg",
        "img\\part 1\\ISIC_01.jpe",
        "./ISIC_01.jfif",
        "C:\\data\\ISIC_01.tif",
        " ISIC_01.png ",
        "ISIC_01.jpg.png",
        "ISIC_01.WEBP",
        "ISIC_01.dng",
        "/a/b/ISIC_01/",
    ],
)
def test_folder_ending_case_and_blanks_are_no_part_of_a_name(name):
    assert image_key(name) == "isic_01"


@pytest.mark.parametrize("name", ["ISIC_01.2", "ISIC_01_segmentation.png", "ISIC_1", "ISIC_01.csv"])
def test_what_else_differs_is_another_image(name):
    assert image_key(name) != image_key("ISIC_01")


def test_both_unicode_forms_of_a_name_are_one_image():
    for text in ("Größe é.jpg", "ÅNGSTRÖM"):
        forms = {image_key(unicodedata.normalize(form, text)) for form in ("NFC", "NFD")}
        assert len(forms) == 1
    assert image_key("GRÖSSE") == image_key("größe")


def test_a_name_of_nothing_is_none():
    assert [image_key(name) for name in ("", "  ", "/")] == ["", "", ""]


# ------------------------------------------------------------------------------ folders


def test_images_are_found_at_any_depth_under_any_known_ending(folder):
    found = find_images(
        folder(
            {
                "a.JPG": b"a",
                "x/y/b.jpe": b"b",
                "x/c.tiff": b"c",
                "d.heic": b"d",
                "e.csv": b"e",
                "LICENSE": b"f",
                ".g.jpg": b"g",
                "x/._h.jpg": b"h",
                ".cache/i.jpg": b"i",
                "__MACOSX/a.jpg": b"j",
            }
        )
    )
    assert sorted(found) == ["a", "b", "c", "d"]
    assert [image.conflict for image in found.values()] == [""] * 4
    assert os.path.isfile(found["b"].path)


def test_an_image_without_a_known_ending_is_told_by_its_first_bytes(folder):
    found = find_images(
        folder(
            {
                "ISIC_01": b"\xff\xd8\xff\xe0rest",
                "ISIC_02.jpg~": b"\xff\xd8\xff",
                "notes": b"text",
                "d.2": b"\x89PNG\r\n\x1a\n",
            }
        )
    )
    assert sorted(found) == ["d.2", "isic_01", "isic_02.jpg~"]


def test_copies_of_equal_content_are_one_image(folder):
    found = find_images(
        folder({"part_1/a.jpg": b"same", "HAM/part_1/a.JPG": b"same", "copy/a.jpeg": b"same"})
    )
    assert found["a"].conflict == ""
    assert len(found["a"].paths) == 3


@pytest.mark.parametrize("other", [b"othr", b"longer than the first"])
def test_different_files_of_one_name_are_named(folder, other):
    found = find_images(
        folder({"images/a.jpg": b"same", "masks/a.png": other, "copy/a.jpg": b"same"})
    )
    assert found["a"].conflict == "2 different files have this name: copy/a.jpg, masks/a.png."


def test_the_refusal_names_the_folders_and_which_looks_like_masks(folder):
    here = folder({"images/a.jpg": b"1", "HAM_segmentations/a.jpg": b"2", "images/b.jpg": b"3"})
    found = find_images(here)
    names.refuse_conflicts(here, [found["b"]])
    with pytest.raises(
        DataError,
        match=r"of 1 image there is no one file: 2 different files.*"
        r"only one of HAM_segmentations and images .*HAM_segmentations looks like "
        r"masks\.",
    ):
        names.refuse_conflicts(here, found.values())


def test_links_to_folders_and_files_are_followed_and_loops_are_not(folder, tmp_path):
    here = folder({"real/a.jpg": b"a"})
    store = tmp_path / "store"
    (store / "deep").mkdir(parents=True)
    (store / "deep" / "b.jpg").write_bytes(b"b")
    (store / "c-0123").write_bytes(b"c")
    (here / "linked").symlink_to(store)
    (here / "again").symlink_to(store / "deep")
    (here / "c.jpg").symlink_to(store / "c-0123")
    (here / "up").symlink_to(tmp_path)
    (here / "self").symlink_to(here)
    (store / "deep" / "loop").symlink_to(store)
    found = find_images(here)
    assert sorted(found) == ["a", "b", "c"]
    assert {len(image.paths) for image in found.values()} == {1}
    assert {image.conflict for image in found.values()} == {""}


def test_a_folder_that_is_itself_a_link_is_listed(folder, tmp_path):
    (tmp_path / "link").symlink_to(folder({"a.jpg": b"a"}))
    assert sorted(find_images(tmp_path / "link")) == ["a"]


def test_a_link_that_git_wrote_as_text_is_followed(tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "ISIC_1.jpg").write_bytes(b"\xff\xd8\xff")
    (tmp_path / "test").mkdir()
    for name, content in {
        "nv": "../store",
        "mel": "../none",
        "bcc": "/etc",
        "notes": "../store\n",
        "up": "..",
    }.items():
        (tmp_path / "test" / name).write_text(content)
    assert [image.path for image in find_images(tmp_path / "test").values()] == [
        str(tmp_path / "test" / "../store" / "ISIC_1.jpg")
    ]


def test_a_link_that_leads_nowhere_is_told(folder, tmp_path):
    here = folder({"b.jpg": b"b"})
    (here / "a.jpg").symlink_to(tmp_path / "gone.jpg")
    assert find_images(here)["a"].conflict == "a.jpg is a link to a file that is not here."
    with pytest.raises(DataError, match="Restore the missing files"):
        names.refuse_conflicts(here, find_images(here).values())


def test_names_in_any_bytes_are_found_and_can_be_shown(folder, tmp_path):
    here = Path(os.fsdecode(bytes(folder({"b.jpg": b"b"})) + b"/b\xe4"))
    here.mkdir()
    for content, sub in ((b"1", "x"), (b"2", "y")):
        (here / sub).mkdir()
        (here / sub / os.fsdecode(b"h\xfctte.jpg")).write_bytes(content)
    (image,) = find_images(here).values()
    assert os.path.isfile(image.path)
    image.conflict.encode()  # would raise on a lone surrogate
    with pytest.raises(DataError) as refused:
        names.refuse_conflicts(here, [image])
    json.dumps(str(refused.value), ensure_ascii=False).encode()


@pytest.mark.parametrize("name", ["nowhere", "a\0b", "file"])
def test_what_is_no_folder_is_refused_in_words(tmp_path, name):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="The image folder"):
        find_images(os.path.join(tmp_path, name))


def test_quotes_and_blanks_around_a_pasted_path_are_left_off(tmp_path, monkeypatch):
    (tmp_path / "a b").mkdir()
    for text in (
        f'"{tmp_path}/a b"',
        f" '{tmp_path}/a b' ",
        f"{tmp_path}/a b",
        f"file://{tmp_path}/a%20b",
    ):
        assert as_folder(text) == tmp_path / "a b"
    (tmp_path / "'odd'").mkdir()
    monkeypatch.chdir(tmp_path)
    assert as_folder("'odd'") == Path("'odd'")
    assert as_folder("~/x") == Path.home() / "x"
