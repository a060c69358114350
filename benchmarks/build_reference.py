"""The trained runs that ship in ham/reference.

    HAM_DATA=../shared/ham10000 python -m benchmarks.build_reference [--only resnet-improved]
    [--from RUN_ID] [--rescore] [--table]

Trains each of `NAMES` with the settings of its recipe (split by lesion, seed 0), unless
ham/reference has it with these settings or HAM_HOME has such a run on this data that is done,
and ships it. An improved training takes 10 to 20 minutes on two cores; one that was shipped is
not trained again. `--from` ships one run that is named. `--rescore` scores the answers of those
that ship anew, after a change of the intervals. `--table` only prints the scores of what is there.

What ships is what a machine needs that has never seen the data: settings, history, model,
scores, and the answers on validation and test. No row of HAM10000 may be passed on, so images
are named by keys (`store.image_keys`) and lesions by numbers; every file is searched for ids
before it is put in place.
"""

from __future__ import annotations

import argparse
import secrets
import shutil
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import msgspec
import numpy as np

from ham import data, io, store, training
from ham.config import (
    RECIPES,
    TrainConfig,
    recipe_config,
    reference_folder,
)
from ham.evaluation import SCORES, evaluate, evaluation_record, format_score
from ham.report import RunReport
from ham.training import baselines

#: Folder and run id -> model, recipe.
NAMES = {
    f"{model}-{recipe}": (model, recipe)
    for model, recipe in (
        ("lstm", "described"),
        ("cnn", "described"),
        ("lstm", "improved"),
        ("cnn", "improved"),
        ("resnet", "improved"),
        ("resnet", "balanced"),
    )
}
MAX_BYTES = 3 * 10**6
IDS = ("ISIC_", "HAM_00")  # how every image id and every lesion id of HAM10000 begins
SOURCE = "HAM10000 (not shipped)"


class NotShipped(Exception):
    """Why a run is not put into ham/reference."""


def main() -> None:
    known = [name for name, (_, recipe) in NAMES.items() if recipe in RECIPES]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", choices=known)
    parser.add_argument(
        "--from", dest="run_id", metavar="RUN_ID", help="ship this run; with one --only"
    )
    parser.add_argument("--rescore", action="store_true", help="train nothing, score anew")
    parser.add_argument("--table", action="store_true", help="train nothing")
    chosen = parser.parse_args()
    if chosen.table:
        print(scores_table(store.reference_runs()))
        return
    if chosen.run_id and len(chosen.only or ()) != 1:
        parser.error("--from needs one --only, which says what the run is")
    source = data.current_source()
    if data.is_demo(source) and not chosen.run_id:
        sys.exit("Name the folder of HAM10000 in HAM_DATA.")
    dataset = None if chosen.run_id else data.open_dataset(source)
    if chosen.rescore:
        for run in store.reference_runs():
            rescore(run, dataset)
        print(scores_table(store.reference_runs()))
        return
    for name in chosen.only or known:
        if not chosen.run_id and is_there(name):
            print(f"{name} is there already.", file=sys.stderr)
            continue
        run = store.read_run(chosen.run_id) if chosen.run_id else trained(name, dataset)
        try:
            check_origin(run, name)
            folder = ship(run, name, reference_folder())
        except NotShipped as error:
            sys.exit(f"Nothing was shipped. {error}")
        size = sum(path.stat().st_size for path in folder.iterdir())
        scores = RunReport(run).evaluation.scores
        words = "\n".join(
            f"  {SCORES[key].title}: {format_score(key, score)}" for key, score in scores.items()
        )
        print(f"{name}: {size / 1e6:.2f} MB\n{words}", flush=True)


def rescore(run: store.Run, dataset: data.LesionDataset) -> None:
    """Its evaluation and its baseline as this version stores them, of the answers it has."""
    test = store.read_predictions(run)["test"]
    split = data.configured_split(dataset, run.config)
    content = io.read_json(run.folder / "config.json")
    content["evaluation"] = evaluation_record(evaluate(test.y_true, test.proba, test.lesion))
    content["floors"] = msgspec.to_builtins(baselines.pixel_baseline(dataset, split))
    io.write_file(run.folder / "config.json", io.json_bytes(content))


def config_of(name: str) -> TrainConfig:
    model, recipe = NAMES[name]
    return recipe_config(recipe, model)


def is_there(name: str) -> bool:
    """Whether ham/reference has this run with its recipe's present settings."""
    return any(
        run.id == name and run.config.fingerprint == config_of(name).fingerprint
        for run in store.reference_runs()
    )


def trained(name: str, dataset: data.LesionDataset) -> store.Run:
    """A run of one's own with these settings on this data; trained where there is none that is
    done.
    """
    config = config_of(name)
    for run in store.list_runs():
        if (
            run.state == "done"
            and run.has_model
            and run.config.fingerprint == config.fingerprint
            and run.record.data.fingerprint == dataset.fingerprint
        ):
            return run

    def report(progress: training.Progress) -> None:
        if progress.row:
            print(
                f"{name}: epoch {progress.epoch} of {progress.epochs}, "
                f"{progress.row['seconds']:.1f} s, "
                "validation loss "
                f"{progress.row['validation_loss']:.3f}",
                file=sys.stderr,
                flush=True,
            )

    return training.train(config, dataset, report)


def check_origin(run: store.Run, name: str) -> None:
    """Raises NotShipped where the run is not what its name says: HAM10000 with this recipe's
    present settings.
    """
    if run.config.fingerprint != config_of(name).fingerprint:
        raise NotShipped(f"{run.id} ({run.title}) has other settings than the recipe of {name}.")
    if run.record.data.name != "HAM10000" or run.synthetic:
        raise NotShipped(f"{run.id} was trained on {run.record.data.name}.")


# --------------------------------------------------------------------------------- ship


def ship(run: store.Run, name: str, folder: Path) -> Path:
    """Puts `run` into `folder` as the run `name`, in the place of what is there; returns where.

    Raises NotShipped where it is not done, leaks, is too large, or would pass on what it must
    not; then nothing was changed.
    """
    if run.state != "done" or not run.has_model or run.leaking:
        raise NotShipped(
            f"{run.id} is {run.state}, split by {run.config.split}: only a run that "
            "is done and does not "
            "leak ships."
        )
    files = {
        "config.json": io.json_bytes(_record(run, name)),
        "status.json": io.json_bytes(_status(run)),
        "history.csv": (run.folder / "history.csv").read_bytes(),
        "predictions.npz": _predictions(run),
        "model.keras": store.checked_model_path(run).read_bytes(),
    }
    _check(run, files)
    fresh = folder / f".{name}-{secrets.token_hex(2)}"
    try:
        fresh.mkdir(parents=True)
        for file, content in files.items():
            io.write_file(fresh / file, content)
        if (folder / name).exists():
            shutil.rmtree(folder / name)
        fresh.rename(folder / name)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return folder / name


def _record(run: store.Run, name: str) -> dict:
    """config.json: all that was recorded but where the data lay."""
    found = io.read_json(run.folder / "config.json")
    return found | {"id": name, "data": found["data"] | {"source": SOURCE}}


def _status(run: store.Run) -> dict:
    return msgspec.to_builtins(run.status) | {"owner": None, "phase": "", "seconds_left": None}


def _predictions(run: store.Run) -> bytes:
    """predictions.npz with keys for ids, rows by key, and the lesions of each part numbered from 0.

    The numbers keep their order: the intervals are drawn by it, and come out as they were recorded.
    """
    arrays = {}
    for part, found in store.read_predictions(run).items():
        keys = store.image_keys(found.image_id)
        if len(set(keys.tolist())) != len(set(found.image_id.tolist())):
            raise NotShipped(f"{run.id}: two images have one key.")
        order = np.argsort(keys, kind="stable")
        lesion = np.unique(found.lesion, return_inverse=True)[1].astype(np.int64)
        shipped = store.Predictions(
            keys[order], lesion[order], found.y_true[order], found.proba[order]
        )
        arrays |= {f"{part}_{field}": values for field, values in vars(shipped).items()}
    buffer = BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def _check(run: store.Run, files: dict[str, bytes]) -> None:
    size = sum(map(len, files.values()))
    if size >= MAX_BYTES:
        raise NotShipped(f"{run.id} has {size:,} bytes, {MAX_BYTES:,} are allowed.")
    places = [run.record.data.source, str(run.folder), str(Path.home())]
    some_ids = [str(part.image_id[0]) for part in store.read_predictions(run).values()]
    for name, content in files.items():
        found = found_in(
            name, content, [*IDS, *some_ids, *(place for place in places if len(place) > 1)]
        )
        if found:
            raise NotShipped(f"{run.id}: {found}.")


def found_in(name: str, content: bytes, words: list[str]) -> str:
    """Where one of these words stands in a file, or that it holds a pickle; "" where neither.
    Looks into zips.
    """
    for word in words:
        # NumPy's text is UTF-32
        if any(word.encode(how) in content for how in ("utf-8", "utf-16-le", "utf-32-le")):
            return f"{name} holds {word!r}"
    if name.endswith((".pkl", ".pickle")) or (name.endswith(".npy") and _is_pickle(content)):
        return f"{name} is a pickle"
    if zipfile.is_zipfile(BytesIO(content)):
        with zipfile.ZipFile(BytesIO(content)) as file:
            inside = (
                found_in(f"{name}/{member}", file.read(member), words) for member in file.namelist()
            )
            return next(filter(None, inside), "")
    return ""


def _is_pickle(array: bytes) -> bool:
    try:
        np.load(BytesIO(array), allow_pickle=False)
    except ValueError:
        return True
    return False


# -------------------------------------------------------------------------------- table


def scores_table(runs: list[store.Run]) -> str:
    """Of these runs, and of what takes no network on the test images of the first."""
    keys = ("accuracy", "balanced_accuracy", "macro_auc", "malignant_auc")
    reports = {run.id: RunReport(run) for run in runs}
    found = {name: report.evaluation for name, report in reports.items()} | reports[
        runs[0].id
    ].baselines
    rows = [
        [name, *(format_score(key, evaluation.scores[key]) for key in keys)]
        for name, evaluation in found.items()
    ]
    return _table(["Model", *(SCORES[key].title for key in keys)], rows)


def _table(heads: list[str], rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (heads, ["---"] * len(heads), *rows))


if __name__ == "__main__":
    main()
