"""Files that a visitor has dropped: checked once, kept for the visit."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from ham.config import ImageError
from ham.images import CheckedImage, Note, check_image
from ham.prediction.answers import Question

MAX_IMAGES = 100  # that a visit keeps


class File(Protocol):
    """What a browser has sent."""

    name: str

    def getvalue(self) -> bytes: ...


@dataclass
class Dropped:
    """What a visit has dropped: checked once, and there until it is removed or the visit ends."""

    images: dict[str, CheckedImage] = field(default_factory=dict)  # by the SHA-256 of the file
    names: dict[str, list[str]] = field(default_factory=dict)  # of each file, the same way
    refused: list[ImageError] = field(default_factory=list)  # of the last drop
    waiting: list[File] = field(default_factory=list)  # not looked at yet
    drops: int = 0  # so many; each has an uploader of its own, which is empty

    def look_at(self, name: str, content: bytes) -> None:
        """Checks a file that is new; a refused one does not hold up the others."""
        digest = hashlib.sha256(content).hexdigest()
        try:
            if digest not in self.images:
                if len(self.images) >= MAX_IMAGES:
                    raise ImageError(
                        name,
                        f"{MAX_IMAGES} images are here already.",
                        "Remove some of them, then drop it again.",
                    )
                self.images[digest] = check_image(name, content)
        except ImageError as error:
            self.refused.append(error)
        else:
            names = self.names.setdefault(digest, [])
            names += [name] if name not in names else []

    def remove(self, digest: str) -> None:
        self.images.pop(digest, None)
        self.names.pop(digest, None)

    def remove_all(self) -> None:
        self.images, self.names, self.refused = {}, {}, []

    def questions(self) -> Iterator[Question]:
        """Every image once, in the order of the drops."""
        for digest, image in self.images.items():
            _, *others = self.names[digest]
            if others:
                note = Note(
                    "again",
                    f"The same file was dropped as {', '.join(map(shorten, others))} too; "
                    "it is answered once.",
                )
                image = dataclasses.replace(image, notes=(*image.notes, note))
            yield Question(image, digest=digest)


def shorten(name: str, longest: int = 60) -> str:
    """The start and the end of a long file name."""
    return name if len(name) <= longest else f"{name[: longest - 20]} … {name[-17:]}"
