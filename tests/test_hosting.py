"""Who may do what on a server that several people share, and how much of it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ham import data, engine, hosting, io, store
from ham.cli import dashboard, main
from ham.config import AccessError, ConfigError, LimitError, TrainConfig
from ham.data.dataset import choose_source
from ham.engine import EngineSettings
from ham.hosting import Act, Person, Roles, door, limits
from ham.lab import sweep as lab
from tests.run_factory import DATA, used_run

CNN = TrainConfig(model="cnn", epochs=1)
VIEWER, TRAINER, OWNER = (
    Person(role, f"{role}@b.org", role) for role in ("viewer", "trainer", "owner")
)


def plan() -> lab.Plan:
    values = lab.Values("learning_rate", "list", (0.001, 0.01))
    return lab.make_plan("one", "cnn", "described", (values,), method="grid")


def files(home: Path) -> dict[str, bytes]:
    """All that others see: everything in the home but its cache and the locks."""
    return {
        str(path.relative_to(home)): path.read_bytes()
        for path in sorted(home.rglob("*"))
        if path.is_file() and path.name != "lock" and "cache" not in path.relative_to(home).parts
    }


# --------------------------------------------------------------------------- the one door


@pytest.fixture
def verbs(tmp_path):
    """Every verb that changes what others see, each ready to be called on what there is."""
    done = used_run()
    waiting = engine.submit(CNN, DATA)
    engine.submit(CNN.replace(seed=3), DATA)
    stopped = engine.submit(CNN.replace(seed=1), DATA)
    engine.cancel(stopped)
    sweep = lab.create_sweep(plan(), DATA)
    bundle = store.export_run(done)
    return {
        "train": (Act.TRAIN, lambda: engine.submit(CNN.replace(seed=2), DATA)),
        "cancel": (Act.TRAIN, lambda: engine.cancel(waiting)),
        "resume": (Act.TRAIN, lambda: engine.resume(store.read_run(stopped.id))),
        "move": (Act.TRAIN, lambda: engine.move(waiting, 1)),
        "cancel, asked for": (Act.TRAIN, lambda: store.request_cancel(waiting)),
        "status": (Act.TRAIN, lambda: store.write_status(waiting, epoch=1)),
        "sweep": (Act.TRAIN, lambda: lab.create_sweep(plan(), DATA)),
        "stop a sweep": (Act.TRAIN, lambda: lab.stop_sweep(sweep)),
        "resume a sweep": (Act.TRAIN, lambda: lab.resume_sweep(sweep)),
        "name": (Act.NOTE, lambda: store.write_notes(done, title="Mine")),
        "keep a test": (Act.KEEP, lambda: store.write_external(done, None)),
        "remove a test": (Act.DELETE, lambda: store.delete_external(done, "none")),
        "delete": (Act.DELETE, lambda: store.delete_run(done)),
        "delete what is damaged": (Act.DELETE, lambda: store.delete_damaged("cnn-damaged")),
        "import": (Act.IMPORT, lambda: store.import_run(bundle)),
        "choose data": (Act.DATA, lambda: choose_source(None)),
        "use data": (Act.DATA, lambda: data.use_source(None)),
        "download": (Act.DATA, data.download_ham10000),
        "unpack": (Act.DATA, lambda: data.unpack(tmp_path / "none.zip", "none.zip")),
        "a job with data": (Act.DATA, lambda: data.DataWork().start("Get", lambda r, s: tmp_path)),
        "stop it": (Act.DATA, data.DataWork().stop),
        "set the engine": (Act.SETTINGS, lambda: engine.save_settings(EngineSettings())),
    }


def test_in_read_only_mode_every_verb_is_refused_and_nothing_is_written(
    verbs, ham_home, monkeypatch
):
    before = files(ham_home)
    monkeypatch.setenv("HAM_READONLY", "1")
    for name, (_, verb) in verbs.items():
        for person in (None, OWNER):  # the command line's too: it is set for it as well
            with pytest.raises(AccessError, match="read-only mode") as refused:  # noqa: PT012
                if person is None:
                    verb()
                else:
                    with hosting.acting_as(person):
                        verb()
            assert "HAM_READONLY" in refused.value.todo, name
    assert files(ham_home) == before


def test_each_role_is_let_through_to_what_it_may_do_and_to_nothing_else(verbs, ham_home):
    for person in (VIEWER, TRAINER):
        may = hosting.ROLES[person.role][0]
        before = files(ham_home)
        for name, (act, verb) in verbs.items():
            if act not in may:
                with hosting.acting_as(person), pytest.raises(AccessError) as refused:
                    verb()
                assert f"yours is {person.role}" in refused.value.why, name
        assert files(ham_home) == before
    with hosting.acting_as(TRAINER):
        assert verbs["train"][1]().state == "queued"
        assert verbs["name"][1]().title.startswith("Mine")
    with hosting.acting_as(OWNER):
        verbs["delete"][1]()


@pytest.mark.parametrize(
    ("value", "on"),
    [("1", True), ("yes", True), ("True", True), ("0", False), ("", False), ("off", False)],
)
def test_read_only_is_any_value_that_is_not_a_no(value, on, monkeypatch):
    monkeypatch.setenv("HAM_READONLY", value)
    assert hosting.read_only() is on


def test_the_visitor_of_a_page_is_asked_for_and_a_thread_without_one_is_the_servers_own(
    monkeypatch,
):
    monkeypatch.setattr(door, "_visitors", [])
    assert hosting.acting().role == "owner"
    visitors = [VIEWER]
    hosting.ask_for_visitors(lambda: visitors[0])
    assert hosting.acting() == VIEWER
    visitors[0] = None
    assert hosting.acting() == Person("owner")


def test_a_job_may_do_what_its_visitor_may(ham_home, monkeypatch):
    with hosting.acting_as(VIEWER):
        job = io.Job("Choosing", lambda report, stop: choose_source(None))
        allowed = io.Job("Looking", lambda report, stop: hosting.acting().name)
    with pytest.raises(AccessError):
        job.outcome()
    assert allowed.outcome() == "viewer@b.org"
    io.Job("Choosing", lambda report, stop: choose_source(None)).outcome()
    assert (ham_home / "settings.json").exists()


# ---------------------------------------------------------------------------------- roles


def test_roles_come_from_the_secrets_and_the_environment_counts_before_them():
    section = {"default_role": "none", "roles": {"Anna@B.org": "owner", "*@b.org": "trainer"}}
    roles = Roles.read(section, {})
    named = ("anna@b.org", "ben@B.ORG", "carla@c.org", "")
    assert [roles.of(email) for email in named] == ["owner", "trainer", "none", "none"]
    roles = Roles.read(
        section, {"HAM_ROLES": "anna@b.org=viewer, *@c.org = trainer", "HAM_DEFAULT_ROLE": "viewer"}
    )
    assert [roles.of(email) for email in named] == ["viewer", "trainer", "trainer", "viewer"]
    assert Roles.read({}, {}).of("anna@b.org") == "viewer"


@pytest.mark.parametrize(
    ("section", "environment"),
    [
        ({"roles": {"a@b.org": "boss"}}, {}),
        ({"default_role": "admin"}, {}),
        ({"roles": "owner"}, {}),
        ({}, {"HAM_ROLES": "a@b.org"}),
        ({}, {"HAM_DEFAULT_ROLE": "root"}),
    ],
)
def test_a_role_that_there_is_not_is_refused(section, environment):
    with pytest.raises(ConfigError):
        Roles.read(section, environment)


# --------------------------------------------------------------------------------- limits


def test_the_queue_has_a_length_for_all_and_for_each_visitor(ham_home, monkeypatch):
    monkeypatch.setenv("HAM_MAX_QUEUE", "3")
    monkeypatch.setenv("HAM_MAX_QUEUE_EACH", "1")
    with hosting.acting_as(TRAINER):
        first = engine.submit(CNN, DATA)
        with pytest.raises(LimitError, match="a visitor may have 1 .* HAM_MAX_QUEUE_EACH"):
            engine.submit(CNN, DATA)
    assert store.visitor_of(first) == "trainer"
    with hosting.acting_as(OWNER):
        engine.submit(CNN, DATA)
    engine.submit(CNN, DATA)  # the command line counts for nobody
    with pytest.raises(LimitError, match="the queue takes 3 .* HAM_MAX_QUEUE"):
        engine.submit(CNN, DATA)
    engine.cancel(first)
    with pytest.raises(LimitError):
        engine.refuse_too_many(2)
    with hosting.acting_as(TRAINER):
        assert engine.resume(store.read_run(first.id)).state == "queued"


def test_who_asked_for_a_run_does_not_leave_with_its_bundle(ham_home):
    run = used_run()
    (run.folder / "visitor").write_text("0123456789abcdef")
    assert b"0123456789abcdef" not in store.export_run(run)
    assert store.visitor_of(run) == "0123456789abcdef"


def test_nothing_new_is_begun_on_a_full_disk(ham_home, monkeypatch):
    bundle = store.export_run(used_run())
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(limits.shutil, "disk_usage", lambda folder: usage._replace(free=4e8))
    begun = (
        lambda: engine.submit(CNN, DATA),
        lambda: lab.create_sweep(plan(), DATA),
        lambda: store.import_run(bundle),
        data.download_ham10000,
    )
    for begin in begun:
        with pytest.raises(LimitError, match=r"only 0\.4 GB .* HAM_MIN_FREE_GB"):
            begin()
    monkeypatch.setenv("HAM_MIN_FREE_GB", "0.3")
    assert engine.submit(CNN, DATA).state == "queued"


def test_the_runs_folder_has_a_size_where_one_is_set(ham_home, monkeypatch):
    run = engine.submit(CNN, DATA)
    (run.folder / "log.txt").write_bytes(bytes(3_000_000))
    monkeypatch.setenv("HAM_MAX_RUNS_GB", "0.002")
    with pytest.raises(LimitError, match="HAM_MAX_RUNS_GB"):
        engine.submit(CNN, DATA)
    monkeypatch.setenv("HAM_MAX_RUNS_GB", "0.004")
    engine.submit(CNN, DATA)


@pytest.mark.parametrize("text", ["many", "-1", "nan", "inf"])
def test_a_limit_that_is_no_number_is_refused(text, monkeypatch):
    monkeypatch.setenv("HAM_MAX_QUEUE", text)
    with pytest.raises(ConfigError, match="HAM_MAX_QUEUE"):
        engine.submit(CNN, DATA)


# -------------------------------------------------------------------------------- address


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.3.4.5", True),
        ("::1", True),
        ("[::1]", True),
        ("0.0.0.0", False),
        ("::", False),
        ("", False),
        (None, False),
        ("192.168.0.4", False),
        ("ham.example.org", False),
    ],
)
def test_an_address_is_reached_from_elsewhere_or_not(address, loopback):
    assert hosting.is_loopback(address) is loopback


def test_a_server_that_anybody_may_change_says_so(monkeypatch):
    assert "HAM_READONLY" in (hosting.open_to_all("0.0.0.0", login=False) or "")
    assert hosting.open_to_all("0.0.0.0", login=True) is None
    assert hosting.open_to_all("localhost", login=False) is None
    monkeypatch.setenv("HAM_READONLY", "1")
    assert hosting.open_to_all("0.0.0.0", login=False) is None


def test_a_log_in_is_the_section_auth_of_a_secrets_file(tmp_path):
    secrets = tmp_path / "secrets.toml"
    assert not hosting.has_login([secrets])
    secrets.write_text('[ham]\ndefault_role = "viewer"\n')
    assert not hosting.has_login([secrets])
    secrets.write_text('[auth]\ncookie_secret = "x"\n')
    assert hosting.has_login([tmp_path / "none.toml", secrets])
    secrets.write_text("[auth")
    assert not hosting.has_login([secrets])


@pytest.mark.parametrize(
    ("arguments", "secrets", "environment", "warns"),
    [
        ([], "", {}, False),
        (["--address", "127.0.0.1"], "", {}, False),
        (["--address", "0.0.0.0"], "", {}, True),
        ([], "", {"STREAMLIT_SERVER_ADDRESS": "0.0.0.0"}, True),
        (["--address", "0.0.0.0"], "", {"HAM_READONLY": "1"}, False),
        (["--address", "0.0.0.0"], "[auth]\nclient_id = 'x'\n", {}, False),
        (["--address", "0.0.0.0"], "[ham]\n", {}, True),
    ],
)
def test_the_command_warns_before_it_opens_a_server_that_anybody_may_change(
    arguments, secrets, environment, warns, tmp_path, monkeypatch, capsys
):
    started = []
    monkeypatch.setattr(dashboard, "_run", lambda command: started.append(command) or 0)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    if secrets:
        (tmp_path / "secrets.toml").write_text(secrets)
        arguments = [*arguments, "--secrets", str(tmp_path / "secrets.toml")]
    assert main(["app", *arguments]) == 0
    assert ("Warning: Other computers can reach" in capsys.readouterr().err) is warns
    assert (["--server.address", *arguments[1:2]] == started[0][5:7]) is ("--address" in arguments)
    assert ("--secrets.files" in started[0]) is bool(secrets)
    reached = "0.0.0.0" in (*arguments, *environment.values())
    assert ("--client.showErrorDetails none" in " ".join(started[0])) is reached


def test_a_command_that_is_told_to_stop_tells_the_server(monkeypatch):
    waiting = "import signal, sys, time\nsignal.signal(15, lambda *_: sys.exit(7))\n"
    waiting += "print('here', flush=True)\ntime.sleep(60)"
    popen = subprocess.Popen

    def told_to_stop(command: list[str]) -> subprocess.Popen:
        process = popen(command, stdout=subprocess.PIPE)
        assert process.stdout.readline() == b"here\n"
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM)).start()
        return process

    monkeypatch.setattr(dashboard.subprocess, "Popen", told_to_stop)
    before = signal.getsignal(signal.SIGTERM)
    assert dashboard._run([sys.executable, "-c", waiting]) == 7
    assert signal.getsignal(signal.SIGTERM) is before
