"""The verb app: the dashboard, from an installed package or a checkout."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from ham import hosting, io
from ham.config import dashboard_folder


def app(chosen: argparse.Namespace, out: TextIO) -> int:
    """Starts the dashboard and opens it in the browser; Ctrl-C ends it. Warns of one that anybody
    may change.
    """
    command = [sys.executable, "-m", "streamlit", "run", str(dashboard_folder() / "app.py")]
    for option, value in (
        ("--server.port", chosen.port),
        ("--server.address", chosen.address),
        ("--secrets.files", chosen.secrets),
    ):
        command += [option, str(value)] if value is not None else []
    if chosen.no_browser:
        command += ["--server.headless", "true"]
    address = chosen.address or _address()
    if not hosting.is_loopback(
        address
    ):  # its code and places are nobody's business; the log has them
        command += ["--client.showErrorDetails", "none"]
    if why := hosting.open_to_all(address, _asks_who(chosen.secrets)):
        print(f"Warning: {why}", file=sys.stderr)
    return _run(command)


def _run(command: Sequence[str]) -> int:
    """The exit status of the server, which is asked to end when this process is: a container's
    first process is told to stop by SIGTERM, and nobody else in it is.
    """
    process = subprocess.Popen(command)
    before = signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    try:
        with process:
            return process.wait()
    finally:
        signal.signal(signal.SIGTERM, before)


def _address() -> str | None:
    """Where Streamlit will listen, as far as its environment and our own settings say."""
    if named := os.environ.get("STREAMLIT_SERVER_ADDRESS"):
        return named
    try:
        settings = tomllib.loads((_settings(dashboard_folder()) / "config.toml").read_text())
        return str(settings["server"]["address"])
    except io.DAMAGED:
        return None


def _asks_who(secrets: str | None) -> bool:
    """Whether visitors will have to log in, by a file of secrets or at a proxy in front."""
    folders = map(_settings, (Path.home(), Path.cwd(), dashboard_folder()))
    files = [Path(secrets)] if secrets else [folder / "secrets.toml" for folder in folders]
    return hosting.has_login(files) or "STREAMLIT_SERVER_TRUSTED_USER_HEADERS" in os.environ


def _settings(folder: Path) -> Path:
    return folder / ".streamlit"
