"""What a visit keeps in the server's memory goes when it ends; the rules of Streamlit's runtime
that this rests on.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from ham.ui import visit


class StandIn:
    """Streamlit's runtime, as far as it is asked."""

    def __init__(self, active: bool):
        self.active, self.closed = active, []

    def is_active_session(self, session_id: str) -> bool:
        return self.active

    def close_session(self, session_id: str) -> None:
        self.closed.append(session_id)


def closed_after_a_disconnect(monkeypatch, *, back: bool) -> list[str]:
    server = StandIn(active=back)
    monkeypatch.setattr(visit.st, "get_option", {"server.disconnectedSessionTTL": 0.04}.get)
    monkeypatch.setattr(visit.runtime, "exists", lambda: True)
    monkeypatch.setattr(visit.runtime, "get_instance", lambda: server)

    async def disconnect() -> None:
        visit._gone("one")
        await asyncio.sleep(0.05)

    # in a thread of its own: the browser tests' driver has a loop in this one
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, disconnect()).result()
    return server.closed


def test_a_visit_is_closed_when_its_browser_stays_away(monkeypatch):
    assert closed_after_a_disconnect(monkeypatch, back=False) == ["one"]


def test_a_visit_that_comes_back_goes_on(monkeypatch):
    assert closed_after_a_disconnect(monkeypatch, back=True) == []


def test_a_cache_that_is_cleared_by_hand_closes_no_visit():
    visit._gone("one")  # outside of the server's event loop
