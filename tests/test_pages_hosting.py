"""What pages leave out for who may not: in read-only mode, for viewers, trainers, strangers."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import streamlit as st

from ham import hosting, store
from ham.config import AccessError
from ham.engine import Engine
from ham.hosting import Act, Person
from ham.ui import frame, rights
from ham.ui.comparison import external
from tests.page_driver import open_page, said, words
from tests.run_factory import finished_run, waiting_run

ALL = [entry.script for entry in frame.MENU]


@pytest.fixture(autouse=True)
def no_engine(monkeypatch):
    monkeypatch.setattr(Engine, "start", lambda self: self)


@pytest.fixture
def log_in(monkeypatch):
    """`log_in("trainer")`: whoever opens a page is logged in, with this role."""

    def become(role: str, **claims: object) -> None:
        known = {"is_logged_in": True, "email": "a@b.org", **claims}
        monkeypatch.setenv("HAM_ROLES", f"a@b.org={role}")
        monkeypatch.setattr(rights, "_auth", lambda: {"client_id": "x"})
        monkeypatch.setattr(rights, "_claims", lambda: known)

    return become


def labels(page) -> set[str]:
    """What can be pressed."""
    return {button.label for button in page.button if not button.disabled}


@pytest.mark.parametrize("script", ALL)
def test_every_page_is_whole_in_read_only_mode_and_says_so_in_one_line(script, monkeypatch):
    waiting_run()
    monkeypatch.setenv("HAM_READONLY", "1")
    page = open_page(script)
    assert not page.error
    assert [box.proto.popover.label for box in page.get("popover")][1] == "Read-only"
    closed = ("Start", "Cancel", "Resume", "Delete", "Import", "Download", "Save", "Use ", "Ask")
    assert [label for label in labels(page) if label.startswith(closed)] == []


@pytest.mark.parametrize(
    ("role", "starts", "notes", "imports"),
    [("viewer", False, False, False), ("trainer", True, True, False), ("owner", True, True, True)],
)
def test_training_shows_each_role_what_it_may_do(log_in, role, starts, notes, imports):
    log_in(role)
    finished_run()
    page = open_page("pages/training.py", ["runs_import_open"])
    assert words(page.sidebar.get("text")) == "a@b.org"
    assert f"person: {role.capitalize()}" in words(page.sidebar.caption)
    assert ("Start training" in labels(page)) is starts
    assert (Act.NOTE in hosting.ROLES[role][0]) is notes
    assert bool(page.get("file_uploader")) is imports
    assert ("his takes an owner's role" in said(page)) is not imports


def test_a_page_that_forgets_to_ask_writes_nothing(log_in, monkeypatch, ham_home):
    log_in("viewer")
    monkeypatch.setattr(rights, "closed", lambda act: False)
    page = open_page("pages/training.py")
    next(button for button in page.button if button.label == "Start training").click()
    page.run()
    assert "his takes a trainer's role, and yours is viewer" in words(page.error).replace("\\", "")
    assert not store.find_runs().runs


def test_only_an_owner_names_files_of_the_server(monkeypatch):
    monkeypatch.setattr(external, "_jobs", lambda: pytest.fail("it was asked"))
    for role, why in (("trainer", "Naming files of the server"), ("viewer", "Keeping an external")):
        with hosting.acting_as(Person(role)), pytest.raises(AccessError, match=why):
            external._start(SimpleNamespace(reports={}), "Mine", "/etc", "", [])


def test_who_has_no_role_sees_the_way_out_and_nothing_else(log_in):
    log_in("none")
    page = open_page("pages/training.py")
    assert "who has no role here" in words(page.get("text"))
    assert labels(page) == {"Log out"}


def test_roles_that_cannot_be_read_give_nobody_one(log_in, monkeypatch):
    log_in("owner")
    monkeypatch.setenv("HAM_ROLES", "a@b.org=boss")
    page = open_page("pages/training.py")
    assert "there are only none, viewer, trainer, owner" in words(page.get("text"))
    assert labels(page) == {"Log out"}


def test_an_address_that_is_not_verified_or_not_named_makes_nobody_an_owner(log_in):
    for claims in ({"email_verified": False}, {"email": "eve@b.org"}, {"email": None, "sub": "7"}):
        log_in("owner", **claims)
        assert "person: Viewer" in words(open_page().sidebar.caption)
    log_in("owner", email_verified=True)
    assert "person: Owner" in words(open_page().sidebar.caption)


def test_a_proxy_in_front_may_say_who_it_is(monkeypatch):
    monkeypatch.setenv("HAM_ROLES", "a@b.org=trainer")
    headers = {"X-Email": "email"}
    asked = st.get_option
    monkeypatch.setattr(
        st,
        "get_option",
        lambda name: headers if name.endswith("trustedUserHeaders") else asked(name),
    )
    monkeypatch.setattr(rights, "_claims", lambda: {"email": "a@b.org"})
    assert "person: Trainer" in words(open_page().sidebar.caption)
    monkeypatch.setattr(rights, "_claims", lambda: {"email": None})
    assert "did not say who you are" in words(open_page().caption)


def test_a_page_that_anybody_can_reach_and_change_says_what_to_do(monkeypatch):
    asked = st.get_option
    address = "0.0.0.0"
    monkeypatch.setattr(
        st, "get_option", lambda name: address if name == "server.address" else asked(name)
    )
    assert "Open to everybody" in [box.proto.popover.label for box in open_page().get("popover")]
    assert "HAM_READONLY" in said(open_page())
    address = "localhost"
    assert "Open to everybody" not in [
        box.proto.popover.label for box in open_page().get("popover")
    ]
