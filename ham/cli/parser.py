"""The command line's words: verbs and their options, made from the settings' own table."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NoReturn, TextIO

import ham
from ham.cli.dashboard import app
from ham.cli.exporting import export
from ham.cli.getting import download
from ham.cli.images import predict
from ham.cli.parts import split
from ham.cli.scoring import evaluate
from ham.cli.sweeping import sweep
from ham.cli.teaching import lesson
from ham.cli.training import train
from ham.cli.verbs import cancel, data, runs, work
from ham.cli.writing import WrongUsage
from ham.config import DISCLAIMER, LICENCE, MODEL_SETTINGS, RECIPES, SETTINGS

_Verb = Callable[[argparse.Namespace, TextIO], int]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise WrongUsage(self.prog, f"{message}.", f"See {self.prog} --help.")


def make_parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m ham",
        description=f"HAM Lab without a browser. {DISCLAIMER}.",
        epilog="Runs and the cache lie in HAM_HOME, the data where HAM_DATA says.",
    )
    parser.add_argument("--version", action="version", version=ham.__version__)
    verbs = parser.add_subparsers(
        required=True, metavar="COMMAND", title="commands", dest="command"
    )

    def verb(function: _Verb, json_too: bool = False) -> argparse.ArgumentParser:
        words = function.__doc__ or ""
        added = verbs.add_parser(
            function.__name__, description=words, help=words.replace("%", "%%")
        )
        added.set_defaults(run=function)
        if json_too:
            added.add_argument(
                "--json", action="store_true", help="one JSON document on standard output"
            )
        return added

    def takes_data(added: argparse.ArgumentParser) -> None:
        added.add_argument(
            "--data",
            metavar="FOLDER",
            help="the data set's folder, or a zip of it (default: HAM_DATA, or as chosen on the "
            "page)",
        )

    def takes_settings(added: argparse.ArgumentParser) -> None:
        added.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="a setting; may be repeated",
        )

    describing = verb(data, json_too=True)
    takes_data(describing)
    describing.add_argument(
        "--gate",
        action="store_true",
        help="look for images that are no dermatoscopic photographs, minutes for 10,000, once for "
        "a data set; what was found is shown from then on, in --json as unlike_training",
    )
    getting = verb(download)
    getting.add_argument(
        "--accept-licence", action="store_true", help=f"you accept {LICENCE}: nobody is asked"
    )
    getting.add_argument(
        "--photographs", action="store_true", help="the JPEGs too: 5.6 GB to fetch, 2.9 GB kept"
    )
    getting.add_argument("--again", action="store_true", help="though it is here already")
    training = verb(train)
    training.formatter_class = argparse.RawDescriptionHelpFormatter
    training.epilog = _settings_help()
    training.add_argument(
        "--model", default="cnn", help=f"{', '.join(MODEL_SETTINGS)} (default: cnn)"
    )
    training.add_argument(
        "--recipe", default="described", help=f"{', '.join(RECIPES)} (default: described)"
    )
    takes_settings(training)
    training.add_argument("--split", help="short for --set split=...")
    takes_data(training)
    training.add_argument(
        "--wait", action="store_true", help="stay until it has ended, showing the time left"
    )
    dealing = verb(split)
    takes_settings(dealing)
    takes_data(dealing)
    dealing.add_argument(
        "--csv", action="store_true", help="image_id,part of every image, on standard output"
    )
    _add_sweep_words(verb(sweep, json_too=True), takes_data)
    verb(runs, json_too=True)
    scoring = verb(evaluate, json_too=True)
    scoring.add_argument(
        "runs", nargs="+", metavar="RUN", help="the others are compared with the first"
    )
    scoring.add_argument(
        "--images", metavar="FOLDER", help="a folder of images, searched to its depths, or a zip"
    )
    scoring.add_argument(
        "--labels",
        metavar="CSV",
        help="their classes: columns image,dx, or one "
        "for each class as "
        "in ISIC 2018's ground truth; a column lesion_id says which show one "
        "lesion",
    )
    scoring.add_argument(
        "--html",
        metavar="FILE",
        help="write the whole comparison there as one page for a browser, with the test images "
        "where the data in use has them and its licence allows it",
    )
    scoring.add_argument(
        "--keep",
        metavar="NAME",
        help="with --images: keep the answers with the runs, to be opened on the Comparison page "
        "(External test) and exported with them",
    )
    asking = verb(predict, json_too=True)
    asking.add_argument("run_id", metavar="RUN")
    asking.add_argument(
        "images", nargs="+", metavar="IMAGE", help="a file, a folder or a zip of images"
    )
    asking.add_argument(
        "--also",
        action="append",
        default=[],
        metavar="RUN",
        help="another run to be asked as well; may be given several times",
    )
    asking.add_argument("--csv", metavar="FILE", help="write a row an image and run there")
    asking.add_argument(
        "--html", metavar="FILE", help="write one page with pictures there, for a browser"
    )
    asking.add_argument(
        "--explain",
        action="store_true",
        help="with --json or --html: what each answer rests on, about a second an image and run",
    )
    takes_data(verb(lesson))
    exporting = verb(export)
    exporting.add_argument("run_id", metavar="RUN")
    exporting.add_argument(
        "--format", default="keras", help="keras, onnx, litert, huggingface (default: keras)"
    )
    exporting.add_argument("--to", required=True, metavar="FILE", help="where to write it")
    verb(cancel).add_argument("runs", nargs="+", metavar="RUN")
    # what an engine calls its workers by: they train its interrupted runs too, and wait for more
    verb(work).add_argument("--engine", help=argparse.SUPPRESS)
    starting = verb(app)
    starting.add_argument(
        "--port", type=int, help="of the address on this computer (default: 8501, or the next free)"
    )
    starting.add_argument(
        "--address",
        help="where it listens (default: localhost, which no other computer reaches); see "
        "docs/hosting.md before you open it to others",
    )
    starting.add_argument(
        "--secrets", metavar="FILE", help="a secrets.toml with the log-in and the roles"
    )
    starting.add_argument(
        "--no-browser", action="store_true", help="only serve; open the address that it prints"
    )
    return parser


def _add_sweep_words(
    added: argparse.ArgumentParser, takes_data: Callable[[argparse.ArgumentParser], None]
) -> None:
    added.add_argument(
        "name", nargs="?", metavar="NAME", help="one short word, which becomes a tag of its runs"
    )
    starting = added.add_argument_group("a new sweep")
    starting.add_argument("--model", help=f"{', '.join(MODEL_SETTINGS)} (default: cnn)")
    starting.add_argument("--recipe", help=f"{', '.join(RECIPES)} (default: described)")
    starting.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting that every trial has; may be repeated",
    )
    starting.add_argument(
        "--vary",
        action="append",
        default=[],
        metavar="NAME=VALUES",
        help="a setting and what it may be: batch_size=32,64,128, dropout=lin:0.1:0.5, "
        "learning_rate=log:1e-4:1e-2; a third number, as in lin:0.1:0.5:5, makes so many values "
        "of a range; may be repeated",
    )
    starting.add_argument("--method", help="tpe, random, grid (default: tpe)")
    starting.add_argument(
        "--trials", type=int, metavar="N", help="how many (default: 20; of a grid all)"
    )
    starting.add_argument(
        "--seeds", type=int, metavar="N", help="runs of a trial, whose mean counts (default: 1)"
    )
    starting.add_argument(
        "--objective",
        help="validation score that decides: balanced_accuracy, accuracy, loss (default: "
        "balanced_accuracy)",
    )
    starting.add_argument(
        "--no-pruning",
        action="store_true",
        help="train every trial to its end, though it is worse than the median of the others",
    )
    takes_data(added)
    added.add_argument(
        "--wait", action="store_true", help="drive it here to its end; else the dashboard does"
    )
    ending = added.add_mutually_exclusive_group()
    ending.add_argument(
        "--stop", action="store_true", help="no further trial; what was trained is kept"
    )
    ending.add_argument("--resume", action="store_true", help="go on where it was stopped")
    ending.add_argument(
        "--promote",
        nargs="?",
        const="best",
        metavar="TRIAL",
        help="evaluate one trial on the test images, once (default: the best)",
    )
    added.add_argument(
        "--again",
        action="store_true",
        help="with --promote: though the test images were looked at for another trial",
    )
    added.add_argument("--csv", metavar="FILE", help="write a row a trial there")


def _settings_help() -> str:
    lines = [
        "settings of every model:",
        *(f"  {s.name:24} {s.allowed} (default: {s.default})" for s in SETTINGS),
    ]
    for model, settings in MODEL_SETTINGS.items():
        lines += [
            f"settings of {model}:",
            *(f"  {s.name:24} {s.allowed} (default: {s.default})" for s in settings),
        ]
    return "\n".join(lines)
