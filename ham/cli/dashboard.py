"""The verb app: the dashboard, from an installed package or a checkout."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tomllib
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
    if why := hosting.open_to_all(chosen.address or _address(), _asks_who(chosen.secrets)):
        print(f"Warning: {why}", file=sys.stderr)
    return subprocess.run(command, check=False).returncode


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
