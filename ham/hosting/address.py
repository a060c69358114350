"""Whether other computers can reach a server, and whether it asks who they are."""

from __future__ import annotations

import ipaddress
import tomllib
from collections.abc import Iterable
from pathlib import Path

from ham.hosting.door import read_only

#: Said at the start and on every page of a server that anybody may change.
OPEN = (
    "Other computers can reach this dashboard, and whoever does may train, delete and choose the "
    "data. Set HAM_READONLY=1, or a log-in (docs/hosting.md), or let the server listen on "
    "localhost alone."
)


def is_loopback(address: str | None) -> bool:
    """Whether a server that listens on `address` can be reached from its own computer only;
    none is every address.
    """
    if not address:
        return False
    if address.strip("[]").lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(address.strip("[]")).is_loopback
    except ValueError:  # another name: whatever it leads to
        return False


def open_to_all(address: str | None, login: bool) -> str | None:
    """What to say of a server that listens on `address`; None where it is protected."""
    return None if is_loopback(address) or login or read_only() else OPEN


def has_login(files: Iterable[Path]) -> bool:
    """Whether one of these secrets.toml has the section [auth]. One that cannot be read has
    none.
    """
    for file in files:
        try:
            if tomllib.loads(file.read_text(encoding="utf-8")).get("auth"):
                return True
        except (OSError, ValueError):
            continue
    return False
