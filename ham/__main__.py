"""`python -m ham`."""

import sys

from ham.cli import main

if __name__ == "__main__":
    sys.exit(main())
