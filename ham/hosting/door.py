"""The one door: who acts, and what is refused.

Who acts is, in this order: a viewer where HAM_READONLY is set, the command line included; whom a
background job works for; the visitor whose page this thread draws; else the owner, at the command
line, in a worker, in the engine.
"""

from __future__ import annotations

import contextlib
import contextvars
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ham.config import AccessError
from ham.hosting.roles import NOBODY, OWNER, ROLES, VIEWER, Act, Role

_NO = ("", "0", "no", "false", "off")


@dataclass(frozen=True)
class Person:
    """Who acts."""

    role: Role
    name: str = ""  # an e-mail address; "" where nobody logs in
    key: str = ""  # tells visitors apart and says nothing else of them; "" of the server itself


_THE_OWNER = Person(OWNER)
_acting: contextvars.ContextVar[Person | None] = contextvars.ContextVar("acting", default=None)
_visitors: list[Callable[[], Person | None]] = []  # at most one


def read_only() -> bool:
    """Whether HAM_READONLY is set to anything that is not a no."""
    return os.environ.get("HAM_READONLY", "").strip().lower() not in _NO


def ask_for_visitors(ask: Callable[[], Person | None]) -> None:
    """`ask` tells whose page the current thread draws; None where it draws none."""
    _visitors[:] = [ask]


def acting() -> Person:
    """Who acts in this thread."""
    found = _acting.get()
    for ask in _visitors if found is None else ():
        found = ask()
    found = found or _THE_OWNER
    if read_only() and found.role != NOBODY:
        return Person(VIEWER, found.name, found.key)
    return found


@contextlib.contextmanager
def acting_as(person: Person) -> Iterator[None]:
    """What is done in the block, by this thread, is done for `person`."""
    token = _acting.set(person)
    try:
        yield
    finally:
        _acting.reset(token)


def may(act: Act) -> bool:
    return act in ROLES[acting().role][0]


def require(act: Act) -> None:
    """Raises AccessError where who acts may not do this."""
    if error := why_not(act):
        raise error


def why_not(act: Act) -> AccessError | None:
    """What `require` would raise."""
    return None if may(act) else AccessError(*_refusal(act))


def _refusal(act: Act) -> tuple[str, str, str]:
    what = act.value
    if read_only():
        todo = "Whoever runs the server can start it without HAM_READONLY."
        return what, "HAM Lab runs in read-only mode here.", todo
    needed = next(role for role, (acts, _) in ROLES.items() if act in acts)
    article = "an" if needed == OWNER else "a"
    return (
        what,
        f"this takes {article} {needed}'s role, and yours is {acting().role}.",
        "An owner can give you another one.",
    )
