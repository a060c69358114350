"""What this visitor did of the guided lesson: noted where it happens, kept in the browser.

A page calls `note` where something happens that a task of `ham.lesson` asks for. Before anybody
has opened the lesson that does nothing; afterwards it adds to the session, nothing is read for
it. So that a reload, which begins a new session, finds it again, the browser keeps it in a
cookie of its own until it is closed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from ham.lesson import Fact, Progress

_PROGRESS = "lesson_progress"  # in the session: Progress, or None before the lesson has begun
_UNSAID = "lesson_unsaid"  # in the session: the browser has not heard of it yet
_COOKIE = "ham_lesson"
#: What other windows of this browser have noted is kept as well; where one has begun anew since,
#: that counts.
_KEEP = """<script>{
  const found = document.cookie.match(/(?:^|; )%(cookie)s=([^;]*)/);
  const now = "%(text)s".split("."), kept = found ? found[1].split(".") : ["0"];
  const words = +kept[0] > +now[0] ? kept
    : kept[0] === now[0] ? [...new Set([...now, ...kept])] : now;
  document.cookie = "%(cookie)s=" + words.join(".") + "; path=/; SameSite=Lax";
}</script>"""


def progress() -> Progress | None:
    """None before this visitor has begun the lesson."""
    if _PROGRESS not in st.session_state:
        st.session_state[_PROGRESS] = Progress.from_text(_cookies().get(_COOKIE, ""))
    found: Progress | None = st.session_state[_PROGRESS]
    return found


def begin() -> Progress:
    """The lesson was opened."""
    return progress() or start_again()


def start_again() -> Progress:
    """Nothing is done; for callbacks too."""
    return _set(Progress.new(after=progress()))


def note(fact: Fact) -> None:
    """This happened; where it ends a task, that is said."""
    if add(fact):
        say()


def add(fact: Fact) -> bool:
    """For callbacks, which draw nothing: `say` is called when the page is drawn. Whether it is
    new.
    """
    before = progress()
    if before is None or fact in before.facts:
        return False
    after = _set(before.with_fact(fact))
    if len(after.done) > len(before.done):
        st.toast(f"Lesson: {after.in_words()} tasks done", icon=":material/school:")
    return True


def say() -> None:
    """Hands the browser what it has not heard yet."""
    now = progress()
    if now is not None and st.session_state.pop(_UNSAID, False):
        text = _KEEP % {"cookie": _COOKIE, "text": now.to_text()}
        st.html(text, unsafe_allow_javascript=True)


def line() -> Callable[[], None]:
    """How much is done, once something is; what it returns says it anew."""
    if progress() is None:
        return lambda: None
    place = st.empty()

    def draw() -> None:
        now = progress()
        if now is not None and now.done:
            place.caption(f":material/school: Lesson: {now.in_words()}")

    draw()
    return draw


def _cookies() -> Mapping[str, str]:
    """Those that the browser sent when the session began."""
    return dict(st.context.cookies)


def _set(now: Progress) -> Progress:
    st.session_state[_PROGRESS] = now
    st.session_state[_UNSAID] = True
    return now
