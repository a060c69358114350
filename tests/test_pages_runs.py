"""The table of all runs on the Training page: what is done is done to the runs that are ticked."""

from __future__ import annotations

import json
import os
from io import StringIO

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from ham import cli, store
from ham.cli.parser import make_parser
from ham.config import TrainConfig
from ham.engine import Engine
from ham.store import Run
from tests.page_driver import last_runs, open_page, opened, said
from tests.run_factory import used_run, waiting_run
from tests.test_store import UNREADABLE, make_unreadable

SCRIPTS = (
    "app.py",
    "pages/dataset.py",
    "pages/training.py",
    "pages/comparison.py",
    "pages/prediction.py",
)


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """No data set, no worker, nothing remembered from the test before."""
    monkeypatch.setattr(Engine, "start", lambda self: self)
    st.cache_data.clear()
    st.cache_resource.clear()


def tick(page: AppTest, *rows: int) -> AppTest:
    page.session_state[page.dataframe[0].key] = {
        "selection": {"rows": list(rows), "columns": [], "cells": []}
    }
    page.run()
    assert not page.exception
    return page


def named(widgets, label: str):
    return next(widget for widget in widgets if widget.label == label)


def waiting(seed: int = 0, state: str = "queued", now: float = 1.0) -> Run:
    return store.write_status(waiting_run(TrainConfig(seed=seed), now=now), state=state)


def test_every_run_stands_with_its_state_and_its_result() -> None:
    waiting(state="cancelled", now=2_000_000.0)
    used_run()
    table = open_page("pages/training.py").dataframe[0].value
    assert table["State"].tolist() == ["Cancelled", "Done"]
    assert table["Run"].tolist() == ["CNN, as described, seed 0", "Mine"]
    assert table["Test accuracy"].tolist() == ["", "50 % (25 to 75)"]
    assert [list(tags) for tags in table["Tags"]] == [[], ["good"]]


def test_a_ticked_run_gets_a_name_tags_and_notes() -> None:
    run = used_run()
    page = tick(open_page("pages/training.py"), 0)
    named(page.text_input, "Name").set_value("Best *so far*")
    named(page.text_area, "Notes").set_value("Mind the split.")
    named(page.multiselect, "Tags").set_value([])
    named(page.button, "Save").click()
    page.run()
    assert not page.exception
    found = store.read_run(run.id).notes
    assert (found.title, found.tags, found.text) == ("Best *so far*", (), "Mind the split.")
    assert page.dataframe[0].value["Run"].tolist() == ["Best *so far*"]


def test_a_name_that_is_too_long_is_refused_in_words() -> None:
    run = used_run()
    page = tick(open_page("pages/training.py"), 0)
    named(page.text_input, "Name").set_value("x" * 81)
    named(page.button, "Save").click()
    page.run()
    assert "80 are allowed" in page.error[0].value
    assert store.read_run(run.id).title == "Mine"


def test_deleting_asks_first_and_takes_only_the_ticked_runs_that_do_not_wait() -> None:
    kept, gone, queued = used_run(), waiting(1, "failed", 2_000_000.0), waiting(2, now=3_000_000.0)
    # newest first: the waiting one and the failed one
    page = tick(open_page("pages/training.py"), 0, 1)
    page.button(key="runs_delete").click().run()
    assert {run.id for run in store.list_runs()} == {kept.id, queued.id}
    assert not gone.folder.exists()


def test_another_list_of_runs_has_nothing_ticked() -> None:
    used_run()
    page = tick(open_page("pages/training.py"), 0)
    assert [b.key for b in page.button if b.key == "runs_delete"]
    waiting(now=2_000_000.0)  # now stands first, where the ticked one stood
    page.run()
    assert not [b.key for b in page.button if b.key == "runs_delete"]


def test_ticked_runs_that_did_not_finish_are_resumed() -> None:
    failed, done = waiting(1, "failed", 2_000_000.0), used_run()
    page = tick(open_page("pages/training.py"), 0, 1)
    page.button(key="runs_resume").click().run()
    assert store.read_run(failed.id).state == "queued"
    assert store.read_run(done.id).state == "done"


def test_one_ended_run_can_be_exported_and_a_waiting_one_not() -> None:
    used_run()
    waiting(now=2_000_000.0)
    page = open_page("pages/training.py")
    assert "Export" in [button.label for button in tick(page, 1).get("download_button")]
    assert "Export" not in [button.label for button in tick(page, 0).get("download_button")]
    assert page.button(key="runs_no_export").disabled


def test_why_a_run_cannot_be_exported_stands_below_the_button() -> None:
    run = used_run()
    (run.folder / "history.csv").write_bytes(b"\xff\xfe")
    page = tick(open_page("pages/training.py"), 0)
    assert page.button(key="runs_no_export").disabled
    why = [error.value for error in page.error if "not passed on" in error.value]
    assert ["history.csv" in words for words in why] == [True]


def test_the_log_of_a_ticked_run_is_drawn_once_it_is_opened() -> None:
    run = used_run()
    page = tick(open_page("pages/training.py"), 0)
    assert [box.label for box in page.expander if "Log" in box.label] == ["Log of Mine"]
    assert not page.code
    [log] = opened(page, f"runs_log_{run.id}").code
    assert log.value.endswith("  done")


def test_a_run_is_imported_once_and_the_second_time_refused() -> None:
    run = used_run()
    content = store.export_run(run)
    store.delete_run(run)
    page = open_page("pages/training.py", ["runs_import_open"])
    assert page.button(key="runs_import").disabled
    for _ in range(2):
        page.file_uploader[-1].set_value(("run.zip", content, "application/zip")).run()
        page.button(key="runs_import").click().run()
        assert not page.exception
        assert [r.id for r in store.list_runs()] == [run.id]
    assert "already, the very same" in page.error[0].value


def test_a_damaged_folder_says_why_and_can_be_deleted() -> None:
    run, good = waiting(), used_run()
    (run.folder / "status.json").write_text("{")
    page = open_page("pages/training.py")
    assert "status.json is damaged" in said(page).replace("\\", "")
    page.button(key=f"runs_delete_{run.id}").click().run()
    assert not page.exception
    assert os.listdir(run.folder.parent) == [good.id]


def test_damaged_notes_are_told_of_where_the_run_is_looked_at() -> None:
    run = used_run()
    (run.folder / "notes.json").write_text("{")
    assert "is damaged" in tick(open_page("pages/training.py"), 0).warning[0].value


def test_many_runs_are_found_by_words_and_few_need_no_search() -> None:
    for seed in range(10):
        waiting(seed, "failed", float(seed))
    page = open_page("pages/training.py")
    assert [w.key for w in page.text_input if w.key == "runs_filter"] == []
    used_run()
    page = open_page("pages/training.py")
    page.text_input(key="runs_filter").set_value("GOOD done").run()
    assert page.dataframe[0].value["Run"].tolist() == ["Mine"]
    page.text_input(key="runs_filter").set_value("nothing like it").run()
    assert "None of the 11 runs" in said(page)


# ------------------------------------------------------------------- what cannot be read


@pytest.mark.parametrize(("how", "words"), UNREADABLE.items())
def test_a_runs_folder_that_cannot_be_listed_is_said_once_on_every_page(
    how: str, words: str, monkeypatch
) -> None:
    make_unreadable(how, monkeypatch)
    for script in SCRIPTS:
        told = said(open_page(script))
        assert told.count(words) == 1, script
        assert "elete" not in told, script


def newer(seed: int = 0) -> Run:
    """A run folder that a newer version of HAM Lab left."""
    run = waiting(seed)
    path = run.folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 2}))
    return run


def test_a_run_of_a_newer_version_is_said_on_every_page_and_cannot_be_deleted(capfd) -> None:
    run = newer()
    for script in SCRIPTS:
        page = open_page(script)
        told = said(page)
        if script == "pages/training.py":
            assert (
                told.count("made by a newer version of HAM Lab (format 2); this one reads 1") == 1
            )
            assert "elete" not in told
            assert not [button for button in page.button if "delete" in (button.key or "")]
        else:
            assert told.count("1 run cannot be read") == 1, script
    assert run.folder.exists()
    assert cli.main(["runs"]) == 0
    assert capfd.readouterr().err.count("format 2") == 1
    assert cli.main(["evaluate", run.id]) == 2
    assert "newer version" in capfd.readouterr().err


def test_a_resumed_run_shows_no_old_score_on_any_list() -> None:
    run = used_run()
    assert "50 % (25 to 75)" in last_runs(open_page())[1]
    store.write_status(run, state="queued")
    assert "–" in last_runs(open_page())[1]
    assert open_page("pages/training.py").dataframe[-1].value["Test accuracy"].tolist() == [""]
    [record] = json.loads(answer_of("runs", "--json"))["runs"]
    assert record["scores"] is None


def answer_of(*arguments: str) -> str:
    """What the command line writes to standard output."""
    out = StringIO()
    chosen = make_parser().parse_args(arguments)
    assert chosen.run(chosen, out) == 0
    return out.getvalue()
