"""The leakage measurement: the same small training under each protocol, and what the leak is worth.

plan       what is trained, which runs of it there are, how long the rest takes, start and cancel
shares     what of the test part each protocol lets training see: shares, and pairs of images
result     the answers of the runs pooled: scores on lesions seen and not seen, the gap
words      the result as a table, a sentence a protocol, and one explanation
"""

from ham.lab.leakage.plan import (
    RUNS_EACH,
    TAG,
    Cell,
    TimeNeeded,
    cancel,
    cells,
    lab_config,
    live_lab_runs,
    possible_protocols,
    runs_before,
    start,
    time_needed,
)
from ham.lab.leakage.result import SCORE, ProtocolResult, Result, answers_of, measure
from ham.lab.leakage.shares import (
    SHOWN_SEEDS,
    mean_report,
    pairs,
    pairs_in_words,
    reports,
    seen_in_words,
)
from ham.lab.leakage.words import (
    EXPLANATION,
    class_table,
    control,
    different_versions,
    finding,
    recipe_in_words,
    result_table,
)

__all__ = [
    "EXPLANATION",
    "RUNS_EACH",
    "SCORE",
    "SHOWN_SEEDS",
    "TAG",
    "Cell",
    "ProtocolResult",
    "Result",
    "TimeNeeded",
    "answers_of",
    "cancel",
    "cells",
    "class_table",
    "control",
    "different_versions",
    "finding",
    "lab_config",
    "live_lab_runs",
    "mean_report",
    "measure",
    "pairs",
    "pairs_in_words",
    "possible_protocols",
    "recipe_in_words",
    "reports",
    "result_table",
    "runs_before",
    "seen_in_words",
    "start",
    "time_needed",
]
