"""y_true + proba -> Evaluation: scores, intervals, paired tests, calibration, sets, baselines.

Shapes throughout: `y_true: int (n,)`, index in CLASSES; `proba: float (n, 7)`, rows sum to 1,
columns in CLASSES order; `lesions: (n,)`, any labels, equal where two images show one lesion.

A class that is absent from the test part has no recall, F1 or AUC: these are NaN in the table,
and the means (balanced accuracy, macro F1, macro AUC) are taken over the classes that are
present. The same rule holds in every bootstrap resample. Precision is NaN for a class that is
never predicted.
"""

from ham.evaluation.baselines import (
    LOGISTIC_REGRESSION,
    logistic_regression_proba,
    majority_baseline,
    majority_class,
    majority_proba,
    majority_title,
)
from ham.evaluation.calibration import (
    CALIBRATION_BINS,
    COVERAGE,
    Calibration,
    PredictionSets,
    calibrate,
    calibration_error_by_chance,
    conformal_sets,
    conformal_threshold,
    expected_calibration_error,
    fit_temperature,
    prediction_sets,
    reliability,
    with_temperature,
)
from ham.evaluation.differences import McNemar, compare, mcnemar, unpaired_difference
from ham.evaluation.intervals import NO_INTERVAL, Interval
from ham.evaluation.leak import Leak, Part, joined, measure_leak
from ham.evaluation.metrics import SCORES, Draws, Score, malignant_proba
from ham.evaluation.operating import (
    TARGETS,
    OperatingPoint,
    class_roc,
    malignant_roc,
    malignant_threshold,
    operating_point,
    roc,
)
from ham.evaluation.records import (
    LISTED,
    Baselines,
    EvaluationRecord,
    ScoreRecord,
    baselines_from,
    evaluation_record,
    intervals_record,
)
from ham.evaluation.repeated import PairedTest, Spread, corrected_t_test, spread
from ham.evaluation.scores import (
    Answers,
    Evaluation,
    EvaluationError,
    evaluate,
    evaluate_recalls,
    evaluate_scores,
    proportion,
    shares,
)
from ham.evaluation.version import scores_version
from ham.evaluation.words import (
    decimal,
    format_difference,
    format_score,
    p_value,
    percent,
)

__all__ = [
    "CALIBRATION_BINS",
    "COVERAGE",
    "LISTED",
    "LOGISTIC_REGRESSION",
    "NO_INTERVAL",
    "SCORES",
    "TARGETS",
    "Answers",
    "Baselines",
    "Calibration",
    "Draws",
    "Evaluation",
    "EvaluationError",
    "EvaluationRecord",
    "Interval",
    "Leak",
    "McNemar",
    "OperatingPoint",
    "PairedTest",
    "Part",
    "PredictionSets",
    "Score",
    "ScoreRecord",
    "Spread",
    "baselines_from",
    "calibrate",
    "calibration_error_by_chance",
    "class_roc",
    "compare",
    "conformal_sets",
    "conformal_threshold",
    "corrected_t_test",
    "decimal",
    "evaluate",
    "evaluate_recalls",
    "evaluate_scores",
    "evaluation_record",
    "expected_calibration_error",
    "fit_temperature",
    "format_difference",
    "format_score",
    "intervals_record",
    "joined",
    "logistic_regression_proba",
    "majority_baseline",
    "majority_class",
    "majority_proba",
    "majority_title",
    "malignant_proba",
    "malignant_roc",
    "malignant_threshold",
    "mcnemar",
    "measure_leak",
    "operating_point",
    "p_value",
    "percent",
    "prediction_sets",
    "proportion",
    "reliability",
    "roc",
    "scores_version",
    "shares",
    "spread",
    "unpaired_difference",
    "with_temperature",
]
