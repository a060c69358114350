"""The queue and the workers that empty it, on Dask.

queue      submit, cancel, resume, move: the queue is data in the run folders
worker     what a worker does: run after run, each under its lock, until none is left
cluster    Engine: starts workers when runs wait, replaces what has died
settings   how many runs train at the same time; whether interrupted ones are resumed by themselves
probe      how long a training would take here, and how much memory

Nothing of a run lives in the scheduler, so losing it, the server or the browser loses no run.
"""

from ham.engine.cluster import IDLE_SECONDS, Engine
from ham.engine.probe import Estimate, estimate
from ham.engine.queue import MAX_ATTEMPTS, cancel, move, queue, resume, submit, takeable
from ham.engine.settings import MAX_WORKERS, EngineSettings, save_settings, settings
from ham.engine.worker import free_slots, slot, work

__all__ = [
    "IDLE_SECONDS", "MAX_ATTEMPTS", "MAX_WORKERS", "Engine", "EngineSettings", "Estimate", "cancel", "estimate",
    "free_slots", "move", "queue", "resume", "save_settings", "settings", "slot", "submit", "takeable", "work",
]
