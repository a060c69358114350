"""python -m ham: the dashboard's verbs without a browser.

Answers go to standard output, everything else (progress, warnings, what libraries print) to
standard error. Exit status: 0 all of it worked; 1 some images of many were refused, the others
answered; 2 wrong usage or input, with what came in, why it does not work and what to do next;
130 stopped by Ctrl-C. Modules that take long to import are imported by the verb that needs them.

parser    the command line's words
verbs     data, runs, cancel, work
getting   download
training  train
sweeping  sweep
sweeping   sweep
scoring   evaluate
teaching  lesson
exporting export
dashboard app: the dashboard itself
images    predict, and the images that evaluate is shown
writing   exit status, standard output, progress
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence

from ham.cli.parser import make_parser
from ham.cli.writing import BUG, INTERRUPTED, PIPE_CLOSED, WRONG_INPUT, answers, show_error
from ham.config import HamError

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit status."""
    try:
        chosen = make_parser().parse_args(arguments)
        with answers() as out:
            return chosen.run(chosen, out)
    except HamError as error:
        show_error(error)
        return WRONG_INPUT
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # whoever read has read enough
        return PIPE_CLOSED
    except Exception:
        traceback.print_exc()
        print(
            "This is a mistake in HAM Lab: please report it with the lines above.", file=sys.stderr
        )
        return BUG
