"""One reader of tables: every form they come in, and what is refused with its line."""

import pytest

from ham.config import DataError
from ham.data.delimited import missing, number, read_table

PLAIN = "image,dx\na,nv\nb,mel\n"


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.encode(),
        PLAIN.encode("utf-8-sig"),
        PLAIN.encode("utf-16"),
        PLAIN.encode("utf-16-le"),
        PLAIN.encode("utf-16-be"),
        b"\xfe\xff" + PLAIN.encode("utf-16-be"),
        PLAIN.encode("utf-32"),
        PLAIN.replace("\n", "\r\n").encode(),
        PLAIN.replace("\n", "\r").encode(),
        PLAIN.replace(",", "\t").encode(),
        PLAIN.replace(",", ";").encode(),
        b"sep=;\r\nimage;dx\r\na;nv\r\nb;mel\r\n",
        PLAIN.rstrip().encode(),
        b'"image","dx"\n"a","nv"\n"b","mel"\n',
        b'image, dx\n a , "nv"\n\n,,\nb,mel,,\n \n',
        b"image,dx,,\na,nv,,\nb,mel\n",
        ("\ufeff" + PLAIN).encode("utf-8-sig"),
        b"\n\nimage,dx\na,nv\nb,mel\n\n\n",
    ],
    ids=repr,
)
def test_the_same_table_is_read_from_every_form(content):
    table = read_table(content)
    assert table.header == ("image", "dx")
    assert [fields for _, fields in table.rows] == [["a", "nv"], ["b", "mel"]]


def test_lines_are_counted_as_an_editor_counts_them():
    table = read_table(b'image,note\n\na,"two\nlines"\nb,c\n')
    assert [line for line, _ in table.rows] == [3, 5]
    assert [line for line, _ in read_table(b"sep=,\r\nimage,dx\r\n\r\na,nv\r\n").rows] == [4]


def test_columns_are_found_in_any_case_and_not_twice():
    table = read_table(b" Image , DX,dx\na,nv,nv\n", "labels.csv")
    assert (table.column("image_id", "image"), table.column("age")) == (0, None)
    with pytest.raises(DataError, match="labels.csv, line 1: .*it has the column dx twice"):
        table.column("dx")


def test_a_file_is_read_as_its_bytes_are(tmp_path):
    (tmp_path / "t.csv").write_text(PLAIN)
    table = read_table(tmp_path / "t.csv")
    assert (table.shown, table.rows) == (str(tmp_path / "t.csv"), read_table(PLAIN.encode()).rows)


@pytest.mark.parametrize(
    ("content", "where", "why"),
    [
        (b"", "T", "the file is empty"),
        (b"PK\x03\x04\x14\0\x06\0", "T", "it is an Excel workbook or another zip archive"),
        (b"\xef\xbb\xbf\n ,\n", "T", "the file is empty"),
        (b"image,dx\na,nv,3\n", "T, line 2", "it has 3 fields where the header has 2"),
        (b"image,dx\n\na\n", "T, line 3", "it has 1 field where the header has 2"),
        (b"image,dx\na,nv\n\xe4,nv\n", "T, line 3", "it is no UTF-8 text (byte 14)"),
        (b"image,dx\r\xe4,nv\r", "T, line 2", "it is no UTF-8 text (byte 9)"),
        (b"image,dx\na,n\0v\n", "T, line 2", "it has a NUL character"),
        (b"\xff\xfei\0m\0\n\0x", "T, line 2", "it is no UTF-16 text (byte 8)"),
        (
            b"image,dx\na,nv\n" + b"x" * 140_000 + b",nv\n",
            "T, line 3",
            "it is no CSV (field larger than field limit",
        ),
        (
            b'image,dx\na,"nv\nb,mel\nc,nv\n',
            "T, line 2",
            "a quotation mark is opened and not closed",
        ),
        (b'image,dx\na,"nv"x\n', "T, line 2", "it is no CSV"),
    ],
    ids=repr,
)
def test_what_is_no_table_is_refused_with_its_line(content, where, why):
    with pytest.raises(DataError) as refused:
        _ = read_table(content, "T").rows
    assert refused.value.what == where
    assert why in refused.value.why


@pytest.mark.parametrize("name", ["nowhere.csv", "a\0b.csv", "."])
def test_a_file_that_cannot_be_read_is_refused(tmp_path, name):
    with pytest.raises(DataError, match="the file cannot be read"):
        read_table(f"{tmp_path}/{name}")


def test_what_is_not_known_is_written_in_many_ways():
    for text in ("", " ", "nan", "NaN", "NA", "N/A", "None", "NULL", "unknown", "Unknown ", "?"):
        assert missing(text), text
    assert not any(missing(text) for text in ("0", "male", "nv", "north", "none of these"))


def test_numbers_are_read_with_point_or_comma_and_nothing_else_is_one():
    assert [number(text) for text in ("1", " 0.0", "1,0", "1e0", "-3", ".5")] == [
        1,
        0,
        1,
        1,
        -3,
        0.5,
    ]
    for text in ("", ".", "nan", "inf", "1_0", "0x1", "1 2", "\u0661", "1.2.3", "9e999"):
        assert number(text) is None, text
