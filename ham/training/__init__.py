"""train(config, dataset) -> Run: input pipeline, checkpoints, cancel, resume, results.

job          one training from its run folder's state to its end
fitting      loss, optimizer, metrics and the callback that records
inputs       batches, their order, class weights
checkpoint   what a resume needs, and the weights of the epoch that is kept
baselines    a logistic regression on the same images, once a split
tensorboard  the logs that TensorBoard reads
tracking     what MLflow is told, where a server is named
measuring    what a training would cost on this machine

No Streamlit and no Dask here. TensorFlow is imported when a training starts. A training writes
everything into its run folder as it goes, so that whoever looks there sees where it is, and a
process that dies leaves a run that can be taken up again after its last completed epoch.
"""

from ham.data import open_dataset
from ham.training.inputs import batches, class_weights, first_batch
from ham.training.job import Progress, train, train_run
from ham.training.measuring import probe

__all__ = [
    "Progress",
    "batches",
    "class_weights",
    "first_batch",
    "open_dataset",
    "probe",
    "train",
    "train_run",
]
