"""Seeded ways to damage a file: what disks, networks, editors and other programs do to one."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator

import numpy as np

#: What stands where something else was meant. 10**400 is a number that no float holds.
WRONG = (
    None,
    True,
    "",
    "x",
    "nan",
    "\0",
    "é" * 300,
    -1,
    0,
    1e308,
    10**400,
    [],
    {},
    [[]],
    {"a": None},
    ["x", 1],
)
WRONG_FIELDS = (
    "",
    "nan",
    "NA",
    "-1",
    "1e999",
    "9" * 400,
    "x" * 200_000,
    "\0",
    '"',
    "٣",
    "é",
    " ",
    ",,,,",
    "=1+1",
    "\u202e",
    "0x10",
    "1_000",
    "inf",
    "../../x",
    "a\r\nb",
)


def damaged(content: bytes, n: int, seed: int, *more: Callable) -> Iterator[bytes]:
    """`n` damaged copies, by each of the ways for bytes and of `more(content, rng)` in turn."""
    rng = np.random.default_rng(seed)
    ways = (flipped, flipped, cut, blanked, repeated, mixed_in, *more)
    for number in range(n):
        yield ways[number % len(ways)](content, rng)


def flipped(content: bytes, rng: np.random.Generator) -> bytes:
    """One to eight bits flipped."""
    changed = bytearray(content)
    for place in rng.integers(0, 8 * len(content), rng.integers(1, 9)):
        changed[place // 8] ^= 1 << (place % 8)
    return bytes(changed)


def cut(content: bytes, rng: np.random.Generator) -> bytes:
    """Broken off, in the middle or near the end; now and then with nothing left."""
    return content[: int(len(content) * rng.choice([0, rng.random(), rng.random() ** 0.1]))]


def blanked(content: bytes, rng: np.random.Generator) -> bytes:
    """A stretch of zeros, as a sparse copy leaves."""
    start, end = sorted(rng.integers(0, len(content) + 1, 2))
    return content[:start] + bytes(end - start) + content[end:]


def repeated(content: bytes, rng: np.random.Generator) -> bytes:
    """A stretch of it twice."""
    start, end = sorted(rng.integers(0, len(content) + 1, 2))
    return content[:end] + content[start:]


def mixed_in(content: bytes, rng: np.random.Generator) -> bytes:
    """Some bytes of something else in the middle."""
    place = rng.integers(0, len(content) + 1)
    return content[:place] + rng.bytes(rng.integers(1, 200)) + content[place:]


def json_entry(content: bytes, rng: np.random.Generator) -> bytes:
    """An entry, at any depth, gone or of a wrong kind; now and then nested a thousand deep."""
    document = json.loads(content)
    places = list(_places(document))
    keys = places[rng.integers(len(places))]
    changed = copy.deepcopy(document)
    parent = changed
    for key in keys[:-1]:
        parent = parent[key]
    wrong = rng.integers(len(WRONG) + 2)
    if wrong == len(WRONG):
        del parent[keys[-1]]
        return json.dumps(changed).encode()
    if wrong == len(WRONG) + 1:
        parent[keys[-1]] = "DEEP"
        return json.dumps(changed).replace('"DEEP"', "[" * 5000 + "]" * 5000).encode()
    parent[keys[-1]] = WRONG[wrong]
    return json.dumps(changed).encode()


def _places(node: object, keys: tuple = ()) -> Iterator[tuple]:
    entries = (
        node.items()
        if isinstance(node, dict)
        else enumerate(node)
        if isinstance(node, list)
        else ()
    )
    for key, value in entries:
        yield (*keys, key)
        yield from _places(value, (*keys, key))


def csv_field(content: bytes, rng: np.random.Generator) -> bytes:
    """A field replaced by what people and programs leave there."""
    lines = content.decode().split("\n")
    row = rng.integers(len(lines))
    fields = lines[row].split(",")
    fields[rng.integers(len(fields))] = WRONG_FIELDS[rng.integers(len(WRONG_FIELDS))]
    lines[row] = ",".join(fields)
    return "\n".join(lines).encode()


def csv_line(content: bytes, rng: np.random.Generator) -> bytes:
    """A line gone, twice, empty, or in another order."""
    lines = content.decode().split("\n")
    row = rng.integers(len(lines))
    lines[row : row + 1] = [
        [],
        [lines[row]] * 2,
        [""],
        [lines[row] + ","],
        [lines[-1], lines[row]],
    ][rng.integers(5)]
    return "\n".join(lines).encode()
