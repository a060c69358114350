"""The queue and the workers that empty it.

run_queue  submit, cancel, resume, move, promote: the queue is data in the run folders; what it
           waits for
worker     what a worker does: run after run, each under its lock, until none is left
slots      how many runs train at the same time, over every process of this HAM_HOME
supervisor Engine: starts workers when runs wait, replaces what has died, tells what went wrong
processes  workers of this machine, processes of `python -m ham work`, for page and command line
cluster    workers of a Dask cluster, where DASK_SCHEDULER_ADDRESS names one
preferences  how many runs train at the same time; whether interrupted ones resume by themselves
probe      how long a training would take here, and how much memory

Nothing of a run lives in the engine, so losing it, the server or the browser loses no run.
"""

from ham.engine.preferences import MAX_WORKERS, EngineSettings, save_settings, settings
from ham.engine.probe import Estimate, estimate, seconds_a_step
from ham.engine.processes import IDLE_SECONDS, start_worker, work_for
from ham.engine.run_queue import (
    MAX_ATTEMPTS,
    cancel,
    claimable_runs,
    move,
    promote,
    queue,
    refuse_too_many,
    resume,
    submit,
    waits_for,
)
from ham.engine.slots import free_slots, slot
from ham.engine.supervisor import Engine
from ham.engine.worker import Worked, work

__all__ = [
    "IDLE_SECONDS",
    "MAX_ATTEMPTS",
    "MAX_WORKERS",
    "Engine",
    "EngineSettings",
    "Estimate",
    "Worked",
    "cancel",
    "claimable_runs",
    "estimate",
    "free_slots",
    "move",
    "promote",
    "queue",
    "refuse_too_many",
    "resume",
    "save_settings",
    "seconds_a_step",
    "settings",
    "slot",
    "start_worker",
    "submit",
    "waits_for",
    "work",
    "work_for",
]
