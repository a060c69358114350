"""Files in Kaggle's layout -> validated LesionDataset -> splits that do, or do not, leak.

layout, names    which files are a data set, and which image, by their names
source   find the files in a folder; opening: the same in a zip, unpacked once
packed   files on the disk and in archives alike
delimited, diagnoses    one reader of tables, and which class a diagnosis in a table is
metadata, pixels, photographs    read and check them
places   HAM_HOME/data: folders of our own, written whole or not at all
known    the sources there are to choose from
download from Kaggle, through kagglehub in a process of its own (fetch), resumed after whatever
happened
archive  the data set out of a zip that nobody vouches for
licence  whether its pictures may be passed on
dataset  LesionDataset, its cache under HAM_HOME, which data is in use
labels   images of any other folder with their labels from a CSV, to try runs on
handed   such images as people hand them over: with their table beside or in them, or dropped
selection    a part of a data set, and what is known of its images, in words
tables   counts, quantiles and colours by class, for the page and the command line
embedding    what lies near what: features, neighbours, maps and their cache
quality  what is doubtful in a data set; hair: how much of it a photograph shows
splits   train, validation and test by several protocols, and what leaks in each
maps     t-SNE maps, made in the background
current  the opening of the data in use; work: what is being fetched or unpacked
"""

from ham.data.archive import unpack
from ham.data.current import OpenedData
from ham.data.dataset import (
    DEMO_SOURCE,
    LesionDataset,
    choose_source,
    current_source,
    is_demo,
    open_dataset,
)
from ham.data.download import download_ham10000, downloaded
from ham.data.embedding import LEAST_IMAGES, image_features, nearest, read_map, tsne_map, write_map
from ham.data.known import KnownSource, known_sources, use_source
from ham.data.labels import LabelledImages, find_labelled_images
from ham.data.licence import Sharing, sharing
from ham.data.maps import Maps
from ham.data.names import as_folder, shown
from ham.data.opening import is_packed, open_images, open_source, source_stamp
from ham.data.places import CannotWrite
from ham.data.quality import SEVERITIES, Finding, quality_findings
from ham.data.selection import (
    Chip,
    Filters,
    ImageSet,
    balanced_sample,
    method_in_words,
    person,
    siblings_of,
)
from ham.data.source import METADATA_FILE, PIXEL_FILE, Report, Source, find_source
from ham.data.splits import (
    CLEAN_SPLITS,
    LEAKAGE_SPLITS,
    SPLIT_TITLES,
    WATCHED_SPLITS,
    LeakageReport,
    Split,
    available_splits,
    configured_split,
    leakage_report,
    make_split,
    pairs_across,
    seen_in_training,
    sources,
    split_table,
    steps_an_epoch,
)
from ham.data.tables import (
    TABLES,
    age_bands,
    age_by_class,
    channels_by_class,
    class_balance,
    color_ribbons,
    count_by_class,
    count_table,
    hue,
    lightness,
    mean_colors,
    mean_images,
)
from ham.data.work import DataWork
from ham.io import Stopped

__all__ = [
    "CLEAN_SPLITS",
    "DEMO_SOURCE",
    "LEAKAGE_SPLITS",
    "LEAST_IMAGES",
    "METADATA_FILE",
    "PIXEL_FILE",
    "SEVERITIES",
    "SPLIT_TITLES",
    "TABLES",
    "WATCHED_SPLITS",
    "CannotWrite",
    "Chip",
    "DataWork",
    "Filters",
    "Finding",
    "ImageSet",
    "KnownSource",
    "LabelledImages",
    "LeakageReport",
    "LesionDataset",
    "Maps",
    "OpenedData",
    "Report",
    "Sharing",
    "Source",
    "Split",
    "Stopped",
    "age_bands",
    "age_by_class",
    "as_folder",
    "available_splits",
    "balanced_sample",
    "channels_by_class",
    "choose_source",
    "class_balance",
    "color_ribbons",
    "configured_split",
    "count_by_class",
    "count_table",
    "current_source",
    "download_ham10000",
    "downloaded",
    "find_labelled_images",
    "find_source",
    "hue",
    "image_features",
    "is_demo",
    "is_packed",
    "known_sources",
    "leakage_report",
    "lightness",
    "make_split",
    "mean_colors",
    "mean_images",
    "method_in_words",
    "nearest",
    "open_dataset",
    "open_images",
    "open_source",
    "pairs_across",
    "person",
    "quality_findings",
    "read_map",
    "seen_in_training",
    "sharing",
    "shown",
    "siblings_of",
    "source_stamp",
    "sources",
    "split_table",
    "steps_an_epoch",
    "tsne_map",
    "unpack",
    "use_source",
    "write_map",
]
