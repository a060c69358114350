"""The tag lists of TIFF, which EXIF uses too: a few entries read, whatever the rest claims."""

from __future__ import annotations

import struct
from dataclasses import dataclass

MAX_ENTRIES = 1_000  # of a list
SIZES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}
_NUMBERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}

ORIENTATION = 274


@dataclass(frozen=True)
class Entry:
    """A tag: its value lies at `at` in the file, `size` bytes of it."""

    raw: bytes  # as it stands in the list
    kind: int
    count: int
    at: int
    size: int


class TagFile:
    """A TIFF file, or the block of EXIF that is built like one. Raises ValueError where it is
    neither.
    """

    def __init__(self, data: bytes):
        self.data = data
        self.order = {b"II": "<", b"MM": ">"}.get(bytes(data[:2]), "")
        version = self._number("H", 2) if self.order else 0
        if version not in (42, 43):
            raise ValueError("no TIFF")
        self.big = version == 43  # BigTIFF: offsets of 8 bytes
        self.first = self._number("Q", 8) if self.big else self._number("I", 4)

    def entries(self, at: int) -> tuple[dict[int, Entry], int]:
        """Tag -> entry of the list that starts at `at`, and where the next list starts (0:
        nowhere).
        """
        head, width, inline, pointer = (8, 20, 8, "Q") if self.big else (2, 12, 4, "I")
        count = self._number("Q" if self.big else "H", at)
        if count > MAX_ENTRIES:
            raise ValueError("too many tags")
        found: dict[int, Entry] = {}
        for i in range(count):
            start = at + head + i * width
            tag, kind = self._number("H", start), self._number("H", start + 2)
            n = self._number(pointer, start + 4)
            size = n * SIZES.get(kind, 0)
            value = start + width - inline
            lies = value if size <= inline else self._number(pointer, value)
            if size and lies + size <= len(self.data):
                found.setdefault(
                    tag, Entry(bytes(self.data[start : start + width]), kind, n, lies, size)
                )
        end = at + head + count * width
        return found, self._number(pointer, end) if end + inline <= len(self.data) else 0

    def numbers(self, entry: Entry | None, most: int = 16) -> tuple[int, ...]:
        """The first whole numbers of an entry; none where it holds something else."""
        if entry is None or entry.kind not in _NUMBERS:
            return ()
        kind, count = _NUMBERS[entry.kind], min(entry.count, most)
        return struct.unpack_from(f"{self.order}{count}{kind}", self.data, entry.at)

    def text(self, entry: Entry | None) -> str:
        return (
            ""
            if entry is None
            else bytes(self.data[entry.at : entry.at + min(entry.size, 100)]).decode("latin-1")
        )

    def _number(self, kind: str, at: int) -> int:
        try:
            return struct.unpack_from(self.order + kind, self.data, at)[0]
        except (struct.error, OverflowError) as error:
            raise ValueError("cut short") from error


def exif_orientation(exif: bytes) -> int:
    """1 where the block is missing, broken or says nothing: that is no reason to refuse the
    pixels.
    """
    try:
        file = TagFile(exif)
        value = file.numbers(file.entries(file.first)[0].get(ORIENTATION), 1)
    except ValueError:
        return 1
    return value[0] if value and 1 <= value[0] <= 8 else 1
