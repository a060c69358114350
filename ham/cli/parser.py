"""The command line's words: verbs and their options, made from the settings' own table."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NoReturn, TextIO

import ham
from ham.cli.dashboard import app
from ham.cli.getting import download
from ham.cli.images import predict
from ham.cli.parts import split
from ham.cli.scoring import evaluate
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
    verb(cancel).add_argument("runs", nargs="+", metavar="RUN")
    # what an engine calls its workers by: they train its interrupted runs too, and wait for more
    verb(work).add_argument("--engine", help=argparse.SUPPRESS)
    starting = verb(app)
    starting.add_argument(
        "--port", type=int, help="of the address on this computer (default: 8501, or the next free)"
    )
    starting.add_argument(
        "--no-browser", action="store_true", help="only serve; open the address that it prints"
    )
    return parser


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
