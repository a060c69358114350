"""The floor: files written whole or not at all, damage, kept results, archives, jobs."""

import contextlib
import errno
import io as memory
import json
import logging
import os
import stat
import struct
import threading
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from ham import io
from ham.config import DataError, FileError


def everything_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


# ------------------------------------------------------------------------------- whole


def test_a_file_is_there_whole_and_leaves_nothing_beside_it(tmp_path):
    io.write_file(tmp_path / "deep" / "a.txt", b"first")
    io.write_file(tmp_path / "deep" / "a.txt", b"second")
    assert (tmp_path / "deep" / "a.txt").read_bytes() == b"second"
    assert everything_in(tmp_path) == ["deep", "deep/a.txt"]


@pytest.mark.parametrize(("refusals", "written"), [(4, b"new"), (5, b"old")])
def test_a_file_that_windows_does_not_let_go_for_a_moment_is_replaced_after_it(
    tmp_path, monkeypatch, refusals, written
):
    path, replace, asked = tmp_path / "a.txt", Path.replace, []
    io.write_file(path, b"old")

    def refuse(self: Path, other: Path) -> Path:
        asked.append(other)
        if len(asked) <= refusals:
            raise PermissionError(errno.EACCES, "The process cannot access the file")
        return replace(self, other)

    monkeypatch.setattr(Path, "replace", refuse)
    with contextlib.nullcontext() if written == b"new" else pytest.raises(PermissionError):
        io.write_file(path, b"new")
    assert path.read_bytes() == written
    assert everything_in(tmp_path) == ["a.txt"]


def test_a_folder_replaces_another_whole(tmp_path):
    for content in ("old", "new"):
        with io.whole(tmp_path / "cache") as draft:
            draft.mkdir()
            (draft / f"{content}.txt").write_text(content)
    assert everything_in(tmp_path) == ["cache", "cache/new.txt"]


@pytest.mark.parametrize("folder", [False, True])
def test_what_fails_half_way_leaves_the_old_and_no_draft(tmp_path, folder):
    target = tmp_path / "x"
    io.write_file(target / "kept" if folder else target, b"old")

    def half() -> None:
        with io.whole(target) as draft:
            if folder:
                draft.mkdir()
                draft = draft / "part"
            draft.write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        half()
    assert everything_in(tmp_path) == (["x", "x/kept"] if folder else ["x"])
    assert (target / "kept" if folder else target).read_bytes() == b"old"


def test_a_folder_that_cannot_take_its_place_leaves_the_old_one(tmp_path, monkeypatch):
    target = tmp_path / "cache"
    io.write_file(target / "kept", b"old")
    rename = Path.rename

    def refuse(self: Path, other: Path) -> Path:
        if self.name.endswith(".draft") and not self.name.endswith("-old.draft"):
            raise OSError(errno.EACCES, "Permission denied")
        return rename(self, other)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(OSError, match="Permission denied"), io.whole(target) as draft:
        draft.mkdir()
    assert everything_in(tmp_path) == ["cache", "cache/kept"]


def test_drafts_of_a_killed_process_are_removed_and_nothing_else(tmp_path):
    for name in (".a.12-ab.draft", "a", ".hidden"):
        (tmp_path / name).write_text("x")
    (tmp_path / ".folder.1-2.draft").mkdir()
    io.remove_drafts(tmp_path)
    assert everything_in(tmp_path) == [".hidden", "a"]


def test_a_full_disk_names_the_file_meant(tmp_path):
    with pytest.raises(FileError) as raised, io.writing(tmp_path / "a.json"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert raised.value.what == f"The file {tmp_path / 'a.json'}"
    assert raised.value.why == "the disk is full."
    assert "Make room" in raised.value.todo


def test_a_refusal_is_of_the_kind_and_in_the_words_asked_for(tmp_path):
    with pytest.raises(DataError) as raised, io.writing(tmp_path, DataError, "Run x", "Do y."):
        raise PermissionError(errno.EACCES, "Permission denied")
    assert (
        str(raised.value) == f"Run x: it cannot be written in {tmp_path} (Permission denied). Do y."
    )


def test_other_errors_pass_through_writing(tmp_path):
    with pytest.raises(KeyError), io.writing(tmp_path):
        raise KeyError("x")


def test_numbers_that_json_cannot_say_become_null_and_paths_in_any_bytes_survive():
    odd = os.fsdecode(b"caf\xe9")
    written = io.json_bytes({"a": float("nan"), "b": [float("inf"), 1.5], "c": odd})
    assert json.loads(written) == {"a": None, "b": [None, 1.5], "c": odd}


# ------------------------------------------------------------------------------ damage


def arrays_of(**arrays: np.ndarray) -> bytes:
    file = memory.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def flips(content: bytes, n: int, seed: int = 0):
    """`n` copies, each with one bit flipped at a seeded place."""
    rng = np.random.default_rng(seed)
    for place in rng.integers(0, 8 * len(content), n):
        flipped = bytearray(content)
        flipped[place // 8] ^= 1 << (place % 8)
        yield bytes(flipped)


def test_arrays_come_back_as_they_were(tmp_path):
    arrays = {
        "ids": np.array(["a", "bc"]),
        "n": np.arange(6).reshape(2, 3),
        "empty": np.zeros((0, 7), np.float32),
    }
    io.write_arrays(tmp_path / "a.npz", arrays)
    found = io.read_arrays(tmp_path / "a.npz")
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        assert np.array_equal(found[name], array)


def test_every_flipped_bit_of_an_array_file_raises_what_is_declared_or_changes_nothing():
    rng = np.random.default_rng(1)
    arrays = {
        "ids": np.array([f"ISIC_{i:07d}" for i in range(40)]),
        "proba": rng.random((40, 7), np.float32),
    }
    outcomes = Counter()
    for flipped in flips(arrays_of(**arrays), 1500):
        try:
            found = io.parse_arrays(flipped)
        except io.DAMAGED:
            outcomes["refused"] += 1
            continue
        # a name may have changed, a value cannot: every entry has a checksum
        for name, array in found.items():
            assert name not in arrays or np.array_equal(array, arrays[name])
        outcomes["whole"] += 1
    assert outcomes["refused"] > 700
    assert outcomes["whole"] > 50


def npz_of(header: bytes, payload: bytes = b"") -> bytes:
    npy = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + payload
    file = memory.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr("a.npy", npy)
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no zip",
        arrays_of(a=np.arange(5))[:-30],
        npz_of(b"{'descr': '<f8', 'fortran_order': False, 'shape': (1"),
        npz_of(b"{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999,), }"),
        npz_of(b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", b"x" * 8),
        npz_of(b"{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }", b"x" * 9),
        npz_of(b"(((((("),
        npz_of(b"[]"),
        npz_of(b"{'descr': 7, 'fortran_order': 0, 'shape': 'x'}"),
    ],
)
def test_made_up_array_files_raise_what_is_declared(content):
    with pytest.raises(io.DAMAGED):
        io.parse_arrays(content)


def test_arrays_larger_than_the_limit_are_refused_before_they_are_made():
    content = arrays_of(a=np.zeros(2_000_000))
    with pytest.raises(io.ArchiveError, match="more than 1,000,000 bytes"):
        io.parse_arrays(content, limit=1_000_000)


def test_the_bytes_of_a_path_that_are_no_text_come_back_from_json():
    assert io.parse_json(io.json_bytes({"data": "/b\udce4d"})) == {"data": "/b\udce4d"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[1]",
        b"{",
        b'{"a": NaN}',
        b"\xff\xfe",
        b"[" * 200_000,
        b"null",
        b'{"a": "\\udce4"',
        b'["\\udce4"]',
        b'["\\udce4", ' + b"[" * 200_000,
        b'{"a": "\\udce4", "b": NaN}',
        b'{"a": 1e400}',
        b'{"a": ' + b"9" * 5000 + b"}",
    ],
)
def test_what_is_no_json_object_raises_value_error(content):
    with pytest.raises(ValueError):  # noqa: PT011 - msgspec's words are its own
        io.parse_json(content)


def test_json_is_read_to_a_depth_of_100_however_many_brackets_it_has():
    def nested(depth: int) -> bytes:
        return b'{"a": ' * depth + b"[" * 7 + b"]" * 7 + b"}" * depth

    wide = b'{"rows": [' + b"[{}]," * 5000 + b"[[[[]]]]]}"
    assert list(io.parse_json(wide)) == list(io.parse_json(b'{"rows": "' + b"[" * 500 + b'"}'))
    assert io.parse_json(nested(93))
    with pytest.raises(ValueError, match="nested more than 100 deep"):
        io.parse_json(nested(94))


# -------------------------------------------------------------------------------- kept


def number(path: Path) -> int:
    return int(path.read_text())


def test_a_kept_result_is_made_once(tmp_path):
    made = []

    def make() -> int:
        made.append(1)
        return 42

    for _ in range(2):
        assert (
            io.kept(
                tmp_path / "k",
                number,
                make,
                lambda n, draft: draft.write_text(str(n)),
                "the answer",
            )
            == 42
        )
    assert made == [1]


def test_a_damaged_kept_result_is_made_again_and_said(tmp_path, caplog):
    (tmp_path / "k").write_text("forty-two")
    assert io.read_kept(tmp_path / "k", number, "the answer") is None
    assert "The answer in" in caplog.text
    assert "will be made again" in caplog.text
    assert (
        io.kept(
            tmp_path / "k",
            number,
            lambda: 42,
            lambda n, draft: draft.write_text(str(n)),
            "the answer",
        )
        == 42
    )
    assert number(tmp_path / "k") == 42


def test_a_full_disk_costs_the_keeping_and_not_the_result(tmp_path, caplog):
    def write(n: int, draft: Path) -> None:
        draft.write_text("4")
        raise OSError(errno.ENOSPC, "No space left on device")

    with caplog.at_level(logging.WARNING):
        assert io.kept(tmp_path / "k", number, lambda: 42, write, "the answer") == 42
    assert "cannot be kept" in caplog.text
    assert everything_in(tmp_path) == []


def test_what_was_never_kept_is_none_without_a_word(tmp_path, caplog):
    assert io.read_kept(tmp_path / "k", number, "the answer") is None
    assert caplog.text == ""


# ----------------------------------------------------------------------------- archives


def packed(*entries: tuple[str, bytes], comment: bytes = b"") -> bytes:
    file = memory.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
        archive.comment = comment
    return file.getvalue()


def names(content: bytes) -> list[str]:
    with io.Archive(content) as archive:
        return [entry.name for entry in archive.entries]


def test_plain_files_are_listed_and_litter_is_left_off():
    content = packed(
        ("a/b.txt", b"1"),
        ("a/", b""),
        ("__MACOSX/a/._b.txt", b"2"),
        ("a/.DS_Store", b"3"),
        ("c\\d.txt", b"4"),
        ("./e.txt", b"5"),
        ("Thumbs.db", b"6"),
        ("f\\", b""),
    )
    assert names(content) == ["a/b.txt", "c/d.txt", "e.txt"]


def test_a_comment_and_what_stands_before_the_zip_are_no_harm():
    assert names(packed(("a", b"1"), comment=b"made on a Tuesday" * 100)) == ["a"]
    assert names(b"#!/bin/sh\n" + packed(("a", b"1"))) == ["a"]


@pytest.mark.parametrize("source", ["path", "file", "bytes"])
def test_entries_are_read_from_any_source(tmp_path, source):
    content = packed(("a", b"hello"))
    path = tmp_path / "x.zip"
    path.write_bytes(content)
    with open(path, "rb") as file:
        opened = {"path": path, "file": file, "bytes": content}[source]
        with io.Archive(opened) as archive:
            assert archive.read(archive.entries[0], 5) == b"hello"
            assert archive.size == len(content)
        assert not file.closed


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("../a", "leads out"),
        ("a/../../b", "leads out"),
        ("a\\..\\b", "leads out"),
        ("/etc/a", "absolute"),
        ("\\a", "absolute"),
        ("C:\\a", "drive"),
        ("c:a", "drive"),
    ],
)
def test_an_entry_that_leads_out_refuses_the_archive(name, why):
    with pytest.raises(io.ArchiveError, match=why) as raised:
        names(packed(("fine", b""), (name, b"x")))
    assert (raised.value.kind, raised.value.entry) == ("hostile", name)


@pytest.mark.parametrize(
    ("mode", "why"), [(stat.S_IFLNK, "symbolic link"), (stat.S_IFIFO, "device or a pipe")]
)
def test_a_link_or_a_pipe_refuses_the_archive(mode, why):
    file = memory.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        entry = zipfile.ZipInfo("a")
        entry.external_attr, entry.create_system = (mode | 0o644) << 16, 3
        archive.writestr(entry, "/etc/passwd")
    with pytest.raises(io.ArchiveError, match=why):
        names(file.getvalue())


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "empty"),
        (b"<html>", "not a zip"),
        (packed(("a", b"x" * 100))[:-25], "cut short"),
    ],
)
def test_what_is_no_whole_zip_is_named(content, kind):
    with pytest.raises(io.ArchiveError) as raised:
        names(content)
    assert raised.value.kind == kind


def test_a_bomb_ends_at_the_limit_of_the_entry_and_at_the_ratio_of_the_archive():
    content = packed(("zeros", bytes(30_000_000)))
    with io.Archive(content) as archive:
        with pytest.raises(io.ArchiveError, match="more than 1,000 bytes"):
            archive.read(archive.entries[0], 1000)
        with pytest.raises(io.ArchiveError, match="100 times the size") as raised:
            archive.read(archive.entries[0], 10**9)
    assert raised.value.kind == "too large"
    with io.Archive(content, ratio=None) as archive:
        assert len(archive.read(archive.entries[0], 10**9)) == 30_000_000


def test_a_table_of_contents_is_bounded_before_it_is_parsed():
    content = packed(*((f"{i}", b"") for i in range(50)))
    with pytest.raises(io.ArchiveError, match="50 entries, and at most 10") as raised:
        io.Archive(content, most_entries=10)
    assert raised.value.kind == "too many"


def test_what_the_writing_end_raises_is_not_called_damage():
    class Full(memory.BytesIO):
        def write(self, content: bytes) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    with (
        io.Archive(packed(("a", b"hello"))) as archive,
        pytest.raises(OSError, match="No space left"),
    ):
        archive.copy(archive.entries[0], Full(), 100)


def test_every_flipped_bit_of_a_zip_is_refused_in_words_or_changes_no_content():
    content = packed(("a.txt", b"hello " * 50), ("b.txt", bytes(range(256))))
    whole = {"a.txt": b"hello " * 50, "b.txt": bytes(range(256))}
    refused = 0
    for flipped in flips(content, 1500, seed=2):
        try:
            with io.Archive(flipped) as archive:
                found = {entry.name: archive.read(entry, 10_000) for entry in archive.entries}
        except io.ArchiveError as error:
            refused += bool(error.why)
            continue
        for name, inside in found.items():
            assert inside == whole.get(name, inside)
    assert refused > 500


def test_a_closed_archive_of_ones_own_closes_its_file(tmp_path):
    path = tmp_path / "x.zip"
    path.write_bytes(b"broken")
    for _ in range(3):  # ResourceWarning is an error here
        with pytest.raises(io.ArchiveError):
            io.Archive(path)
    with pytest.raises(FileNotFoundError):
        io.Archive(tmp_path / "none.zip")


# --------------------------------------------------------------------------------- jobs


def test_a_job_raises_again_what_its_work_raised_as_often_as_it_is_asked():
    job = io.Job("x", lambda report, stop: {}["no"])
    job.wait(10)
    lengths = set()
    for _ in range(3):
        with pytest.raises(KeyError, match="no") as found:
            job.outcome()
        lengths.add(len(found.traceback))
    assert len(lengths) == 1, "the traceback grows with every raise"
    job = io.Job("x", lambda report, stop: 7)
    job.wait(10)
    assert job.outcome() == 7


def test_a_job_gives_its_result_and_calls_ready():
    seen = []
    job = io.Job("Counting", lambda report, stop: report(2, 4, "Half") or 7, seen.append)
    job.wait(10)
    assert (job.result, job.error, job.running, job.share, job.what) == (
        7,
        None,
        False,
        0.5,
        "Half",
    )
    assert seen == [7]


def test_a_job_that_fails_keeps_its_error():
    def fail(report, stop):
        raise DataError("x", "y.", "z.")

    job = io.Job("Failing", fail)
    job.wait(10)
    assert isinstance(job.error, DataError)
    assert job.result is None


def test_a_job_stops_at_its_next_report():
    begun = threading.Event()

    def work(report, stop):
        tell = io.stoppable(report, stop)
        while True:
            tell(0, 0, "Working")
            begun.set()

    job = io.Job("Endless", work)
    assert begun.wait(10)
    assert not job.stopping
    job.stop()
    job.wait(10)
    assert (job.stopping, job.running) == (True, False)
    assert isinstance(job.error, io.Stopped)


def test_pace_knows_speed_and_time_left_after_a_second():
    pace = io.Pace()
    assert pace.speed is None
    for second in range(4):
        pace.add(100 * second, float(second))
    assert pace.speed == 100
    assert pace.seconds_left(1300) == 10
    assert pace.seconds_left(0) is None
    pace.add(5, 4.0)  # another file began
    assert pace.speed is None


def test_pace_forgets_what_is_older_than_ten_seconds():
    pace = io.Pace()
    for second in range(31):
        pace.add(1000 * min(second, 10), float(second))
    assert pace.speed == 0
