"""Labels from a CSV and the images they name: both forms, and every way in which they are wrong."""

from pathlib import Path

import numpy as np
import pytest

from ham.config import CLASS_INDEX, CLASSES, CODES, DataError
from ham.data import LabelledImages, find_labelled_images

ONE_HOT = "image,MEL,NV,BCC,AKIEC,BKL,DF,VASC"  # ISIC 2018's own order


@pytest.fixture
def find(tmp_path):
    """`find(content, *files)`: the images of a folder with these files, labelled by a CSV of
    this content.

    A file holds its extension: those of one name and two extensions differ.
    """

    def written(content: str | bytes, *files: str) -> LabelledImages:
        folder = tmp_path / "images"
        folder.mkdir(exist_ok=True)
        for file in files:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_text(Path(file).suffix)
        labels = tmp_path / "labels.csv"
        labels.write_bytes(content if isinstance(content, bytes) else content.encode())
        return find_labelled_images(folder, labels)

    return written


def codes(found: LabelledImages) -> list[str]:
    return [CODES[label] for label in found.labels]


# ------------------------------------------------------------------------------ labels


def test_class_codes_are_read_in_the_order_of_the_file(find):
    found = find("image,dx\nb,nv\na,mel\n", "a.jpg", "b.jpg")
    assert (found.names, codes(found)) == (("b", "a"), ["nv", "mel"])
    assert [Path(path).name for path in found.paths] == ["b.jpg", "a.jpg"]
    assert found.labels.dtype == np.int64
    assert (found.n_labelled, found.n_unlabelled, found.missing) == (2, 0, {})


def test_every_class_has_its_column_in_isics_one_hot_form(find):
    columns = [c.isic_column for c in CLASSES]
    rows = "".join(
        f"i{k}," + ",".join("1.0" if k == j else "0.0" for j in range(7)) + "\n" for k in range(7)
    )
    found = find(f"image,{','.join(columns)}\n{rows}", *(f"i{k}.jpg" for k in range(7)))
    assert codes(found) == list(CODES)


def test_one_hot_columns_stand_in_any_order(find):
    assert codes(find(f"{ONE_HOT}\na,0,0,0,0,0,1,0\n", "a.jpg")) == ["df"]
    assert codes(find("VASC,DF,MEL,image,NV,BKL,AKIEC,BCC\n0,0,0,a,0,0,1,0\n", "a.jpg")) == [
        "akiec"
    ]


def test_case_blanks_a_byte_order_mark_and_other_columns_do_not_matter(find):
    found = find(
        "\ufeffAge, DX ,Image\r\n50, NV ,a.JPG\r\n\r\n,,\r\n60,mel,b\r\n", "a.jpg", "b.png"
    )
    assert (found.names, codes(found)) == (("a", "b"), ["nv", "mel"])


def test_ham10000s_own_metadata_is_read_too(find):
    found = find(
        "lesion_id,image_id,dx,dx_type,age,sex,localization\nL1,a,bkl,histo,80.0,male,scalp\n",
        "a.jpg",
    )
    assert (found.names, codes(found)) == (("a",), ["bkl"])


def test_lesion_ids_group_the_images(find):
    found = find("image,dx,lesion_id\na,nv,L1\nb,nv,L2\nc,nv,L1\n", "a.jpg", "b.jpg", "c.jpg")
    assert found.lesions.tolist() == [0, 1, 0]
    assert found.notes == ()


def test_without_lesion_ids_every_image_is_a_lesion_and_that_is_said(find):
    found = find("image,dx\na,nv\nb,nv\n", "a.jpg", "b.jpg")
    assert found.lesions.tolist() == [0, 1]
    assert found.notes == (
        "Every image counts as a lesion of its own: labels.csv has no column lesion_id.",
    )


def test_an_empty_lesion_id_is_a_lesion_of_its_own_even_beside_one_of_its_name(find):
    found = find("image,dx,lesion_id\na,nv,b\nb,nv,\nc,nv,\n", "a.jpg", "b.jpg", "c.jpg")
    assert len(set(found.lesions.tolist())) == 3
    assert found.notes == (
        "2 labelled images without lesion_id: each counts as a lesion of its own.",
    )


def test_an_image_named_twice_with_one_label_counts_once_and_that_is_said(find):
    found = find("image,dx,lesion_id\na,nv,L1\na.jpg,nv,L1\n", "a.jpg")
    assert (found.names, found.n_labelled) == (("a",), 1)
    assert found.notes == (
        "1 line of labels.csv left out: the image stands above with the same label.",
    )


def test_isic_2019_ak_is_akiec_and_rows_of_its_other_classes_are_named_and_left_out(find):
    header = ONE_HOT.replace("AKIEC", "AK") + ",SCC,UNK,score_weight"
    found = find(
        f"{header}\na,0,0,0,1,0,0,0,0,0,0.5\nb,0,0,0,0,0,0,0,1.0,0,1\nc,1,0,0,0,0,0,0,0,0,1\n"
        "d,0,0,0,0,0,0,0,0,1,0\ne,0,0,0,0,0,0,0,1,0,1\n",
        "a.jpg",
        "b.jpg",
        "c.jpg",
        "x.jpg",
    )
    assert (found.names, codes(found), found.missing) == (("a", "c"), ["akiec", "mel"], {})
    assert (found.n_labelled, found.n_other, found.n_unlabelled) == (2, 3, 1)
    assert found.notes[0] == (
        "3 more images of labels.csv left out, of classes that the models "
        "do not know: "
        "SCC (2) and UNK (1)."
    )


def test_the_isic_archives_words_are_mapped_where_they_are_certain(find):
    found = find(
        'isic_id,attribution,benign_malignant,diagnosis\nISIC_1,"x, '
        'y",benign,nevus\nISIC_2,z,malignant,'
        "melanoma\nISIC_3,z,malignant,squamous cell "
        "carcinoma\nISIC_4,z,benign,seborrheic keratosis\n"
        "ISIC_5,z,benign,verruca\nISIC_6,z,,basal cell "
        "carcinoma\nISIC_7,z,benign,actinic keratosis\n",
        *(f"ISIC_{k}.jpg" for k in range(1, 8)),
    )
    assert codes(found) == ["nv", "mel", "bkl", "bcc", "akiec"]
    assert "squamous cell carcinoma (1) and verruca (1)" in found.notes[0]
    found = find(
        "isic_id,diagnosis_1,diagnosis_2,diagnosis_3\nISIC_1,Benign,x,Nevus\nISIC_2,Malignant,x,"
        '"Melanoma, NOS"\nISIC_3,Indeterminate,x,Solar or actinic '
        "keratosis\nISIC_4,Benign,x,\n"
    )
    assert codes(found) == ["nv", "mel", "akiec"]
    assert found.missing == {"ISIC_4": "line 5 gives it no class."}


def test_a_diagnosis_and_columns_that_agree_are_read_and_probabilities_beside_it_are_no_labels(
    find,
):
    assert codes(
        find(f"dx,{ONE_HOT}\nmel,a,1,0,0,0,0,0,0\n,b,0,1,0,0,0,0,0\n", "a.jpg", "b.jpg")
    ) == ["mel", "nv"]
    assert codes(find(f"dx,{ONE_HOT}\nmel,a,0.1,0.9,0,0,0,0,0\n", "a.jpg")) == ["mel"]


def test_a_column_label_is_read_where_it_holds_words_and_there_is_nothing_better(find):
    assert codes(find("filename,label\na.jpg,mel\nb.jpg,Nevus\n", "a.jpg", "b.jpg")) == [
        "mel",
        "nv",
    ]
    assert codes(find("image,dx,label\na,mel,4\n", "a.jpg")) == ["mel"]
    assert codes(find(f"{ONE_HOT},label\na,1,0,0,0,0,0,0,4\n", "a.jpg")) == ["mel"]
    with pytest.raises(DataError, match=r"of a class that the models know: 4 \(1\)\."):
        find("image,label\na,4\n", "a.jpg")


def test_rows_that_say_nothing_are_named_and_do_not_stop_the_rest(find):
    found = find(
        "image,dx,lesion_id\na,nv,L1\nb,nan,L2\n,mel,L3\nc,UNKNOWN,L4\nd,mel,n/a\ne,wart,\n",
        *(f"{name}.jpg" for name in "abcde"),
    )
    assert (found.names, codes(found)) == (("a", "d"), ["nv", "mel"])
    assert found.missing == {
        "b": "line 3 gives it no class.",
        "line 4": "it names no image.",
        "c": "line 5 gives it no class.",
    }
    assert found.notes[0].endswith("do not know: wart (1).")
    assert (
        found.notes[1] == "1 labelled image without lesion_id: each counts as a lesion of its own."
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(",", ";"),
        lambda text: text.replace(",", "\t"),
        lambda text: text.replace("\n", "\r"),
        lambda text: text.replace("\n", ",,\n"),
        lambda text: "sep=,\n" + text,
        lambda text: text.replace("nv", '"NV"'),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_form_of_the_table_changes_nothing(find, change, encoding):
    found = find(change("image,dx\na,nv\nb,mel\n").encode(encoding), "a.jpg", "b.jpg")
    assert (found.names, codes(found)) == (("a", "b"), ["nv", "mel"])


@pytest.mark.parametrize(
    ("content", "where", "why"),
    [
        (
            "image,dx\na,wart\nb,scc\n",
            "labels.csv",
            "none of its images is of a class that the models know: wart (1) and",
        ),
        (
            "image,dx\n\nb,\n",
            "labels.csv",
            "no line gives an image and its class: b: line 3 gives it no class.",
        ),
        (f"{ONE_HOT}\na,0,0,0,0,0,0,0\n", "labels.csv", "a: line 2 gives it no class."),
        (f"{ONE_HOT},SCC,UNK\na,0,0,0,0,0,0,0,1,1\n", "line 2", "SCC and UNK are 1 at once"),
        (f"{ONE_HOT},SCC\na,1,0,0,0,0,0,0,1\n", "line 2", "MEL and SCC are 1 at once"),
        (
            f"dx,{ONE_HOT}\nnv,a,1,0,0,0,0,0,0\n",
            "line 2",
            "the diagnosis is 'nv', and the column MEL is 1",
        ),
        (
            "image,dx,MEL\na,nv,0\nb,nv,1\n",
            "line 3",
            "the diagnosis is 'nv', and the column MEL is 1",
        ),
        (
            "image,dx,diagnosis\na,nv,nevus\nb,nv,melanoma\n",
            "line 3",
            "one column says 'nv' and another 'melanoma'",
        ),
        (
            "image,dx,benign_malignant\na,nv,benign\nb,mel,benign\n",
            "line 3",
            "the diagnosis is mel, and another col",
        ),
        ("image,image_id,dx\na,a.jpg,nv\na,b,nv\n", "line 3", "it names two images, 'a' and 'b'"),
        (f"{ONE_HOT}\na,1,0,1,0,0,0,0\n", "line 2", "MEL and BCC are 1 at once"),
        (f"{ONE_HOT}\na,0.7,0.3,0,0,0,0,0\n", "line 2", "MEL is '0.7', not 1 or 0"),
        (f"{ONE_HOT}\na,1,,0,0,0,0,0\n", "line 2", "NV is '', not 1 or 0"),
        ("image,dx\na,nv\nb,nv\na.png,mel\n", "line 4", "image a is mel here and nv in line 2"),
        (
            "image,dx,lesion_id\na,nv,L1\na,nv,L2\n",
            "line 3",
            "image a belongs to lesion L2 here and to L1 in line 2",
        ),
        ("image,dx\na,nv,3\n", "line 2", "it has 3 fields where the header has 2"),
        ("image,dx\n,nv\n", "labels.csv", "line 2: it names no image"),
        ("", "labels.csv", "the file is empty"),
        ("\n \n", "labels.csv", "the file is empty"),
        ("image,dx\n", "labels.csv", "there is no line below the header"),
        ("image,illness\na,nv\n", "line 1", "no column dx, nor one for each class"),
        ("picture;dx\na;nv\n", "line 1", "the header is picture,dx: there is no column image"),
        (
            "image,MEL,NV,BCC,AKIEC,BKL\na,1,0,0,0,0\n",
            "line 1",
            "there is no column VASC and no column DF",
        ),
        ("image,dx,DX\na,nv,nv\n", "line 1", "it has the column dx twice"),
        (b"image,dx\na,nv\n\xe4,nv\n", "line 3", "it is no UTF-8 text (byte 14)"),
        ("image,dx\na,nv\n".encode("utf-16")[:-1], "line 2", "it is no UTF-16 text"),
        ("image,dx\na,nv\n" + "x" * 140_000 + ",nv\n", "line 3", "it is no CSV"),
    ],
)
def test_labels_that_cannot_be_meant_are_refused_with_file_and_line(
    find, tmp_path, content, where, why
):
    with pytest.raises(DataError) as refused:
        find(content, "a.jpg", "b.jpg")
    assert refused.value.what.startswith(str(tmp_path / "labels.csv"))
    assert refused.value.what.endswith(where)
    assert why in refused.value.why
    assert refused.value.todo


def test_a_labels_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(DataError, match="labels.csv: the file cannot be read"):
        find_labelled_images(tmp_path, tmp_path / "labels.csv")


# ------------------------------------------------------------------------------ images


def test_images_are_found_at_any_depth_by_name_whatever_their_extension(find):
    found = find(
        "image,dx\na\u00e9,nv\nb.jpg,nv\nc,nv\nd.2,nv\n",
        "part_1/aé.JPG",
        "part_2/deep/b.png",
        "c.jpeg",
        "d.2.jpg",
        "c.txt",
    )
    assert [Path(path).name for path in found.paths] == ["aé.JPG", "b.png", "c.jpeg", "d.2.jpg"]
    assert found.missing == {}


def test_folder_case_ending_and_unicode_form_do_not_matter(find):
    found = find(
        "image,dx\nimg/A.jpg,nv\nimg\\b.png,nv\nC:\\x\\c.jpg.png,nv\n./gr\u00fcn.JPG,nv\n",
        "a.JPG",
        "x/B.tif",
        "c.webp",
        "gru\u0308n.jfif",
    )
    assert [Path(path).name for path in found.paths] == [
        "a.JPG",
        "B.tif",
        "c.webp",
        "gru\u0308n.jfif",
    ]
    assert found.missing == {}


def test_one_image_under_two_names_is_named_twice(find):
    with pytest.raises(DataError, match="line 3: image A is mel here and nv in line 2"):
        find("image,dx\nimg/a.jpg,nv\nA,mel\n", "a.jpg")


def test_links_to_folders_are_followed_and_copies_are_one_image(find, tmp_path):
    find("image,dx\na,nv\n", "a.jpg", "again/A.jpg")
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "b.jpg").touch()
    (tmp_path / "images" / "nv").symlink_to(tmp_path / "store")
    found = find("image,dx\na,nv\nb,nv\n")
    assert (found.names, found.missing, found.n_unlabelled) == (("a", "b"), {}, 0)


def test_labelled_images_without_a_file_are_missing_and_files_without_a_label_counted(find):
    found = find("image,dx\na,nv\nb,mel\nc,bcc\n", "b.jpg", "x.jpg", "y.png", "LICENSE.txt")
    assert (found.names, found.labels.tolist()) == (("b",), [CLASS_INDEX["mel"]])
    assert found.lesions.shape == (1,)
    assert found.missing == dict.fromkeys(("a", "c"), "there is no image of this name.")
    assert (found.n_labelled, found.n_unlabelled) == (3, 2)


def test_two_files_of_one_name_are_not_guessed_between(find):
    found = find("image,dx\na,nv\nb,nv\n", "one/a.jpg", "two/a.png", "b.jpg")
    assert found.names == ("b",)
    assert found.missing == {"a": "2 different files have this name: one/a.jpg, two/a.png."}


def test_hidden_twins_of_archives_from_a_mac_are_no_images(find):
    found = find("image,dx\na,nv\n", "a.jpg", "._a.jpg", ".thumbnails/a.jpg")
    assert (found.names, found.n_unlabelled) == (("a",), 0)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    (tmp_path / "labels.csv").write_text("image,dx\na,nv\n")
    with pytest.raises(DataError, match="The image folder .*nowhere: it is no folder"):
        find_labelled_images(tmp_path / "nowhere", tmp_path / "labels.csv")
