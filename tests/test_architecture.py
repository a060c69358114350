"""The rules of the house, checked from the source: who may import whom, what may run at import."""

import ast
import functools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ham.config import CLASSES, CODES

pytestmark = pytest.mark.xdist_group("architecture")  # one process parses the sources
ROOT = Path(__file__).parents[1]
MODULES = {
    "config",
    "hosting",
    "io",
    "images",
    "data",
    "demo",
    "models",
    "training",
    "evaluation",
    "store",
    "engine",
    "report",
    "lab",
    "lesson",
    "interchange",
    "prediction",
    "charts",
    "document",
    "ui",
    "cli",
    "__main__",
    "__init__",
}
MAY_IMPORT = {
    "page": {"ui", "charts", "evaluation", "config"},
    "ui": {
        "document",
        "charts",
        "report",
        "lab",
        "lesson",
        "evaluation",
        "prediction",
        "interchange",
        "engine",
        "store",
        "data",
        "images",
        "models",
        "io",
        "hosting",
        "config",
    },
    "cli": MODULES - {"ui", "charts", "__main__", "__init__"},
    "__main__": {"cli"},
    "lesson": {"lab", "report", "store", "data", "evaluation", "config"},
    "lab": {"engine", "report", "store", "data", "evaluation", "hosting", "config", "io"},
    "engine": {"store", "hosting", "config", "io"},
    "training": {"data", "models", "store", "evaluation", "config", "io"},
    "prediction": {
        "report",
        "evaluation",
        "store",
        "images",
        "data",
        "models",
        "config",
        "io",
    },
    "interchange": {"prediction", "report", "store", "data", "models", "config", "io"},
    "document": {
        "charts",
        "prediction",
        "report",
        "evaluation",
        "store",
        "data",
        "images",
        "config",
    },
    "charts": {"report", "evaluation", "images", "config"},
    "report": {"store", "evaluation", "data", "config", "io"},
    "data": {"images", "demo", "hosting", "config", "io"},
    "store": {"evaluation", "hosting", "config", "io"},
    "evaluation": {"config", "io"},
    "models": {"config", "io"},
    "demo": {"config", "io"},
    "images": {"config", "io"},
    "io": {"hosting", "config"},
    "hosting": {"config"},
    "config": set(),
    "__init__": set(),
}
INSIDE_FUNCTIONS = {"engine": {"training"}}  # the task imports it in the worker
ONLY_IN = {
    "streamlit": {"page", "ui"},
    "dask": {"engine"},
    "distributed": {"engine"},
    "plotly": {"charts"},
    "tensorflow": {"models", "training", "prediction", "interchange"},
    "keras": {"models", "training", "prediction", "interchange"},
    "mlflow": {"training"},
    "onnx": {"interchange"},
    "tf2onnx": {"interchange"},
    "onnxruntime": {"interchange"},
    "ai_edge_litert": {"interchange"},
    "optuna": {"lab"},
    "jinja2": {"document"},
}
# they take from a half to five seconds
NEVER_AT_IMPORT = {
    "tensorflow",
    "keras",
    "dask",
    "distributed",
    "scipy",
    "sklearn",
    "optuna",
    "jinja2",
    "mlflow",
    "onnx",
    "tf2onnx",
    "onnxruntime",
    "ai_edge_litert",
}
PAGES = (
    "comparison",
    "dataset",
    "lesson",
    "prediction",
    "training",
)  # their sections are packages of ham.ui
TOP_LEVEL = {
    "app.py",
    "pages",
    "ham",
    "tests",
    "requirements.txt",
    "requirements-dev.txt",
    "requirements-export.txt",
    "requirements-mlflow.txt",
    ".streamlit",
    "README.md",
    "Makefile",
    "pyproject.toml",
    "benchmarks",
    "BENCHMARKS.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "docs",
    "LICENSE",
    ".ci",
    ".gitignore",
    ".git-blame-ignore-revs",
    ".pre-commit-config.yaml",
    "Dockerfile",
    ".dockerignore",
    "compose.yaml",
    "SECURITY.md",
}
ACTING_CALLS = {
    "mkdir",
    "makedirs",
    "basicConfig",
    "set_random_seed",
    "seed",
    "open",
    "read_text",
    "write_text",
    "read_bytes",
    "write_bytes",
    "read_csv",
    "load",
    "urlopen",
    "start",
    "run",
    "print",
}


# ---------------------------------------------------------------------------- the sources


def sources() -> list[tuple[str, Path]]:
    """(module, file) of all product code; pages and app.py are the module "page"."""
    files = [("page", path) for path in [ROOT / "app.py", *sorted((ROOT / "pages").glob("*.py"))]]
    return files + [(module_of(path), path) for path in sorted((ROOT / "ham").rglob("*.py"))]


def module_of(path: Path) -> str:
    """A package counts as one module: ham/ui/frame.py is "ui"."""
    return path.relative_to(ROOT / "ham").with_suffix("").parts[0]


@functools.cache
def parsed(source: str) -> ast.Module:
    """Every rule looks at all of the sources, and changes nothing in them."""
    return ast.parse(source)


@functools.cache
def nodes(source: str) -> list[ast.AST]:
    return list(ast.walk(parsed(source)))


@pytest.fixture(autouse=True, scope="module")
def forgotten_at_the_end() -> Iterator[None]:
    """A million objects, which every collection of the tests after these would go through."""
    yield
    parsed.cache_clear()
    nodes.cache_clear()


def imports(source: str, module: str = "") -> list[tuple[str, bool]]:
    """(dotted name, inside a function) of everything imported; what is only for type checkers
    left out.
    """
    found = []

    def look(node: ast.AST, inside: bool) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for child in node.orelse:
                look(child, inside)
            return
        if isinstance(node, ast.Import):
            found.extend((alias.name, inside) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:  # inside a package one dot is the package itself, two dots are ham
                base = ".".join(filter(None, ["ham", module if node.level == 1 else "", base]))
            found.extend((f"{base}.{alias.name}", inside) for alias in node.names)
        inside = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            look(child, inside)

    look(parsed(source), False)
    return found


# ------------------------------------------------------------------------------ the rules


def forbidden_imports(module: str, source: str) -> list[str]:
    wrong = []
    for name, inside in imports(source, module):
        package, *rest = name.split(".")
        if package == "ham":
            allowed = MAY_IMPORT[module] | (
                INSIDE_FUNCTIONS.get(module, set()) if inside else set()
            )
            # `from ham import __version__` is no module
            target = rest[0] if rest and rest[0] in MODULES else None
            if target not in allowed | {module, None}:
                wrong.append(f"{module} imports ham.{target}")
        elif module not in ONLY_IN.get(package, {module}):
            wrong.append(f"{module} imports {package}")
    return wrong


def imports_of_other_pages(page: str, source: str) -> list[str]:
    """What a page's sections in ham.ui take from another page's."""
    named = [name for name, _ in imports(source, "ui") if name.startswith("ham.ui.")]
    return [name for name in named if name.split(".")[2] in set(PAGES) - {page}]


def heavy_at_import(source: str) -> list[str]:
    return [
        name
        for name, inside in imports(source)
        if not inside and name.split(".")[0] in NEVER_AT_IMPORT
    ]


def runs_at_import(source: str) -> list[str]:
    """Statements that do something when the module is imported."""
    wrong = []
    for node in parsed(source).body:
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        main = isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)
        types = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        if (
            docstring
            or main
            or types
            or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        ):
            continue
        if not isinstance(node, ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign):
            wrong.append(ast.unparse(node).splitlines()[0])
            continue
        calls = [n.func for n in ast.walk(node) if isinstance(n, ast.Call)]
        names = [
            call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", "")
            for call in calls
        ]
        wrong += [f"{name}(...)" for name in names if name in ACTING_CALLS]
    return wrong


def class_lists(source: str) -> list[str]:
    """Tuples, lists, sets and dicts that spell out class codes, and class names as text of their
    own.
    """
    wrong, names = [], {c.name for c in CLASSES}
    for node in nodes(source):
        parts = node.keys if isinstance(node, ast.Dict) else getattr(node, "elts", [])
        texts = {
            part.value
            for part in parts
            if isinstance(part, ast.Constant) and isinstance(part.value, str)
        }
        if len(texts & set(CODES)) >= 3:
            wrong.append(ast.unparse(node))
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            words = node.value.split()
            if node.value in names or (len(set(words) & set(CODES)) >= 5 and len(words) <= 9):
                wrong.append(node.value)
    return wrong


def broken_errors(source: str) -> list[str]:
    """Bare excepts, and asserts: what a user sends in is refused with words."""
    return [
        ast.unparse(node).splitlines()[0]
        for node in nodes(source)
        if isinstance(node, ast.Assert)
        or (isinstance(node, ast.ExceptHandler) and node.type is None)
    ]


def records_taken_for_dicts(source: str) -> list[str]:
    """Look-ups by name in what is called a record: a run's is a struct, decoded by the store."""
    wrong = []
    for node in nodes(source):
        looked_in = None
        if isinstance(node, ast.Subscript) or (
            isinstance(node, ast.Attribute) and node.attr in ("get", "items", "keys", "values")
        ):
            looked_in = node.value
        name = getattr(looked_in, "attr", getattr(looked_in, "id", None))
        if name == "record":
            wrong.append(ast.unparse(node))
    return wrong


#: What only `ham.io` does: call -> what to call instead. Elsewhere each of these is a second
#: copy of the floor.
PLUMBING = {
    "os.replace": "io.whole",
    "os.rename": "io.whole",
    "os.fsync": "io.write_file",
    "tempfile.mkstemp": "io.whole",
    "tempfile.mkdtemp": "io.whole",
    "tempfile.NamedTemporaryFile": "io.whole",
    "np.load": "io.read_arrays",
    "np.savez_compressed": "io.write_arrays",
    "zipfile.is_zipfile": "io.Archive",
    "zipfile.ZipFile": "io.Archive",
    "json.load": "io.read_json",
    "threading.Thread": "io.Job",
}
#: (file, call) -> why it is none.
NO_COPY = {
    ("ham/data/dataset.py", "np.load"): "a memory map of a file whose hash was checked",
    ("ham/data/download.py", "threading.Thread"): "listens to a pipe",
    ("ham/data/fetch.py", "threading.Thread"): "ends with its parent; imports nothing of ours",
    ("ham/engine/processes.py", "threading.Thread"): "listens to a pipe",
    ("ham/engine/supervisor.py", "threading.Thread"): "watches for ever: no work that ends",
    (
        "ham/prediction/background.py",
        "threading.Thread",
    ): "others wait for an import",
}


def second_copies(source: str) -> list[str]:
    """Calls of what only the floor may do, and tuples of exceptions that say what a damaged file
    raises.
    """
    wrong = []
    for node in nodes(source):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in PLUMBING:
            wrong.append(ast.unparse(node.func))
        if isinstance(node, ast.ExceptHandler) and isinstance(node.type, ast.Tuple):
            names = {ast.unparse(kind) for kind in node.type.elts}
            if {"OSError", "ValueError"} <= names and len(names) > 3:
                wrong.append(f"except {', '.join(sorted(names))}")
    return wrong


#: Files that write outside the cache and ask the door elsewhere, or need not -> why.
NOT_AT_THE_DOOR = {
    "ham/cli/writing.py": "a file that was named on the command line",
    "ham/cli/sweeping.py": "a file that was named on the command line",
    "ham/interchange/exporting.py": "a file that was named on the command line",
    "ham/data/handed.py": "dropped files, in the cache while they are asked about",
    "ham/data/opening.py": "archives unpacked in the cache",
    "ham/data/places.py": "for who holds a door of data: download, unpack",
    "ham/data/hair.py": "in the cache",
    "ham/data/embedding.py": "in the cache",
    "ham/engine/probe.py": "in the cache",
    "ham/engine/processes.py": "the log of workers, which a read-only server does not start",
    "ham/engine/slots.py": "locks, which hold nothing",
    "ham/prediction/marks.py": "in the cache",
    "ham/prediction/neighbours.py": "in the cache",
    "ham/prediction/perturbed.py": "in the cache",
    "ham/report/kept.py": "in the cache",
    "ham/store/origin.py": "the home's own name, made once",
    "ham/training/baselines.py": "in the cache",
}
_WRITING = {"write_file", "write_json", "write_arrays", "whole", "keep", "kept", "writing"}


def writes_without_asking(source: str) -> bool:
    """Whether it writes through ham.io and neither asks the door nor stands in the store's
    `writing`, which does.
    """
    calls = {ast.unparse(n.func) for n in nodes(source) if isinstance(n, ast.Call)}
    writes = any(call.startswith("io.") and call[3:] in _WRITING for call in calls)
    return writes and not calls & {"hosting.require", "writing", "store.writing"}


#: What Windows has not: modules, functions of os, and what it does otherwise.
POSIX_MODULES = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}
POSIX_CALLS = {
    "os.chown",
    "os.fork",
    "os.forkpty",
    "os.getegid",
    "os.geteuid",
    "os.getgid",
    "os.getloadavg",
    "os.getpgid",
    "os.getuid",
    "os.kill",
    "os.killpg",
    "os.mkfifo",
    "os.nice",
    "os.sched_getaffinity",
    "os.setpgid",
    "os.setsid",
    "os.statvfs",
    "os.sysconf",
    "os.uname",
    "os.wait",
}
POSIX_ARGUMENTS = {"preexec_fn", "pass_fds"}
POSIX_PLACES = ("/proc/", "/dev/", "/tmp", "/etc/")
#: (file, what) -> why Windows does without.
GUARDED = {
    ("ham/images/apart.py", "resource"): "without limits the clock alone stops a decoder",
    ("ham/images/apart.py", "/proc/self/statm"): "without limits the clock alone stops a decoder",
}


def posix_only(source: str) -> list[str]:
    wrong = [name for name, _ in imports(source) if name.split(".")[0] in POSIX_MODULES]
    for node in nodes(source):
        if isinstance(node, ast.Attribute):
            name = ast.unparse(node)
            if name in POSIX_CALLS or (
                name.startswith("signal.SIG") and name not in ("signal.SIGINT", "signal.SIGTERM")
            ):
                wrong.append(name)
        elif isinstance(node, ast.keyword) and node.arg in POSIX_ARGUMENTS:
            wrong.append(node.arg)
        elif isinstance(node, ast.Constant) and str(node.value).startswith(POSIX_PLACES):
            wrong.append(node.value)
    return wrong


def hidden_modules(path: Path, source: str) -> list[str]:
    """Functions and classes that are called as their module is, or as one beside it."""
    package = path.name == "__init__.py"
    beside = {other.stem for other in path.parent.iterdir()} if package else {path.stem}
    imported = {
        alias.asname or alias.name
        for node in nodes(source)
        if isinstance(node, ast.ImportFrom) and node.module != module_name(path)
        for alias in node.names
    }
    defined = {
        node.name
        for node in parsed(source).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }
    return sorted(beside & (defined | imported if package else defined))


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).parent.parts)


def every_source(rule) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}: {found}"
        for module, path in sources()
        for found in (
            rule(module, path.read_text()) if rule is forbidden_imports else rule(path.read_text())
        )
    ]


# ------------------------------------------------------------------------------ the tests


def test_modules_import_only_what_the_design_allows():
    assert every_source(forbidden_imports) == []


def test_pages_do_not_import_each_other():
    found = {
        str(path.relative_to(ROOT)): imports_of_other_pages(page, path.read_text())
        for page in PAGES
        for path in sorted((ROOT / "ham/ui" / page).rglob("*.py"))
    }
    assert len(found) > len(PAGES)
    assert {path: names for path, names in found.items() if names} == {}


def test_every_module_of_the_package_is_a_known_one():
    assert {module_of(path) for path in (ROOT / "ham").rglob("*.py")} <= MODULES


def test_what_takes_long_to_import_is_never_imported_with_a_module():
    assert every_source(heavy_at_import) == []


def test_nothing_runs_at_import():
    found = {
        str(path.relative_to(ROOT)): runs_at_import(path.read_text())
        for module, path in sources()
        if module not in ("page", "__main__")
    }
    assert {path: wrong for path, wrong in found.items() if wrong} == {}


def test_class_names_are_listed_once():
    assert [
        found
        for found in every_source(class_lists)
        if not found.startswith("ham/config/classes.py")
    ] == []
    assert class_lists((ROOT / "ham/config/classes.py").read_text()), "the one list has gone"


def test_no_bare_except_and_no_assert():
    assert every_source(broken_errors) == []


def test_a_runs_record_is_looked_into_by_attributes_only():
    assert every_source(records_taken_for_dicts) == []
    for wrong in ("run.record['split']", "record.get('split')", "x = one.run.record[name]"):
        assert records_taken_for_dicts(wrong), wrong
    assert records_taken_for_dicts("run.record.split.seed; records[0]; record(x)") == []


def test_only_the_floor_does_what_the_floor_does():
    found = {
        (str(path.relative_to(ROOT)), wrong)
        for module, path in sources()
        if module != "io"
        for wrong in second_copies(path.read_text())
    }
    assert found - NO_COPY.keys() == set()
    assert NO_COPY.keys() - found == set(), "an exception that nothing needs any more"


def test_whatever_writes_asks_the_door():
    found = {
        str(path.relative_to(ROOT))
        for module, path in sources()
        if module != "io" and writes_without_asking(path.read_text())
    }
    assert found - NOT_AT_THE_DOOR.keys() == set()
    assert NOT_AT_THE_DOOR.keys() - found == set(), "an exception that nothing needs any more"
    assert writes_without_asking("io.write_json(path, {})")
    assert not writes_without_asking("hosting.require(Act.DATA)\nio.write_json(path, {})")


def test_no_function_hides_a_module():
    found = {
        str(path.relative_to(ROOT)): hidden
        for _, path in sources()
        if (hidden := hidden_modules(path, path.read_text()))
    }
    assert found == {}
    source = "from ham.engine.run_queue import settings\ndef slots(): ...\n"
    assert hidden_modules(ROOT / "ham/engine/__init__.py", source) == ["slots"]
    assert hidden_modules(ROOT / "ham/engine/slots.py", source) == ["slots"]
    assert hidden_modules(ROOT / "ham/engine/worker.py", source) == []


def test_nothing_is_called_that_windows_has_not():
    found = {
        (str(path.relative_to(ROOT)), wrong)
        for _, path in sources()
        for wrong in posix_only(path.read_text())
    }
    assert found - GUARDED.keys() == set()
    assert GUARDED.keys() - found == set(), "an exception that nothing needs any more"


def test_one_file_knows_dask():
    knowing = {
        str(path.relative_to(ROOT))
        for module, path in sources()
        for name, _ in imports(path.read_text(), module)
        if name.split(".")[0] in ("dask", "distributed")
    }
    assert knowing == {"ham/engine/cluster.py"}


def test_pages_are_tables_of_contents():
    lengths = {
        path.name: len(path.read_text().splitlines())
        for module, path in sources()
        if module == "page"
    }
    assert {name: length for name, length in lengths.items() if length > 80} == {}


def test_modules_that_outgrow_a_screenful_of_ideas_become_packages():
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for _, path in sources()
    }
    assert {name: length for name, length in lengths.items() if length > 550} == {}


@pytest.mark.skipif(
    not (ROOT / ".git").exists(), reason="only a git checkout tells what belongs to it"
)
def test_the_top_level_holds_only_what_the_design_names():
    shown = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert {line.split("/")[0].strip('"') for line in shown.splitlines()} - TOP_LEVEL == set()


def test_importing_does_not_import_what_takes_long():
    """One after the other in one process: whoever is first in importing one of these is named."""
    script = f"""
import importlib, sys
for module in {sorted(MODULES - {"__main__", "__init__"})}:
    importlib.import_module("ham." + module)
    if found := set({sorted(NEVER_AT_IMPORT)}) & sys.modules.keys():
        sys.exit(f"{{module}} imports {{found}}")
"""
    shown = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (shown.returncode, shown.stderr) == (0, "")


# --------------------------------------------------------------- each rule is seen to fire


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("store", "from ham import data"),
        ("io", "from ham import store"),
        ("lab", "from ham import training"),
        ("lab", "import streamlit as st"),
        ("lab", "from ham import charts"),
        ("engine", "from ham import lab"),
        ("images", "from ham.data import squash"),
        ("store", "from ham.training import train"),
        ("data", "def f():\n    import ham.store"),
        ("engine", "from ham import training"),
        ("page", "from ham import store"),
        ("charts", "from ..store import Run"),
        ("evaluation", "import plotly.express as px"),
        ("cli", "import streamlit as st"),
        ("report", "from ham import charts"),
        ("report", "import streamlit as st"),
        ("evaluation", "from ham.report import RunReport"),
        ("cli", "from ham import ui"),
        ("ui", "import tensorflow"),
        ("training", "from distributed import Client"),
        ("prediction", "from dask import delayed"),
    ],
)
def test_a_forbidden_import_is_found(module, source):
    assert forbidden_imports(module, source)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("engine", "def f():\n    from ham import training"),
        ("charts", "from .base import palette"),
        ("charts", "from ..config import CLASSES"),
        (
            "ui",
            "from ham import models, store\nfrom ham.ui.frame import page\nimport streamlit as st",
        ),
        ("store", "import ham\nfrom ham import __version__"),
        (
            "models",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ham.data import Split",
        ),
    ],
)
def test_an_allowed_import_is_let_through(module, source):
    assert forbidden_imports(module, source) == []


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ("from ham.ui.training.live import running", True),
        ("from ham.ui import training", True),
        ("from ham.ui.dataset.cached import balance", False),
        (
            "from ham.ui import frame\nfrom ham.ui.frame import count\nfrom ham import training",
            False,
        ),
    ],
)
def test_an_import_of_another_page_is_found(source, wrong):
    assert bool(imports_of_other_pages("dataset", source)) is wrong


@pytest.mark.parametrize(
    ("source", "heavy"),
    [
        ("import tensorflow as tf", True),
        ("try:\n    from keras import layers\nexcept ImportError:\n    pass", True),
        ("class A:\n    import keras", True),
        ("def f():\n    import keras", False),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import keras", False),
    ],
)
def test_a_heavy_import_is_found_outside_functions_only(source, heavy):
    assert bool(heavy_at_import(source)) is heavy


@pytest.mark.parametrize(
    ("source", "runs"),
    [
        ("import logging\nlogging.basicConfig()", True),
        ("from pathlib import Path\nHOME = Path('x').mkdir()", True),
        ("for i in range(3):\n    pass", True),
        ("TABLE = open('x').read()", True),
        (
            '"""Words."""\nimport logging\nlog = logging.getLogger(__name__)\nA = tuple(range(3))',
            False,
        ),
        ("if __name__ == '__main__':\n    print(1)", False),
    ],
)
def test_what_runs_at_import_is_found(source, runs):
    assert bool(runs_at_import(source)) is runs


@pytest.mark.parametrize(
    ("source", "second"),
    [
        ('LABELS = ["akiec", "bcc", "bkl", "df", "nv", "vasc", "mel"]', True),
        ('COLORS = {"mel": 1, "nv": 2, "bcc": 3}', True),
        ('NAMES = "akiec bcc bkl df nv vasc mel".split()', True),
        ('TITLE = "Melanoma"', True),
        ('MALIGNANT_SHOWN = ("mel", "nv")', False),
        ('TEXT = "Melanoma is rare."', False),
    ],
)
def test_a_second_list_of_class_names_is_found(source, second):
    assert bool(class_lists(source)) is second


@pytest.mark.parametrize(
    ("source", "broken"),
    [
        ("try:\n    f()\nexcept:\n    pass", True),
        ("assert x > 0", True),
        ("try:\n    f()\nexcept ValueError:\n    pass", False),
    ],
)
def test_swallowed_errors_and_asserts_are_found(source, broken):
    assert bool(broken_errors(source)) is broken


@pytest.mark.parametrize(
    ("source", "copies"),
    [
        ("import os\nos.replace(a, b)", ["os.replace"]),
        ("with zipfile.ZipFile(path) as opened: pass", ["zipfile.ZipFile"]),
        (
            "try:\n    f()\nexcept (OSError, ValueError, KeyError, EOFError):\n    pass",
            ["except EOFError, KeyError, OSError, ValueError"],
        ),
        ("try:\n    f()\nexcept (OSError, ValueError):\n    pass", []),
        ("io.write_file(path, content)", []),
    ],
)
def test_a_second_copy_of_the_floor_is_found(source, copies):
    assert second_copies(source) == copies


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("def f():\n    import resource", ["resource"]),
        ("from fcntl import flock", ["fcntl.flock"]),
        ("import os\nos.killpg(1, 9)", ["os.killpg"]),
        ("import signal\nsignal.SIGKILL", ["signal.SIGKILL"]),
        ("subprocess.Popen(words, preexec_fn=f)", ["preexec_fn"]),
        ("Path('/proc/self/maps').read_text()", ["/proc/self/maps"]),
        ("import os, signal\nos.getpid()\nsignal.SIGINT\nprocess.kill()", []),
    ],
)
def test_what_windows_has_not_is_found(source, found):
    assert posix_only(source) == found
