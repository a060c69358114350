"""Whose page it is: the log-in, the role, and the words for what is closed to them.

What is refused is refused below the pages (`ham.hosting`); here pages learn what to leave out.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Mapping

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ham import hosting
from ham.config import APP_NAME, ConfigError
from ham.hosting import Act, Person, Roles
from ham.hosting.roles import NOBODY, OWNER

_logger = logging.getLogger(__name__)
_SHARED = {"redirect_uri", "cookie_secret", "client_kwargs", "expose_tokens"}


def begin() -> None:
    """At every run of a page: the door asks here who acts."""
    hosting.ask_for_visitors(visitor)


def visitor() -> Person | None:
    """Whose page this thread draws; None where it draws none."""
    if get_script_run_ctx(suppress_warning=True) is None:
        return None
    if not asks_who():
        return Person(OWNER)
    claims = _claims()
    if not _is_known(claims):
        return Person(NOBODY)
    email = str(claims.get("email") or "")
    try:
        # an address that nobody verified may be anybody's
        role = _roles().of("" if claims.get("email_verified") is False else email)
    except ConfigError:  # said by `admit`
        role = NOBODY
    name = email or str(claims.get("name") or claims.get("sub") or "")
    return Person(role, name, hashlib.sha256(name.encode()).hexdigest()[:16])


def asks_who() -> bool:
    """Whether visitors log in, here or at a proxy in front."""
    return bool(_auth()) or bool(st.get_option("server.trustedUserHeaders"))


def admitted() -> bool:
    """Whether who looks may; who has to log in first, or has no role, is told instead."""
    if not asks_who():
        return True
    try:
        _roles()
    except ConfigError as error:
        _turn_away(str(error))
        return False
    if not _is_known(_claims()):
        _ask_to_log_in()
        return False
    person = hosting.acting()
    if person.role == NOBODY:
        _turn_away(f"You are logged in as {person.name}, who has no role here. An owner gives one.")
        return False
    return True


def show_person() -> None:
    """Who is logged in, as what, and the way out; nothing where nobody logs in."""
    person = hosting.acting()
    if not person.name:
        return
    st.divider()
    # a file name or an address: no Markdown
    with st.container(gap="xsmall", key="rights_person"):
        st.text(person.name)
        st.caption(f":material/person: {person.role.capitalize()}")
        if _auth():
            st.button(
                "Log out", icon=":material/logout:", type="tertiary", key="rights_out",
                on_click=st.logout,
            )  # fmt: skip


def notice() -> tuple[str, str] | None:
    """What is closed on every page, in a few words and in a few sentences; None where nothing
    is.
    """
    if hosting.read_only():
        return (
            "Read-only",
            "Everything can be looked at, and models asked about images, which are not kept. "
            "Training, deleting, importing and choosing data are closed: whoever runs the server "
            "set HAM_READONLY.",
        )
    role = hosting.acting().role
    if role != OWNER:
        acts, words = hosting.ROLES[role]
        names = "; ".join(act.value for act in Act if act not in acts)
        return f"You are a {role}", f"A {role} {words}. Closed to you: {names.lower()}."
    if why := hosting.open_to_all(st.get_option("server.address"), asks_who()):
        return "Open to everybody", why
    return None


def warn_at_start() -> None:
    """In the log of a server that anybody may change."""
    if why := hosting.open_to_all(st.get_option("server.address"), asks_who()):
        _logger.warning(why)


def closed(act: Act) -> bool:
    """Whether who looks may not do this; then one quiet line says why."""
    error = hosting.why_not(act)
    if error:
        st.caption(f":material/lock: {error.what}: {error.why}", help=error.todo)
    return error is not None


def why_not(act: Act) -> str | None:
    """For the question mark of a control that is closed."""
    error = hosting.why_not(act)
    return str(error) if error else None


# --------------------------------------------------------------------------------- inside


def _auth() -> Mapping[str, object]:
    """The section [auth] of secrets.toml; empty where there is none."""
    return st.secrets.get("auth", {}) if st.secrets.load_if_toml_exists() else {}


def _roles() -> Roles:
    """Raises ConfigError."""
    section = st.secrets.get("ham", {}) if st.secrets.load_if_toml_exists() else {}
    return Roles.read(section, os.environ)


def _claims() -> Mapping[str, object]:
    return st.user.to_dict()


def _is_known(claims: Mapping[str, object]) -> bool:
    return bool(claims.get("is_logged_in", not _auth() and claims.get("email")))


def _ask_to_log_in() -> None:
    st.title(APP_NAME, anchor=False)
    st.markdown("Log in to see the data and the models.")
    named = [name for name, part in _auth().items() if isinstance(part, Mapping)]
    providers = [name for name in named if name not in _SHARED]
    for name in providers or ["default"]:
        label = f"Log in with {name}" if providers else "Log in"
        if st.button(label, icon=":material/login:", type="primary", key=f"rights_in_{name}"):
            _log_in(name)
    if not _auth():
        st.caption("The proxy in front of this server did not say who you are.")


def _log_in(provider: str) -> None:
    try:
        st.login(None if provider == "default" else provider)
    except st.errors.StreamlitAPIException as error:
        st.error(f"The log-in is not set up: {error}", icon=":material/error:")


def _turn_away(why: str) -> None:
    st.title(APP_NAME, anchor=False)
    st.text(why)
    if _auth() and _is_known(_claims()):
        st.button("Log out", icon=":material/logout:", key="rights_out", on_click=st.logout)
