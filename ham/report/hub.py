"""The model card as Hugging Face's hub reads it: with metadata before it.

https://huggingface.co/docs/hub/model-cards: what is between the two lines of dashes is YAML, and
`model-index` holds the scores in the form of Papers with Code.
"""

from __future__ import annotations

import math
import re

from ham.config import APP_NAME
from ham.evaluation import SCORES
from ham.report.card import is_ham10000, model_card
from ham.report.content import Code
from ham.report.run_report import RunReport

_TASK = "image-classification"
#: Scores by the hub's own names, where it has one.
_METRICS = {"macro_f1": "f1", "macro_auc": "roc_auc", "brier": "brier_score"}
_LOAD = """import keras, numpy, PIL.Image

image = PIL.Image.open("photograph.jpg").convert("RGB").resize((28, 28), PIL.Image.LANCZOS)
model = keras.saving.load_model("hf://OWNER/NAME")  # or a folder with these files
print(model(numpy.asarray(image)[None]))"""


def hub_card(report: RunReport) -> str:
    """README.md of a model repository. Raises StoreError and EvaluationError, as `report` does."""
    import yaml

    start = (
        "Keras loads it, here or from the hub; nothing else of HAM Lab is needed. The "
        "probabilities stand in the order of labels in metadata.json.",
        Code(_LOAD, "python"),
    )
    metadata = yaml.safe_dump(hub_metadata(report), sort_keys=False, allow_unicode=True)
    return f"---\n{metadata}---\n\n{model_card(report, start)}"


def hub_metadata(report: RunReport) -> dict[str, object]:
    """Licence, tags, data and scores, under the hub's own names."""
    data = report.run.record.data
    scores = {
        key: interval.value
        for key, interval in report.evaluation.scores.items()
        if key in SCORES and math.isfinite(interval.value)
    }
    found: dict[str, object] = {
        "license": _licence(report),
        "library_name": "keras",
        "pipeline_tag": _TASK,
        "tags": ["keras", _TASK, "dermatoscopy", "skin-lesion", report.run.config.model, "ham-lab"],
        "metrics": [_METRICS.get(key, key) for key in scores],
    }
    if is_ham10000(report):
        found["datasets"] = [data.name]
    result = {
        "task": {"type": _TASK},
        "dataset": {"name": data.name, "type": _slug(data.name), "split": "test"},
        "metrics": [
            {"type": _METRICS.get(key, key), "name": SCORES[key].title, "value": float(value)}
            for key, value in scores.items()
        ],
    }
    name = f"{APP_NAME} {report.run.id}"
    return found | {"model-index": [{"name": name, "results": [result]}]}


def _licence(report: RunReport) -> str:
    """Of the data, which binds what was learned from it; "unknown" where nobody recorded it."""
    if is_ham10000(report):
        return "cc-by-nc-4.0"
    return "mit" if report.run.synthetic else "unknown"


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "data"
