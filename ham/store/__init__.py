"""Run folders: everything known about a training, whole or not at all.

A run is a folder under `config.runs_folder()`, readable without TensorFlow and without pickle:

    config.json       every setting, versions, data and split fingerprints, and at the end the
                      model's SHA-256 and its scores
    status.json       state, epoch, times, error; replaced atomically
    notes.json        what people wrote on it: a title of their own, tags, text; often absent
    history.csv       a row an epoch
    validation_matrices.csv  the confusion matrix of validation, a row an epoch
    checkpoint/       last.npz while the run can be resumed
    model.keras       the model of the epoch that is kept
    predictions.npz   image ids, lesions, y_true and proba of validation and test
    external/         answers on labelled images from elsewhere, a file each
    log.txt           what happened, a line each
    lock              held by the process that trains, for as long as it lives
    cancel            there when somebody asked the run to stop
    visitor           tells apart who asked for it, where several people share a server

Who is alive is told by the lock alone: the operating system frees it when its process ends,
however it ends. A run whose status says running and whose lock is free was interrupted.

The runs in `config.reference_folder()` ship with HAM Lab. They have the same format, name their
images by keys instead of ids, and are only ever read: every verb that writes refuses them.

folder    one run as it is in its folder, and who is alive there
runs      all of them: create, status, lock, find, delete
notes     title, tags and text
results   history, predictions, log, model
matrices  confusion matrices of validation by epoch
external  answers on labelled images from elsewhere
bundle    one run as one zip, and back, checked
origin    whether it was trained here or came from elsewhere
repeats   whether the very same was trained before
record    what config.json and status.json hold: RunRecord and Status, and how old ones become such
files     what cannot be read or written there, in words about the run
"""

from ham.store.bundle import export_run, import_run
from ham.store.external import (
    External,
    ExternalRecord,
    delete_external,
    external_name,
    external_version,
    find_external,
    pixel_keys,
    refuse_other,
    write_external,
)
from ham.store.files import DamagedRunError, NewerRunError, writing
from ham.store.folder import SHIPS, Run
from ham.store.folds import FoldResult, shipped_folds
from ham.store.matrices import (
    append_validation_matrix,
    read_validation_matrices,
    truncate_validation_matrices,
)
from ham.store.notes import Notes
from ham.store.origin import trained_here
from ham.store.record import (
    FORMAT,
    STATES,
    DataRecord,
    Failure,
    ModelRecord,
    Parameters,
    RunRecord,
    SplitRecord,
    Status,
    TrialRecord,
)
from ham.store.repeats import trained_before
from ham.store.results import (
    HISTORY_COLUMNS,
    Predictions,
    aligned,
    append_history,
    checked_model_path,
    history_version,
    image_keys,
    parse_history,
    predictions_version,
    read_history,
    read_log,
    read_predictions,
    same_test_images,
    train_counts,
    truncate_history,
    withdraw_results,
    write_log,
    write_predictions,
)
from ham.store.runs import (
    Found,
    Problem,
    cancel_requested,
    claim,
    create_run,
    delete_damaged,
    delete_run,
    find_runs,
    list_runs,
    make_runs_folder,
    read_run,
    reference_runs,
    request_cancel,
    visitor_of,
    withdraw_cancel,
    write_notes,
    write_record,
    write_status,
)

__all__ = [
    "FORMAT",
    "HISTORY_COLUMNS",
    "SHIPS",
    "STATES",
    "DamagedRunError",
    "DataRecord",
    "External",
    "ExternalRecord",
    "Failure",
    "FoldResult",
    "Found",
    "ModelRecord",
    "NewerRunError",
    "Notes",
    "Parameters",
    "Predictions",
    "Problem",
    "Run",
    "RunRecord",
    "SplitRecord",
    "Status",
    "TrialRecord",
    "aligned",
    "append_history",
    "append_validation_matrix",
    "cancel_requested",
    "checked_model_path",
    "claim",
    "create_run",
    "delete_damaged",
    "delete_external",
    "delete_run",
    "export_run",
    "external_name",
    "external_version",
    "find_external",
    "find_runs",
    "history_version",
    "image_keys",
    "import_run",
    "list_runs",
    "make_runs_folder",
    "parse_history",
    "pixel_keys",
    "predictions_version",
    "read_history",
    "read_log",
    "read_predictions",
    "read_run",
    "read_validation_matrices",
    "reference_runs",
    "refuse_other",
    "request_cancel",
    "same_test_images",
    "shipped_folds",
    "train_counts",
    "trained_before",
    "trained_here",
    "truncate_history",
    "truncate_validation_matrices",
    "visitor_of",
    "withdraw_cancel",
    "withdraw_results",
    "write_external",
    "write_log",
    "write_notes",
    "write_predictions",
    "write_record",
    "write_status",
    "writing",
]
