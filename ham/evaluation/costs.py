"""What decisions cost, and what acting on a malignant probability is worth."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from ham.config import N_CLASSES
from ham.evaluation.intervals import Interval
from ham.evaluation.metrics import MALIGNANT, malignant_proba
from ham.evaluation.scores import EvaluationError, check, means

#: Rows the truth, columns the decision, malignant first. A missed malignant lesion weighs as much
#: as ten benign ones that are called malignant: who decides by it acts from a malignant
#: probability of 1 in 11 on.
SIDE_COSTS = np.array([[0.0, 10.0], [1.0, 0.0]])
#: Malignant probabilities from which one might act.
THRESHOLDS = np.arange(1, 51) / 100


def class_costs(sides: np.ndarray = SIDE_COSTS, among_malignant: float = 1.0) -> np.ndarray:
    """float (7, 7), rows the true class, columns the decided one, from costs of the two sides.

    One malignant class for another costs `among_malignant`, one benign class for another nothing:
    neither is treated.
    """
    side = np.where(MALIGNANT, 0, 1)
    found = np.asarray(sides, np.float64)[side[:, None], side[None, :]].copy()
    other = MALIGNANT[:, None] & MALIGNANT[None, :] & ~np.eye(N_CLASSES, dtype=bool)
    found[other] += among_malignant
    return found


def by_true_class(costs: np.ndarray) -> np.ndarray:
    """float (7, actions), a row a true class: a (2, 2) table of sides becomes (7, 2). Raises
    EvaluationError where it is neither that nor (7, 7), or a cost is below 0 or no number.
    """
    found = np.asarray(costs, np.float64)
    if found.shape not in ((2, 2), (N_CLASSES, N_CLASSES)) or not np.isfinite(found).all():
        raise EvaluationError(
            f"Costs {found.shape}",
            "every cell needs a number, 2x2 or 7x7.",
            "Fill the empty cells; 0 where nothing is lost.",
        )
    if (found < 0).any():
        raise EvaluationError(
            f"A cost of {found.min():g}",
            "a cost is 0 or more.",
            "Give a gain as a lower cost than that of the others in its row.",
        )
    return found[np.where(MALIGNANT, 0, 1)] if len(found) == 2 else found


def predicted_action(proba: np.ndarray, costs: np.ndarray) -> np.ndarray:
    """The column of `costs`, (7, actions), that the predicted class stands for, int (n,)."""
    answer = np.asarray(proba).argmax(axis=1)
    return answer if costs.shape[1] == N_CLASSES else np.where(MALIGNANT[answer], 0, 1)


def least_cost_action(proba: np.ndarray, costs: np.ndarray) -> np.ndarray:
    """The column of `costs`, (7, actions), of the least expected cost, int (n,), or of shares
    (7,) one; the first of several.

    Bayes' decision (Elkan, The foundations of cost-sensitive learning, IJCAI 2001), as good as the
    probabilities are calibrated.
    """
    return (np.asarray(proba, np.float64) @ costs).argmin(axis=-1)


def expected_costs(
    y_true: np.ndarray,
    actions: Mapping[str, np.ndarray],
    costs: np.ndarray,
    lesions: np.ndarray,
    resamples: int | None = None,
) -> dict[str, Interval]:
    """Mean cost an image of each way to decide, by its name, with 95 % intervals over lesions;
    and by "a minus b" that of every other minus the first, from the same draws.

    `actions`: int (n,) each, columns of `costs`, (7, actions).
    """
    spent = {name: costs[y_true, of] for name, of in actions.items()}
    first = next(iter(spent))
    spent |= {f"{name} minus {first}": spent[name] - spent[first] for name in [*spent][1:]}
    return means(spent, lesions, resamples)


# ---------------------------------------------------------------------- decision curve


def net_benefit(
    y_true: np.ndarray, proba: np.ndarray, thresholds: np.ndarray = THRESHOLDS
) -> pd.DataFrame:
    """A row a threshold on the malignant probability: threshold, net_benefit, treat_all.

    Found malignant images minus false alarms times threshold / (1 - threshold), per image: who
    acts from 10 % on takes nine needless acts for one that was needed (Vickers, Elkin, Medical
    Decision Making 26:565, 2006). Treating nobody is worth 0. Raises EvaluationError.
    """
    y_true, proba = check(y_true, proba)
    found = {
        name: [float(_benefit(y_true, called, t).mean()) for t, called in _called(of, thresholds)]
        for name, of in (("net_benefit", malignant_proba(proba)), ("treat_all", _ONE))
    }
    return pd.DataFrame({"threshold": np.asarray(thresholds, np.float64), **found})


def net_benefit_at(
    y_true: np.ndarray,
    proba: np.ndarray,
    lesions: np.ndarray,
    threshold: float,
    resamples: int | None = None,
) -> dict[str, Interval]:
    """Net benefit at one threshold with 95 % intervals over lesions: "model", "treat_all", and
    "model minus treat_all". Raises EvaluationError.
    """
    y_true, proba = check(y_true, proba)
    model, everyone = (
        _benefit(y_true, of >= threshold, threshold) for of in (malignant_proba(proba), _ONE)
    )
    return means(
        {"model": model, "treat_all": everyone, "model minus treat_all": model - everyone},
        lesions,
        resamples,
    )


_ONE = np.ones(1)


def _called(score: np.ndarray, thresholds: np.ndarray) -> list[tuple[float, np.ndarray]]:
    return [(float(t), score >= t) for t in thresholds]


def _benefit(y_true: np.ndarray, called: np.ndarray, threshold: float) -> np.ndarray:
    """Of each image, float (n,)."""
    malignant = MALIGNANT[y_true]
    return np.where(malignant, 1.0, -threshold / (1 - threshold)) * called
