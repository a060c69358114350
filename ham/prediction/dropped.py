"""Images that a visitor asks about: checked once, kept for the visit."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from ham import io
from ham.config import ImageError
from ham.images import A_ZIP, MAX_BYTES, CheckedImage, Note, check_image, kind_of
from ham.prediction.answers import Question

MAX_IMAGES = 200  # that a visit keeps
BESIDE = (".csv", ".txt", ".md", ".json", ".xlsx", ".pdf", ".html")  # what lies beside images


class File(Protocol):
    """What a browser has sent."""

    @property
    def name(self) -> str: ...

    def getvalue(self) -> bytes: ...


@dataclass(frozen=True)
class Zipped:
    """An image in a zip, unpacked when its turn comes: two hundred at once would take gigabytes."""

    name: str
    entry: io.Entry
    archive: io.Archive  # is open

    def getvalue(self) -> bytes:
        """Raises io.ArchiveError, and OSError where the archive is a file that cannot be read."""
        return self.archive.read(self.entry, MAX_BYTES)


@dataclass
class Dropped:
    """What a visit asks about: there until it is removed or the visit ends."""

    images: dict[str, CheckedImage] = field(default_factory=dict)  # by the SHA-256 of the file
    names: dict[str, list[str]] = field(default_factory=dict)  # of each file, the same way
    truths: dict[str, int] = field(default_factory=dict)  # true class of an example
    refused: list[ImageError] = field(default_factory=list)  # of the last drop
    waiting: list[File] = field(default_factory=list)  # not looked at yet
    drops: int = 0  # so many; each has an uploader of its own, which is empty
    opened: str = ""  # the digest of the image whose answer is shown whole
    opens: bool = True  # what is looked at; not once the visitor has opened another meanwhile

    def take(self, files: list[File]) -> None:
        """They wait to be looked at; what was said of the drop before is over."""
        self.refused = []
        self.waiting += files
        self.drops += 1
        self.opens = True

    def open(self, digest: str) -> None:
        """The visitor wants to see this one, whatever is still being looked at."""
        self.opened, self.opens = digest, False

    def look_at_next(self) -> None:
        """Looks at the first that waits: an image is kept or refused, a zip gives its images."""
        file = self.waiting[0]
        try:
            content = file.getvalue()
            if not isinstance(file, Zipped) and kind_of(content, file.name) == A_ZIP:
                self._open_zip(file.name, content)
            else:
                self.look_at(file.name, content)
        except io.ArchiveError as error:
            todo = "Unpack the zip, and drop its images."
            self.refused.append(ImageError(file.name, f"{error.why}.", todo))
        del self.waiting[0]

    def look_at(self, name: str, content: bytes) -> None:
        """Checks a file that is new; a refused one does not hold up the others."""
        digest = hashlib.sha256(content).hexdigest()
        try:
            if digest not in self.images:
                self._refuse_too_many(name)
                self._keep(digest, check_image(name, content))
        except ImageError as error:
            self.refused.append(error)
        else:
            if self.opens:
                self.opened = digest
            names = self.names.setdefault(digest, [])
            names += [name] if name not in names else []

    def show_example(self, image: CheckedImage, truth: int) -> None:
        """A test image of the data in use, asked about like a dropped one."""
        digest = hashlib.sha256(image.name.encode() + image.seen.tobytes()).hexdigest()
        try:
            if digest not in self.images:
                self._refuse_too_many(image.name)
                self._keep(digest, image)
                self.names[digest], self.truths[digest] = [image.name], truth
        except ImageError as error:
            self.refused = [error]
        else:
            self.open(digest)

    def remove(self, digest: str) -> None:
        for kept in (self.images, self.names, self.truths):
            kept.pop(digest, None)
        if self.opened == digest:
            self.opened = next(reversed(self.images), "")

    def keep_first(self, count: int) -> None:
        """The first so many stay, the others go."""
        for digest in list(self.images)[count:]:
            self.remove(digest)

    def remove_all(self) -> None:
        self.images, self.names, self.truths, self.refused, self.opened = {}, {}, {}, [], ""

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
            yield Question(image, self.truths.get(digest), digest)

    def _keep(self, digest: str, image: CheckedImage) -> None:
        self.images[digest] = image

    def _refuse_too_many(self, name: str) -> None:
        if len(self.images) >= MAX_IMAGES:
            raise ImageError(
                name,
                f"{MAX_IMAGES} images are here already.",
                "Remove some of them, then drop it again.",
            )

    def _open_zip(self, name: str, content: bytes) -> None:
        """Its images come next, in their order. Raises io.ArchiveError."""
        images = images_in(io.Archive(content))
        room = MAX_IMAGES - len(self.images)
        self.waiting[1:1] = images[:room]
        if not images:
            self.refused.append(ImageError(name, "no image is in it.", "Zip some images."))
        elif len(images) > room:
            self.refused.append(
                ImageError(
                    name,
                    f"{len(images) - room:,} of its {len(images):,} images are left out: "
                    f"{MAX_IMAGES} are kept at a time.",
                    "Use python -m ham predict for all of them.",
                )
            )


def images_in(archive: io.Archive, before: str = "") -> list[Zipped]:
    """A zip's images, all but the tables and texts that lie beside them, in its order; `before`
    their names.
    """
    return [
        Zipped(before + entry.name, entry, archive)
        for entry in archive.entries
        if not entry.name.lower().endswith(BESIDE)
    ]


def shorten(name: str, longest: int = 60) -> str:
    """The start and the end of a long file name."""
    return name if len(name) <= longest else f"{name[: longest - 20]} … {name[-17:]}"
