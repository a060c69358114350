"""The log-in, on a server of its own, against a provider on this computer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import requests
from joserfc.jwk import RSAKey
from streamlit.proto.Button_pb2 import Button
from streamlit.proto.WidgetStates_pb2 import WidgetState

from tests.oidc import CLIENT, SECRET, Provider, provider
from tests.visitors import Visitor, free_port, server

pytestmark = pytest.mark.xdist_group("log-in")  # one server for all of them
SECRETS = """
[auth]
redirect_uri = "http://{address}/oauth2callback"
cookie_secret = "a long and random text of the server"
client_id = "{client}"
client_secret = "{secret}"
server_metadata_url = "{url}/.well-known/openid-configuration"

[ham.roles]
"anna@b.org" = "owner"
"*@clinic.org" = "trainer"
"""


class Hosted(NamedTuple):
    address: str
    home: Path
    provider: Provider

    def log_in(self, **claims: object) -> requests.Session:
        """A browser that pressed "Log in" and came back from the provider."""
        self.provider.user = claims
        browser = requests.Session()
        browser.get(f"http://{self.address}/_stcore/health", timeout=10)
        visitor = self.visit(browser)
        visitor.run([WidgetState(id=visitor.buttons("Log in")[0], trigger_value=True)])
        visitor.close()
        assert browser.get(f"http://{self.address}{visitor.sent_to}", timeout=10).ok
        return browser

    def visit(self, browser: requests.Session | None = None) -> Visitor:
        cookies = browser.cookies.get_dict() if browser else None
        return Visitor(self.address, "training", cookies)


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosted]:
    folder = tmp_path_factory.mktemp("hosted")
    port = free_port()
    secrets, address = folder / "secrets.toml", f"localhost:{port}"
    with provider(f"http://{address}/oauth2callback") as at_work:
        words = {"address": address, "client": CLIENT, "secret": SECRET, "url": at_work.url}
        secrets.write_text(SECRETS.format(**words))
        home = folder / "home"
        options = ("--secrets.files", str(secrets))
        with server(None, home, port=port, options=options, HAM_WARM_UP="off") as (here, _):
            yield Hosted(here, home, at_work)


def test_who_does_not_log_in_sees_the_log_in_and_nothing_else(hosted):
    visitor = hosted.visit()
    assert "Log in to see" in visitor.texts()
    assert len(visitor.kinds("button")) == 1
    assert not visitor.kinds("page_link")
    visitor.close()


def test_an_owner_logs_in_and_out(hosted):
    browser = hosted.log_in(email="Anna@B.org", email_verified=True)
    assert {"/authorize", "/token", "/jwks"} <= set(hosted.provider.asked)
    visitor = hosted.visit(browser)
    assert "Anna@B.org\n:material/person: Owner" in visitor.texts()
    assert [button.disabled for button in starts(visitor)] == [False]
    visitor.run([WidgetState(id=visitor.buttons("Log out")[0], trigger_value=True)])
    assert visitor.sent_to == "/auth/logout"
    visitor.close()
    browser.get(f"http://{hosted.address}{visitor.sent_to}", timeout=10)
    assert "/logout" in hosted.provider.asked
    visitor = hosted.visit(browser)
    assert "Log in to see" in visitor.texts()
    visitor.close()


def test_a_viewer_starts_no_training_by_a_click_on_what_is_disabled(hosted):
    visitor = hosted.visit(hosted.log_in(email="vera@elsewhere.org"))
    [start] = starts(visitor)
    assert start.disabled
    assert "his takes a trainer's role, and yours is viewer" in visitor.texts()
    visitor.run([WidgetState(id=start.id, trigger_value=True)])
    assert not list(hosted.home.glob("runs/cnn-*"))
    visitor.close()


def test_a_token_that_somebody_else_signed_or_a_changed_cookie_logs_nobody_in(hosted):
    hosted.provider.signs_with = RSAKey.generate_key(2048, {"kid": "one"})
    browser = hosted.log_in(email="anna@b.org")
    hosted.provider.signs_with = hosted.provider.key
    visitor = hosted.visit(browser)
    assert "Log in to see" in visitor.texts()
    visitor.close()
    cookies = hosted.log_in(email="anna@b.org").cookies.get_dict()
    cookies["_streamlit_user"] = cookies["_streamlit_user"][:-4] + "AAAA"
    visitor = Visitor(hosted.address, "training", cookies)
    assert "Log in to see" in visitor.texts()
    visitor.close()


def test_a_cookie_without_the_page_s_own_token_logs_nobody_in(hosted):
    cookies = hosted.log_in(email="anna@b.org").cookies.get_dict()
    del cookies["_streamlit_xsrf"]
    visitor = Visitor(hosted.address, "training", cookies)
    assert "Log in to see" in visitor.texts()
    visitor.close()


def starts(visitor: Visitor) -> list[Button]:
    return [button for button in visitor.kinds("button") if "Start" in button.label]
