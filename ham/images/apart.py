"""Decoding in a process of its own, that is stopped where it takes too much memory or time.

For what cannot be bounded from its header. The process decodes and reduces, and sends back pixels.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

from PIL import Image

from ham.images.picture import SMALLER, Refused, damaged

MEMORY = 250 * 2**20  # bytes
SECONDS = 2  # of processor time; reading the modules comes on top
PATIENCE = 20  # seconds on the clock, for a machine that is busy

_PACKAGE = str(Path(__file__).parents[2])


def decode(data: bytes) -> Image.Image:
    """The file's first picture, decoded and reduced as `decoding` does it. Raises Refused."""
    paths = [_PACKAGE, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "OPENBLAS_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "ham.images.apart"],
            input=data,
            capture_output=True,
            timeout=PATIENCE,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _too_much() from error
    if done.returncode == _DAMAGED:
        raise damaged()
    if done.returncode:
        raise _too_much()
    head, _, pixels = done.stdout.partition(b"\n")
    mode, width, height, transparent = head.decode().split()
    image = Image.frombytes(mode, (int(width), int(height)), pixels)
    image.info["transparent"] = transparent == "True"
    return image


_DAMAGED, _TOO_MUCH = 3, 4


def _too_much() -> Refused:
    return Refused(f"to decode it takes more than {MEMORY // 2**20} MB or {SECONDS} s.", SMALLER)


def _main() -> int:
    from ham.images import decoding

    data = sys.stdin.buffer.read()
    _limit()
    try:
        image = decoding.decode_here(decoding.read_header(data))
        pixels = image.tobytes()
    except MemoryError:
        return _TOO_MUCH
    # decoders raise a dozen kinds, on damage and for want of memory alike
    except Exception as error:
        return _TOO_MUCH if "memory" in str(error).lower() else _DAMAGED
    transparent = image.info.get("transparent", False)
    sys.stdout.buffer.write(f"{image.mode} {image.width} {image.height} {transparent}\n".encode())
    sys.stdout.buffer.write(pixels)
    return 0


def _limit() -> None:
    """On systems without such limits the clock alone stops it."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
        spent = resource.getrusage(resource.RUSAGE_SELF)
        most = int(spent.ru_utime + spent.ru_stime) + 1 + SECONDS
        resource.setrlimit(resource.RLIMIT_CPU, (most, most))


if __name__ == "__main__":
    sys.exit(_main())
