"""`python -m ham`, and the command `ham` of an installed package."""

import sys


def run() -> int:
    """The command line; returns its exit status, also where Ctrl-C comes while Python still
    imports.
    """
    try:
        from ham.cli import main

        return main()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(run())
