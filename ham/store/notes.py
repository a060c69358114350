"""What people write on a run: a title of their own, tags, text. Nothing of the training.

It stands in notes.json, apart from what the training wrote, so that writing it touches no result
and a damaged notes.json costs the notes and not the run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ham.config import StoreError

FILE = "notes.json"
MAX_BYTES = 64 * 1024
TITLE_LENGTH, TAG_LENGTH, MAX_TAGS, TEXT_LENGTH = 80, 24, 10, 4000
# a word: what can be typed into a filter, separated by spaces or commas
_TAG = re.compile(r"\w[\w.+-]*")


@dataclass(frozen=True)
class Notes:
    """Empty where nobody wrote anything. Raises StoreError on what cannot be shown as meant."""

    title: str = ""  # one line; "" keeps the run's own title
    tags: tuple[str, ...] = ()  # short words, each once
    text: str = ""
    problem: str = ""  # why notes.json could not be read; never stored

    def __post_init__(self) -> None:
        if not (
            isinstance(self.title, str)
            and isinstance(self.text, str)
            and isinstance(self.tags, list | tuple)
            and all(isinstance(tag, str) for tag in self.tags)
        ):
            raise StoreError(
                "These notes",
                "title and text must be text, tags a list of words.",
                "Write them anew.",
            )
        title, text = self.title.strip(), self.text.replace("\r\n", "\n").strip()
        # the first way to write it stays
        once = {tag.strip().casefold(): tag.strip() for tag in reversed(self.tags)}
        tags = tuple(reversed(once.values()))
        _check_title(title)
        _check_tags(tags)
        _check_text(text)
        for name, value in (("title", title), ("tags", tags), ("text", text)):
            object.__setattr__(self, name, value)

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Notes:
        """What notes.json holds; what a newer version may have added is left out. Raises
        StoreError.
        """
        return cls(**{name: content[name] for name in ("title", "tags", "text") if name in content})

    def to_dict(self) -> dict[str, Any]:
        return {"title": self.title, "tags": list(self.tags), "text": self.text}


def _check_title(title: str) -> None:
    if len(title) > TITLE_LENGTH:
        raise StoreError(
            "This title",
            f"has {len(title)} characters, {TITLE_LENGTH} are allowed.",
            "Shorten it; the notes have room for more.",
        )
    if not title.isprintable():
        raise StoreError(
            "This title",
            "has characters that cannot be seen, such as a line break.",
            "Write it in one line.",
        )


def _check_tags(tags: tuple[str, ...]) -> None:
    if len(tags) > MAX_TAGS:
        raise StoreError("These tags", f"are {len(tags)}, {MAX_TAGS} are allowed.", "Remove some.")
    for tag in tags:
        if len(tag) > TAG_LENGTH or not _TAG.fullmatch(tag):
            raise StoreError(
                f"The tag {tag[:40]!r}",
                f"must be one word of at most {TAG_LENGTH} letters and digits (inside it also . _ "
                "+ -).",
                "Write it as one short word.",
            )


def _check_text(text: str) -> None:
    if len(text) > TEXT_LENGTH:
        raise StoreError(
            "These notes",
            f"have {len(text):,} characters, {TEXT_LENGTH:,} are allowed.",
            "Shorten them.",
        )
    if not text.replace("\n", "").replace("\t", "").isprintable():
        raise StoreError(
            "These notes", "have characters that cannot be seen.", "Type them again as plain text."
        )
