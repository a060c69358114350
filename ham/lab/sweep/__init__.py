"""Sweeps: many trainings over values of settings, chosen by Optuna, decided on validation.

space      the values: a list, a linear range, a logarithmic range; checked
plan       what is to be done: model, recipe, space, method, trials, seeds, objective, pruning
cost       how long that would take here
folder     a sweep on disk: its plan, whether it goes on, what was promoted; who drives it
study      Optuna's study in its journal: suggestions, scores, pruning, importance
driver     trials asked for, submitted as ordinary runs, read as they train, pruned, told
verbs      stop, resume
promotion  the one trial whose test images are looked at, and the count of such looks
result     all that is known of a sweep: trials, best so far, table, document

Validation decides. A trial's run is queued, trained and validated like any other and ends without
a model or an answer on the test images (`Run.withheld`), until its trial is promoted.
"""

from ham.lab.sweep.cost import SweepTime, time_of, typical
from ham.lab.sweep.driver import Driver, Drivers, runs_of
from ham.lab.sweep.folder import (
    FoundSweeps,
    Promotion,
    Sweep,
    SweepProblem,
    create_sweep,
    driving,
    find_sweeps,
    read_sweep,
)
from ham.lab.sweep.plan import (
    METHODS,
    MOST_SEEDS,
    MOST_TRIALS,
    OBJECTIVES,
    Method,
    Objective,
    Plan,
    make_plan,
)
from ham.lab.sweep.promotion import promote
from ham.lab.sweep.result import (
    SweepResult,
    Trial,
    importance_of,
    looks_in_words,
    read_result,
    state_in_words,
    sweep_document,
    sweep_in_words,
    sweep_summary,
    trial_table,
)
from ham.lab.sweep.space import (
    Scale,
    Value,
    Values,
    checked,
    listed,
    parse_values,
    setting_of,
    size,
    suggested,
    written,
)
from ham.lab.sweep.study import Study, StudyTrial
from ham.lab.sweep.verbs import resume_sweep, stop_sweep

__all__ = [
    "METHODS",
    "MOST_SEEDS",
    "MOST_TRIALS",
    "OBJECTIVES",
    "Driver",
    "Drivers",
    "FoundSweeps",
    "Method",
    "Objective",
    "Plan",
    "Promotion",
    "Scale",
    "Study",
    "StudyTrial",
    "Sweep",
    "SweepProblem",
    "SweepResult",
    "SweepTime",
    "Trial",
    "Value",
    "Values",
    "checked",
    "create_sweep",
    "driving",
    "find_sweeps",
    "importance_of",
    "listed",
    "looks_in_words",
    "make_plan",
    "parse_values",
    "promote",
    "read_result",
    "read_sweep",
    "resume_sweep",
    "runs_of",
    "setting_of",
    "size",
    "state_in_words",
    "stop_sweep",
    "suggested",
    "sweep_document",
    "sweep_in_words",
    "sweep_summary",
    "time_of",
    "trial_table",
    "typical",
    "written",
]
