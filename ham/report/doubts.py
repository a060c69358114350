"""Labels that the models of a cross-validation contradict: confident learning on answers that no
model gave to an image it had learned from.
"""

from __future__ import annotations

import pandas as pd

from ham import store
from ham.config import CODES, N_CLASSES
from ham.report.groups import Group, pool

CONTRADICTED = "contradicted by the models"


def doubtful_labels(group: Group) -> pd.DataFrame:
    """A row an image whose label is contradicted by the models, the surest first.

    Columns image_id (in runs that ship its key), label and answer (codes), p_label and p_answer
    (0 to 1, the model's own probabilities).

    Confident learning (Northcutt, Jiang, Chuang, JAIR 70:1373, 2021; cleanlab's
    `find_label_issues`): an image counts where its label is improbable and another class more
    probable than that class is on average among the images that carry it. How many are found
    depends on the models: it says that the models disagree, and not who is right. Raises what
    `pool` raises.
    """
    from cleanlab.filter import find_label_issues

    answers = pool(group).answers
    present = [k for k in range(N_CLASSES) if (answers.y_true == k).any()]
    columns = ["image_id", "label", "answer", "p_label", "p_answer"]
    if len(present) < 2:  # nothing to take a label for
        return pd.DataFrame(columns=columns)
    proba = answers.proba[:, present].astype(float)
    proba /= proba.sum(axis=1, keepdims=True)
    place = {k: number for number, k in enumerate(present)}
    rows = find_label_issues(
        [place[k] for k in answers.y_true.tolist()],
        proba,
        return_indices_ranked_by="self_confidence",
        n_jobs=1,
    )
    ids = _ids(group)
    found = [
        {
            "image_id": ids.get(answers.image_id[row], answers.image_id[row]),
            "label": CODES[answers.y_true[row]],
            "answer": CODES[int(answers.proba[row].argmax())],
            "p_label": float(answers.proba[row, answers.y_true[row]]),
            "p_answer": float(answers.proba[row].max()),
        }
        for row in rows
        if answers.proba[row].argmax() != answers.y_true[row]
    ]
    return pd.DataFrame(found, columns=columns)


def _ids(group: Group) -> dict[str, str]:
    """Image ids by key."""
    found: dict[str, str] = {}
    for run in group.runs:
        names = store.read_predictions(run)["test"].image_id
        found |= dict(zip(store.image_keys(names).tolist(), names.tolist(), strict=True))
    return found
