"""docs/hosting.md and SECURITY.md say what is so: names of tests, limits, settings, examples."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

import yaml

from ham import hosting
from ham.hosting import Roles
from tests.test_container import compose

ROOT = Path(__file__).parents[1]
HOSTING = (ROOT / "docs" / "hosting.md").read_text()
SECURITY = (ROOT / "SECURITY.md").read_text()


def examples(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", HOSTING, re.DOTALL | re.MULTILINE)


def test_every_threat_names_tests_that_there_are():
    rows = [line for line in SECURITY.splitlines() if line.startswith("|")][2:]
    for row in rows:
        named = re.findall(r"`(tests/\w+\.py)::(\w+)`", row)
        assert named, row
        for file, test in named:
            assert f"def {test}(" in (ROOT / file).read_text(), test


def test_the_table_of_limits_has_every_limit_with_its_default():
    table = {
        cells[3].strip(" `"): (cells[1].strip(), cells[2].strip())
        for cells in (line.split("|") for line in HOSTING.splitlines() if line.count("|") == 5)
    }
    for limit in hosting.LIMITS:
        assert table[limit.variable] == (
            limit.words[:1].upper() + limit.words[1:],
            f"{limit.default:g}",
        )
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    assert table["server.maxUploadSize"][1] == str(config["server"]["maxUploadSize"])


def test_every_variable_that_is_named_is_one_of_ours():
    source = "".join(path.read_text() for path in (ROOT / "ham").rglob("*.py"))
    for name in set(re.findall(r"HAM_[A-Z_]+", HOSTING)):
        assert f'"{name}"' in source, name


def test_the_example_of_a_log_in_is_read_as_it_says():
    [example] = examples("toml")
    secrets = tomllib.loads(example)
    needed = {"redirect_uri", "cookie_secret", "client_id", "client_secret", "server_metadata_url"}
    assert secrets["auth"].keys() == needed
    roles = Roles.read(secrets["ham"], {})
    people = ("anna@example.org", "ben@example.org", "carla@elsewhere.org")
    assert [roles.of(who) for who in people] == ["owner", "trainer", "viewer"]


def test_the_roles_table_has_every_role():
    table = HOSTING.split("| Role | May |")[1].split("\n\n")[0]
    assert re.findall(r"^\| (\w+) \|", table, re.MULTILINE) == list(hosting.ROLES)


def test_the_compose_files_example_fits_the_compose_file():
    [example] = examples("yaml")
    more = yaml.safe_load(example)
    assert more["services"].keys() <= compose()["services"].keys()
    assert more["services"]["app"]["secrets"][0]["source"] in more["secrets"]
    place = f"/run/secrets/{more['services']['app']['secrets'][0]['target']}"
    assert more["services"]["app"]["command"][-1] == place


def test_links_lead_somewhere():
    for file, text in (("docs/hosting.md", HOSTING), ("SECURITY.md", SECURITY)):
        for link in re.findall(r"\]\(([^)#]+)", text):
            assert (ROOT / os.path.dirname(file) / link).exists(), link
