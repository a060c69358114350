"""Downloads from a Kaggle on this computer, with every fault a network has; each is seen to end
well or in words.
"""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from kaggle_standin import Kaggle, zip_of

from ham import config
from ham.cli import main
from ham.config import HamError
from ham.data import (
    METADATA_FILE,
    PIXEL_FILE,
    CannotWrite,
    Stopped,
    current_source,
    dataset,
    download,
    download_ham10000,
    find_source,
    open_dataset,
    places,
)

FILES = (METADATA_FILE, PIXEL_FILE)
ROOT = Path(__file__).parents[1]
NOTHING_CHOSEN = (None, getattr(dataset, "DEMO_SOURCE", None))


@pytest.fixture(scope="module")
def contents(small_folder) -> dict[str, bytes]:
    """Metadata of 150 rows (7,767 bytes) and their pixels (1.3 MB)."""
    return {name: (small_folder / name).read_bytes() for name in FILES}


@pytest.fixture
def kaggle(contents, monkeypatch, tmp_path):
    """The stand-in, asked by every process that this test starts; nobody's token, and no time to
    wait.
    """
    monkeypatch.setattr(download, "WAITS", (0.0,))
    monkeypatch.setattr(download, "CORRUPT_TIMES", 1)
    for name in (
        "KAGGLE_API_TOKEN",
        "KAGGLE_USERNAME",
        "KAGGLE_KEY",
        "no_proxy",
        "NO_PROXY",
        "HTTP_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with Kaggle(dict(contents)) as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server


def failed(**what) -> HamError:
    with pytest.raises(HamError) as caught:
        download_ham10000(**what)
    assert current_source() in NOTHING_CHOSEN
    assert [path.name for path in places.data_folder().iterdir() if path.name != ".lock"] == []
    return caught.value


def whole(folder: Path, contents: dict[str, bytes]) -> bool:
    return all((folder / name).read_bytes() == contents[name] for name in FILES)


# ------------------------------------------------------------------------------- it works


def test_the_two_files_arrive_checked_in_a_folder_of_our_own_and_nothing_else_is_left(
    kaggle, contents, ham_home
):
    folder = download_ham10000()
    assert folder == ham_home / "data" / "kaggle"
    assert whole(folder, contents)
    assert find_source(folder).photographs == {}
    assert kaggle.asked == [
        "GetDataset",
        f"DownloadDataset {METADATA_FILE}",
        f"GET {METADATA_FILE}",
        "GetDataset",
        f"DownloadDataset {PIXEL_FILE}",
        f"GET {PIXEL_FILE}",
    ]
    assert not (ham_home / "downloads").exists()
    assert (
        sorted(
            path.name for path in Path(os.environ["HOME"]).iterdir() if path.name.startswith(".")
        )
        == []
    )
    origin = json.loads((folder / "origin.json").read_text())
    assert origin["origin"] == "Downloaded from Kaggle (kmader/skin-cancer-mnist-ham10000)"


def test_the_whole_archive_is_fetched_and_its_photographs_unpacked_once(
    kaggle, small_folder, contents
):
    photographs = {
        path.relative_to(small_folder).as_posix(): path.read_bytes()
        for path in sorted(small_folder.rglob("*.jpg"))
    }
    kaggle.files |= photographs | {
        name.replace("HAM10000_", "ham10000_"): content for name, content in photographs.items()
    }
    kaggle.faults = [("cut", 300_000)]  # of about 700,000
    folder = download_ham10000(photographs=True)
    assert folder.name == "kaggle-photographs"
    assert whole(folder, contents)
    assert len(find_source(folder).photographs) == len(list(folder.rglob("*.jpg"))) == 150
    assert kaggle.asked[-1].startswith("GET archive bytes=")


# ----------------------------------------------------------------------------- it goes on


@pytest.mark.parametrize("fault", ["cut", "reset"])
def test_a_lost_connection_is_tried_again_from_the_bytes_that_are_there(kaggle, contents, fault):
    kaggle.faults = [("", 0), (fault, 1_000_000)]
    assert whole(download_ham10000(), contents)
    resumed = kaggle.asked[-1]
    assert resumed.startswith(f"GET {PIXEL_FILE} bytes=")
    assert 900_000 < int(resumed.split("=")[1].rstrip("-")) <= 1_000_000


def test_a_file_that_kaggle_sends_zipped_is_unpacked_and_goes_on_too(kaggle, contents):
    kaggle.zipped = True
    kaggle.faults = [("", 0), ("cut", 200_000)]  # of about 370,000
    assert whole(download_ham10000(), contents)
    assert kaggle.asked[-1].startswith(f"GET {PIXEL_FILE} bytes=1")


def test_a_storage_that_goes_silent_is_left_and_asked_again(kaggle, contents, monkeypatch):
    monkeypatch.setattr(download, "STALL_SECONDS", 3.0)
    kaggle.faults = [("", 0), ("hang", 700_000)]
    assert whole(download_ham10000(), contents)
    assert kaggle.asked[-1].startswith(f"GET {PIXEL_FILE} bytes=6")


def test_a_slow_line_is_no_silent_one_and_its_bytes_are_counted(kaggle, contents, monkeypatch):
    monkeypatch.setattr(download, "STALL_SECONDS", 3.0)
    kaggle.seconds_a_block = 0.17  # 20 blocks: 3.4 seconds
    seen = []
    assert whole(download_ham10000(report=lambda *report: seen.append(report)), contents)
    assert kaggle.asked.count("GetDataset") == 2, "it was one attempt"
    counted = [
        (done, total) for done, total, what in seen if what == f"Downloading {PIXEL_FILE}" and total
    ]
    assert {total for _, total in counted} == {len(contents[PIXEL_FILE])}
    assert len({done for done, _ in counted}) >= 4
    assert [done for done, _ in counted] == sorted(done for done, _ in counted)


def test_a_server_that_has_a_problem_or_asks_to_wait_is_asked_again_when_it_says(
    kaggle, contents, monkeypatch
):
    monkeypatch.setattr(download, "WAITS", (0.0, 0.0))
    kaggle.refusals, kaggle.retry_after = [503, 429], "1"
    seen, start = [], time.monotonic()
    assert whole(download_ham10000(report=lambda *report: seen.append(report[2])), contents)
    assert time.monotonic() - start > 2
    assert {
        "Kaggle has a problem, trying again in 1 s",
        "Kaggle asks to wait, trying again in 1 s",
    } <= set(seen)


def test_a_wrong_checksum_throws_the_file_away_and_fetches_it_afresh(kaggle, contents):
    kaggle.faults = [("", 0), ("flip", 500_000)]
    assert whole(download_ham10000(), contents)
    assert kaggle.asked[-1] == f"GET {PIXEL_FILE}"


def test_a_storage_that_ignores_ranges_and_names_no_checksum_is_found_out_by_the_check(
    kaggle, contents
):
    """The second answer is appended whole to the first's half: only reading the file tells."""
    kaggle.names_md5 = kaggle.takes_ranges = False
    kaggle.faults = [("", 0), ("cut", 1_000_000)]
    assert whole(download_ham10000(), contents)
    assert kaggle.asked[-1] == f"GET {PIXEL_FILE}"


def test_a_storage_that_names_no_length_is_served_all_the_same(kaggle, contents):
    kaggle.names_length = False
    assert whole(download_ham10000(), contents)


def test_stopping_keeps_what_has_arrived_and_the_next_download_goes_on(kaggle, contents):
    kaggle.faults, stop = [("", 0), ("hang", 1_000_000)], threading.Event()

    def until_it_hangs(done, total, what):
        if done > 900_000:
            stop.set()

    start = time.monotonic()
    assert isinstance(failed(report=until_it_hangs, stop=stop), Stopped)
    assert time.monotonic() - start < 20
    assert 900_000 < download.arrived_bytes() < 1_100_000
    assert whole(download_ham10000(), contents)
    assert kaggle.asked[-1].startswith(f"GET {PIXEL_FILE} bytes=9")


def test_what_was_whole_when_it_was_killed_is_not_fetched_again(kaggle, contents, monkeypatch):
    """Killed between arriving and its place; the zip of the single file is whole, kagglehub's
    mark is missing.
    """
    kaggle.zipped = True
    there = config.home_folder() / "downloads/datasets/kmader/skin-cancer-mnist-ham10000/versions/2"
    there.mkdir(parents=True)
    # half unpacked, beside its zip
    (there / METADATA_FILE).write_bytes(contents[METADATA_FILE][:100])
    (there / f"{METADATA_FILE}.zip").write_bytes(zip_of({METADATA_FILE: contents[METADATA_FILE]}))
    assert whole(download_ham10000(), contents)
    assert not any("bytes=" in asked for asked in kaggle.asked)


def test_a_killed_server_takes_its_download_with_it_and_the_next_one_goes_on(
    kaggle, contents, ham_home
):
    kaggle.faults = [("", 0), ("hang", 1_000_000)]
    script = "from ham.data import download_ham10000; download_ham10000()"
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, env=dict(os.environ)
    ) as process:
        until(lambda: download.arrived_bytes() > 900_000)
        [child] = children(process.pid)
        process.send_signal(signal.SIGKILL)
    until(lambda: not Path(f"/proc/{child}").exists())
    assert 900_000 < download.arrived_bytes() < 1_100_000
    assert whole(download_ham10000(), contents)
    assert kaggle.asked[-1].startswith(f"GET {PIXEL_FILE} bytes=9")


def until(happens, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


# ------------------------------------------------------------------------------- it ends in words


@pytest.mark.parametrize(
    ("status", "words"),
    [(403, r"Kaggle refused it \(403\): it wants an account"), (404, "does not have the data set")],
)
def test_a_refusal_is_told_at_once_and_with_the_way_by_hand(kaggle, status, words):
    kaggle.refusals = [status]
    error = failed()
    assert kaggle.asked == ["GetDataset"]
    assert re.search(words, error.why)
    assert config.KAGGLE_URL in error.todo
    assert "demo data" in error.todo


def test_a_server_that_never_recovers_is_given_up_with_words(kaggle):
    kaggle.refusals = [429] * 9
    assert "there were too many downloads" in failed().why
    assert kaggle.asked == ["GetDataset"] * 2  # the first attempt, and one after each wait


def test_no_network_is_said_with_the_way_by_hand(kaggle, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # nothing listens there
    error = failed()
    assert error.why == "there is no connection to kaggle.com, or it keeps breaking off."
    assert config.KAGGLE_URL in error.todo


def test_a_checksum_that_never_fits_is_given_up(kaggle):
    kaggle.faults = [("", 0), *[("flip", 500_000)] * 9]
    assert "does not have the checksum" in failed().why


def test_a_file_that_is_cut_short_where_it_lies_is_fetched_once_more_then_refused_and_thrown_away(
    kaggle, contents
):
    kaggle.files[PIXEL_FILE] = contents[PIXEL_FILE][:-5_000]
    error = failed()
    assert error.what == f"What Kaggle sent, {PIXEL_FILE}, line 151"
    assert "the file may be cut short" in error.why
    assert kaggle.asked.count(f"GET {PIXEL_FILE}") == 2
    assert download.arrived_bytes() == 0


def test_an_archive_that_is_none_is_refused_and_thrown_away(kaggle):
    kaggle.files = {"readme.txt": b"moved"}
    error = failed(photographs=True)
    assert "there is no HAM10000_metadata.csv in it; it holds readme.txt" in error.why
    assert download.arrived_bytes() == 0


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="limits the size of files as Linux does"
)
def test_a_disk_that_fills_up_is_said_and_what_has_arrived_stays(kaggle, contents, monkeypatch):
    import resource

    real = subprocess.Popen

    def small_disk(*arguments, **others):
        return real(
            *arguments,
            preexec_fn=lambda: (
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN),
                resource.setrlimit(resource.RLIMIT_FSIZE, (2**19, 2**19)),
            ),
            **others,
        )

    monkeypatch.setattr(download.subprocess, "Popen", small_disk)
    error = failed()
    assert "cannot be written" in error.why  # EFBIG here; ENOSPC is told from it below
    assert download.arrived_bytes() > 500_000
    monkeypatch.setattr(download.subprocess, "Popen", real)
    assert whole(download_ham10000(), contents)


def test_each_kind_of_problem_has_words_of_its_own():
    kinds = [
        {"error": kind}
        for kind in ("connection", "stalled", "corrupt", "full", "disk", "missing", "other")
    ]
    kinds += [{"error": "http", "status": status} for status in (401, 403, 404, 429, 500, 410)]
    assert len({download._in_words(problem).why for problem in kinds}) == len(kinds)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OSError(28, "No space left on device"), "full"),
        (OSError(13, "Permission denied"), "disk"),
        (ConnectionResetError(), "connection"),
        (TimeoutError(), "connection"),
        (ValueError("?"), "other"),
    ],
)
def test_what_goes_wrong_in_the_fetching_process_is_told_by_its_kind(error, kind):
    from ham.data.fetch import what_went_wrong

    assert what_went_wrong(error)["error"] == kind


def test_too_little_room_is_said_before_kaggle_is_asked(kaggle, monkeypatch):
    usage = places.shutil.disk_usage("/")
    monkeypatch.setattr(
        places.shutil, "disk_usage", lambda folder: usage._replace(free=8_000_000_000)
    )
    error = failed(photographs=True)
    assert isinstance(error, CannotWrite)
    assert "needs 8.8 GB of disk, and 8.0 GB are free" in error.why
    assert kaggle.asked == []


# ----------------------------------------------------------------------------- the command line


def test_the_command_asks_for_the_licence_first(kaggle, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert main(["download"]) == 2
    shown = capsys.readouterr().err
    assert config.LICENCE in shown
    assert config.CITATION in shown
    assert "--accept-licence" in shown
    assert kaggle.asked == []


def test_the_command_fetches_once_and_takes_into_use_unless_ham_data_decides(
    kaggle, capsys, ham_home, monkeypatch
):
    monkeypatch.setenv("HAM_DATA", "/elsewhere")
    assert main(["download", "--accept-licence"]) == 0
    assert "HAM_DATA names /elsewhere" in capsys.readouterr().err
    monkeypatch.delenv("HAM_DATA")
    assert current_source() in NOTHING_CHOSEN
    assert main(["download"]) == 0
    shown = capsys.readouterr()
    assert (shown.out.split(), "is here already" in shown.err) == (
        [str(ham_home / "data/kaggle")],
        True,
    )
    assert open_dataset(current_source()).n_images == 150
    assert kaggle.asked.count("GetDataset") == 2


def test_the_command_ends_in_words_where_kaggle_refuses(kaggle, capsys):
    kaggle.refusals = [403]
    assert main(["download", "--accept-licence"]) == 2
    assert "Kaggle refused it (403)" in capsys.readouterr().err


def test_importing_the_data_package_imports_no_kagglehub():
    script = (
        "import sys, ham.data; print([m for m in ('kagglehub', 'kagglesdk', 'tqdm') if m "
        "in sys.modules])"
    )
    shown = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert shown.strip() == "[]"
