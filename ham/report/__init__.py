"""What runs' answers are worth. Pages draw it, the command line prints it, model cards quote it.

run_report   RunReport: all of one run, computed when asked for
decision     DecisionRule: what its validation part settles for one more image
comparison   Comparison: several on the same test images, with differences and tests
kept         what drawing lesions gave, on disk by content
published    what a number is worth where every epoch was watched on test
groups       runs that differ in seed or fold alone; group_differences, group_documents
best         of each architecture the best run
names        what runs are called side by side
doubts       labels that a cross-validation's models contradict
robustness   how far a run falls on changed or shuffled test images
external     runs on images from elsewhere, beside their own test images
slices       scores by age, sex, site and what the images look like
overview     everything that can be compared, to choose from
tables       the tables, in words; facts: data and split, and the surest mistakes
probabilities   tables and sentences of proper scores, costs, predictive values, answers left out;
             probability_record: the same for the JSON
sentences    findings, in words; verdict, the first of them
card         the model card of any run; claim: the CLAIM checklist; content: what both are made of
hub          the model card with Hugging Face's metadata
words        times, counts, shares and settings
documents    JSON (docs/report-schema.md) and CSV

No number of these is computed anywhere else, and nothing here knows of pages or charts.
"""

from ham.report.best import BestRun, best_runs, validation_score
from ham.report.card import card_sections, data_in_words, limits, model_card, split_in_words
from ham.report.claim import ClaimItem, claim_checklist, claim_in_words, claim_rows
from ham.report.comparison import (
    MAX_RUNS,
    Comparison,
    Difference,
    NotComparable,
    cell,
    default_runs,
    grouped,
    most_missed,
    only_right,
    test_parts,
)
from ham.report.content import Bullets, Code, Part, Rows, Section
from ham.report.decision import DecisionRule, decision_rule
from ham.report.documents import SCHEMA, predictions_csv, report_document, report_record, scores_csv
from ham.report.doubts import CONTRADICTED, doubtful_labels
from ham.report.external import (
    ExternalTest,
    drop_in_words,
    external_in_words,
    external_record,
    external_records,
    external_table,
    external_test,
    external_tests,
    missing_in_words,
)
from ham.report.facts import data_table, rows_of, surest_mistakes
from ham.report.group_differences import (
    CORRECTED,
    PAIRED,
    GroupDifference,
    compare_groups,
    group_difference_in_words,
)
from ham.report.group_documents import (
    GROUP_SCHEMA,
    groups_document,
    member_table,
    members_csv,
    paired_table,
    spread_in_words,
    spread_table,
)
from ham.report.groups import (
    MAX_GROUPS,
    Group,
    Member,
    NotPooled,
    Pooled,
    find_groups,
    pool,
    shipped_groups,
)
from ham.report.hub import hub_card, hub_metadata
from ham.report.names import RunName, labels, run_names, split_note
from ham.report.overview import found_by_words, group_overview, run_numbers, run_overview
from ham.report.robustness import (
    ARRANGEMENT,
    ROBUSTNESS,
    Robustness,
    arrangement_in_words,
    arrangement_of,
    robustness_in_words,
    robustness_of,
)
from ham.report.run_report import BY_CLASS, MALIGNANT_SIDE, Calibrated, ClassSets, RunReport
from ham.report.sentences import (
    answer_in_words,
    baseline_in_words,
    calibration_in_words,
    coverage_in_words,
    difference_in_words,
    operating_point_in_words,
)
from ham.report.slices import (
    LEAST_LESIONS,
    LEAST_OF_A_SIDE,
    MEASURED,
    SKIN_TONE,
    SlicedRuns,
    Slicing,
    better_in_words,
    by_chance_in_words,
    slice_table,
    sliced,
    slices_csv,
    slices_in_words,
    slices_record,
    slicings,
)
from ham.report.tables import (
    CLASS_SCORES,
    auc_table,
    calibration_table,
    class_table,
    difference_table,
    operating_table,
    points,
    runs_table,
    score_table,
    set_table,
    settings_table,
    unbroken,
)
from ham.report.verdict import verdict_in_words, worth_in_words

__all__ = [
    "ARRANGEMENT",
    "BY_CLASS",
    "CLASS_SCORES",
    "CONTRADICTED",
    "CORRECTED",
    "GROUP_SCHEMA",
    "LEAST_LESIONS",
    "LEAST_OF_A_SIDE",
    "MALIGNANT_SIDE",
    "MAX_GROUPS",
    "MAX_RUNS",
    "MEASURED",
    "PAIRED",
    "ROBUSTNESS",
    "SCHEMA",
    "SKIN_TONE",
    "BestRun",
    "Bullets",
    "Calibrated",
    "ClaimItem",
    "ClassSets",
    "Code",
    "Comparison",
    "DecisionRule",
    "Difference",
    "ExternalTest",
    "Group",
    "GroupDifference",
    "Member",
    "NotComparable",
    "NotPooled",
    "Part",
    "Pooled",
    "Robustness",
    "Rows",
    "RunName",
    "RunReport",
    "Section",
    "SlicedRuns",
    "Slicing",
    "answer_in_words",
    "arrangement_in_words",
    "arrangement_of",
    "auc_table",
    "baseline_in_words",
    "best_runs",
    "better_in_words",
    "by_chance_in_words",
    "calibration_in_words",
    "calibration_table",
    "card_sections",
    "cell",
    "claim_checklist",
    "claim_in_words",
    "claim_rows",
    "class_table",
    "compare_groups",
    "coverage_in_words",
    "data_in_words",
    "data_table",
    "decision_rule",
    "default_runs",
    "difference_in_words",
    "difference_table",
    "doubtful_labels",
    "drop_in_words",
    "external_in_words",
    "external_record",
    "external_records",
    "external_table",
    "external_test",
    "external_tests",
    "find_groups",
    "found_by_words",
    "group_difference_in_words",
    "group_overview",
    "grouped",
    "groups_document",
    "hub_card",
    "hub_metadata",
    "labels",
    "limits",
    "member_table",
    "members_csv",
    "missing_in_words",
    "model_card",
    "most_missed",
    "only_right",
    "operating_point_in_words",
    "operating_table",
    "paired_table",
    "points",
    "pool",
    "predictions_csv",
    "report_document",
    "report_record",
    "robustness_in_words",
    "robustness_of",
    "rows_of",
    "run_names",
    "run_numbers",
    "run_overview",
    "runs_table",
    "score_table",
    "scores_csv",
    "set_table",
    "settings_table",
    "shipped_groups",
    "slice_table",
    "sliced",
    "slices_csv",
    "slices_in_words",
    "slices_record",
    "slicings",
    "split_in_words",
    "split_note",
    "spread_in_words",
    "spread_table",
    "surest_mistakes",
    "test_parts",
    "unbroken",
    "validation_score",
    "verdict_in_words",
    "worth_in_words",
]
