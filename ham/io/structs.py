"""Parsed JSON into frozen structs: kinds of value, and what is wrong in words.

msgspec checks types and ranges in C while it builds the struct.
"""

from __future__ import annotations

import contextlib
import re
import threading
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

Text = Annotated[str, Meta(max_length=10_000)]
Count = Annotated[int, Meta(ge=0, lt=2**31)]
Number = Annotated[float, Meta(gt=-1e15, lt=1e15)]
Share = Annotated[float, Meta(ge=0, le=1 + 1e-9)]
Time = Annotated[float, Meta(ge=0, lt=2.5e11)]  # Unix seconds: a year of four digits

Kind = TypeVar("Kind")

# msgspec learns a struct's fields at its first use, and two threads that do that at once end the
# process (0.22: a segmentation fault). One lock for all kinds: they share their parts.
_learning = threading.Lock()
_learnt: set[type] = set()

_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
    "object": "a JSON object",
    "array": "a list",
}
_ANY_KEY = "..."  # what msgspec calls every key of a dict


def typed(content: object, kind: type[Kind]) -> Kind:
    """Parsed JSON as this struct; entries it does not declare are left out.

    Raises ValueError in words: "its data.name is missing", "its epochs is -1, not ...". What
    comes in is then not whole any more.
    """
    if kind not in _learnt:
        _learn(kind)
    try:
        return msgspec.convert(content, kind)
    except msgspec.ValidationError as error:
        raise ValueError(_in_words(error, content, kind)) from error


def _learn(kind: type) -> None:
    with _learning, contextlib.suppress(msgspec.ValidationError):
        msgspec.convert(None, kind)
    _learnt.add(kind)


def shown(value: object) -> str:
    """What stands there, short enough for a sentence."""
    if value is None:
        return "null"
    if isinstance(value, dict):
        return "a JSON object"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    words = repr(value)
    return words if len(words) <= 40 else f"{words[:40]}…"


def _in_words(error: msgspec.ValidationError, content: object, kind: type) -> str:
    said, _, place = str(error).partition(" - at `$")
    path: list[str] = []
    value: Any = content
    for name, index in re.findall(r"\.(\w+)|\[(\d+|\.\.\.)\]", place):
        if index == _ANY_KEY:
            name = _wrong_key(error, value, content, kind)
        path.append(name[:80] or index)
        value = value[name or int(index)]
    if missing := re.fullmatch("Object missing required field `(.*)`", said):
        return f"its {'.'.join([*path, missing[1]])} is missing"
    found = f"its {'.'.join(path) or 'content'} is {shown(value)}"
    wanted = said.partition(", got ")[0].removeprefix("Expected ")
    if wanted == said:  # a text that is none of the allowed ones
        return f"{found}, which this version of HAM Lab does not know"
    wanted = wanted.replace(" | ", "` or `")
    return f"{found}, not " + re.sub("`(.*?)`", lambda one: _WORDS.get(one[1], one[1]), wanted)


def _wrong_key(
    error: msgspec.ValidationError, entries: dict[str, Any], content: object, kind: type
) -> str:
    """The key of these entries without which, and those before it, it is not the same error."""
    for key in list(entries):
        taken = entries.pop(key)
        try:
            msgspec.convert(content, kind)
        except msgspec.ValidationError as again:
            if str(again) == str(error):
                continue
        entries[key] = taken
        return key
    raise error
