"""Files in Kaggle's layout -> validated LesionDataset -> splits that do, or do not, leak.

source   find the files, read and check them: metadata, pixel CSV, JPEGs; `squash`
dataset  LesionDataset, its cache under HAM_HOME, which folder is in use
labels   images of any other folder with their labels from a CSV, to try runs on
tables   counts and quantiles by class, for the page and the command line
splits   train, validation and test by three protocols, and what leaks in each
"""

from ham.data.dataset import LesionDataset, choose_source, current_source, open_dataset
from ham.data.labels import LabelledImages, find_labelled_images
from ham.data.source import METADATA_FILE, PIXEL_FILE, Source, find_source, squash
from ham.data.splits import (
    SPLIT_TITLES,
    LeakageReport,
    Split,
    leakage_report,
    make_split,
    pairs_across,
    seen_in_training,
)
from ham.data.tables import age_by_class, class_balance, count_by_class

__all__ = [
    "METADATA_FILE", "PIXEL_FILE", "SPLIT_TITLES", "LabelledImages", "LeakageReport", "LesionDataset", "Source",
    "Split", "age_by_class", "choose_source", "class_balance", "count_by_class", "current_source",
    "find_labelled_images", "find_source", "leakage_report", "make_split", "open_dataset", "pairs_across",
    "seen_in_training", "squash",
]
