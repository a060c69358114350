"""The names under which tables give a diagnosis, and which of the models' classes each one is.

Only what is certain is mapped, by the synonyms in config.CLASSES. All else is a class that the
models do not know.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterable

from ham.config import CLASS_INDEX, CLASSES

#: Columns of one-hot files for what the models do not know: ISIC 2019's two, and others' words.
OTHER_COLUMNS = ("scc", "unk", "unknown", "other", "none")


@functools.lru_cache(10_000)
def class_of(text: str) -> int | None:
    """The class that this diagnosis is, as an index in CLASSES; None where it is none of them.

    >>> class_of("Actinic keratosis") == class_of("AK") == class_of("akiec")
    True
    """
    return _INDEX.get(_plain(text))


def counted(texts: Iterable[str]) -> str:
    """Which diagnoses, as they are written, with how many each: "SCC (12) and UNK (3)"."""
    found = Counter(texts).most_common()
    listed = [f"{text[:40]} ({n:,})" for text, n in found[:5]]
    if len(found) > 5:
        listed.append(f"{len(found) - 5:,} more")
    return " and ".join(filter(None, [", ".join(listed[:-1]), listed[-1]]))


def _plain(text: str) -> str:
    """Words without case, apostrophes and what else stands between them."""
    return " ".join(
        re.findall(r"\w+", text.casefold().replace("'", "").replace("\u2019", "").replace("_", " "))
    )


_INDEX: dict[str, int] = {
    _plain(name): CLASS_INDEX[c.code]
    for c in CLASSES
    for name in (c.code, c.name, c.isic_column, *c.synonyms)
}
