"""Where things lie, and what TensorFlow reads from the environment."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import platformdirs

_PACKAGE = Path(__file__).parents[1]  # ham/


def home_folder() -> Path:
    """Where HAM Lab keeps its cache and runs: `HAM_HOME`, else the user's data folder."""
    named = os.environ.get("HAM_HOME")
    return (
        Path(named).expanduser()
        if named
        else platformdirs.user_data_path("ham-lab", appauthor=False)
    )


def dashboard_folder() -> Path:
    """Where app.py and pages/ are: in the package where it was installed, else in the checkout
    around it.
    """
    installed = _PACKAGE / "dashboard"
    return installed if installed.is_dir() else _PACKAGE.parent


def cache_folder() -> Path:
    return home_folder() / "cache"


def runs_folder() -> Path:
    return home_folder() / "runs"


def reference_folder() -> Path:
    """The trained runs that ship with HAM Lab; nothing is ever written there."""
    return _PACKAGE / "reference"


def set_tensorflow_defaults() -> None:
    """Sets what TensorFlow reads from the environment while it is imported; what is set already
    stays.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # no GPU is no error here
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    if platform.machine().lower() in ("x86_64", "amd64"):
        # TensorFlow's own choice is oneDNN for CPUs with AVX-512 VNNI only; with AVX2 it gains
        # as well (BENCHMARKS.md)
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
