"""Pages in Streamlit's own test driver, and what stands on them."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable
from pathlib import Path

from streamlit.components.v2.bidi_component.main import _make_trigger_id
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block, Element

from ham.config import DATA, MODEL, OPTIMISATION, REGULARISATION

ROOT = Path(__file__).parents[1]
# before a page counts as hanging: the first one may import TensorFlow, on a busy machine
SECONDS = 120


#: Keys of the lines of the Training page that can be opened, in whose place widgets then stand.
FORM = (
    *(f"train_group_{group}" for group in (OPTIMISATION, DATA, REGULARISATION, MODEL)),
    "train_several",
)


def open_page(script: str = "app.py", behind: Iterable[str] = (), **query: str) -> AppTest:
    """The page as a browser's first request of a fresh session finds it; `query` stands in its
    address. The lines with the keys `behind` have been opened.
    """
    page = AppTest.from_file(ROOT / "app.py", default_timeout=SECONDS)
    if script != "app.py":
        page.switch_page(script)
    for name, value in query.items():
        page.query_params[name] = value
    for key in behind:
        page.session_state[key] = True
    page.run()
    assert not page.exception
    return page


def opened(page: AppTest, key: str, value: str | bool = True) -> AppTest:
    """The page after a click on what is drawn only while it is open: a tab's title, an expander."""
    page.session_state[key] = value
    page.run()
    assert not page.exception
    return page


def html_of(place: AppTest | Block, key: str | None = None) -> str:
    """What `pressable` shows there, of one key or of all."""
    return "".join(json.loads(part.proto.json) for part in _pressables(place, key))


def pressed(page: AppTest, key: str, what: str) -> AppTest:
    """The page after a click on the button of a `pressable`, told as the browser tells it."""
    (part,) = _pressables(page, key)
    states = page._tree.get_widget_states()
    events = json.dumps([{"event": "pressed", "value": what}])
    states.widgets.add(id=_make_trigger_id(part.proto.id, "events"), json_trigger_value=events)
    page._run(states)
    return page


def _pressables(place: AppTest | Block, key: str | None) -> list[Element]:
    return [
        part
        for part in place.get("bidi_component")
        if part.proto.component_name == "ham_pressable"
        and (key is None or part.proto.id.endswith(f"-{key}"))
    ]


def words(elements: Iterable) -> str:
    return "\n".join(element.value for element in elements)


def last_runs(home: AppTest) -> list[list[str]]:
    """The cells of Home's table of the newest runs, its head first."""
    (table,) = [one.value for one in home.get("html") if 'class="ham-runs"' in one.value]
    rows = re.findall("<tr>(.*?)</tr>", table)
    return [list(map(html.unescape, re.findall("<t[hd][^>]*>(.*?)</t[hd]>", row))) for row in rows]


def comparison_part(page: AppTest, title: str) -> AppTest:
    """The Comparison page after a click on this part of it."""
    from ham.ui.comparison.details import TABS  # importing pages warns that there is no server

    area = next(area for area, parts in TABS.items() if title in parts)
    page.session_state["comparison_tab"] = area
    return opened(page, f"comparison_part_{area}", title)


def said(page: AppTest) -> str:
    """What the page says in words, the sidebar too, without the backslashes of Markdown."""
    return words(
        element
        for kind in (
            page.header,
            page.subheader,
            page.markdown,
            page.caption,
            page.info,
            page.warning,
            page.error,
        )
        for element in kind
    ).replace("\\", "")
