"""The verb app: the dashboard, from an installed package or a checkout."""

from __future__ import annotations

import argparse
import subprocess
import sys
from typing import TextIO

from ham.config import dashboard_folder


def app(chosen: argparse.Namespace, out: TextIO) -> int:
    """Starts the dashboard and opens it in the browser; Ctrl-C ends it."""
    command = [sys.executable, "-m", "streamlit", "run", str(dashboard_folder() / "app.py")]
    if chosen.port is not None:
        command += ["--server.port", str(chosen.port)]
    if chosen.no_browser:
        command += ["--server.headless", "true"]
    return subprocess.run(command, check=False).returncode
