"""What the metadata and the pixels say, class by class. Rows and columns of classes are in
CLASSES order.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ham.config import CLASSES, CODES, N_CLASSES
from ham.data.selection import method_in_words

_LUMA = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)  # of R, G, B: ITU-R BT.709
_AGE_BAND = 10  # years
#: What images are counted by, besides their class: columns of the metadata.
_QUARTILES = {
    "known": "images of known age",
    "p5": "5 % are younger",
    "q1": "first quartile",
    "q3": "third quartile",
    "p95": "5 % are older",
}
TABLES = {
    "class": "Class",
    "age": "Age",
    "quartiles": "Quartiles of age",
    "sex": "Sex",
    "localization": "Site",
    "dx_type": "Way of diagnosis",
}


def class_balance(metadata: pd.DataFrame) -> pd.DataFrame:
    """Images and lesions of each class: a row a class, columns images, lesions."""
    by_class = metadata.groupby("dx")
    table = pd.DataFrame({"images": by_class.size(), "lesions": by_class["lesion_id"].nunique()})
    return table.reindex(list(CODES), fill_value=0).rename_axis("dx")


def count_by_class(metadata: pd.DataFrame, column: str) -> pd.DataFrame:
    """Images of each class by a column's values: a row a value, the most frequent first, a
    column a class.
    """
    table = pd.crosstab(metadata[column], metadata["dx"]).reindex(columns=list(CODES), fill_value=0)
    return table.loc[table.sum(axis=1).sort_values(ascending=False, kind="stable").index]


def age_by_class(metadata: pd.DataFrame) -> pd.DataFrame:
    """Ages of the images of each class: known (how many), p5, q1, median, q3, p95 (years; NaN
    where none is known).
    """
    ages = metadata.groupby("dx")["age"]
    quantiles = ages.quantile([0.05, 0.25, 0.5, 0.75, 0.95]).unstack()
    quantiles.columns = ["p5", "q1", "median", "q3", "p95"]
    table = quantiles.reindex(list(CODES))
    table.insert(0, "known", ages.count().reindex(list(CODES), fill_value=0))
    return table.rename_axis("dx")


def age_bands(metadata: pd.DataFrame) -> pd.DataFrame:
    """Images of each class by decade of age: a row a decade from the first to the last that occurs
    ("40 to 49"), "unknown" last where there are any; a column a class."""
    decades = metadata["age"] // _AGE_BAND
    table = pd.crosstab(decades, metadata["dx"]).reindex(columns=list(CODES), fill_value=0)
    if len(table):
        table = table.reindex(np.arange(table.index.min(), table.index.max() + 1), fill_value=0)
    table.index = [
        f"{int(_AGE_BAND * d)} to {int(_AGE_BAND * d) + _AGE_BAND - 1}" for d in table.index
    ]
    unknown = metadata.loc[metadata["age"].isna(), "dx"]
    if len(unknown):
        table.loc["unknown"] = unknown.value_counts().reindex(list(CODES), fill_value=0)
    return table.rename_axis("age")


# ------------------------------------------------------------------------------ pixels


def mean_colors(images: np.ndarray) -> np.ndarray:
    """The mean colour of each whole image, float32 (n, 3), RGB, 0-255. `images`: uint8 (n, 28,
    28, 3).
    """
    return images.mean(axis=(1, 2), dtype=np.float32)


def lightness(colors: np.ndarray) -> np.ndarray:
    """Luma of RGB colours, float32 (n,), 0 (black) to 255 (white)."""
    return colors @ _LUMA


def hue(colors: np.ndarray) -> np.ndarray:
    """Hue of RGB colours in degrees, (n,), -180 to 180: red at 0, yellow at 60, violet at -60;
    grey is 0.

    The seam is at cyan, which no skin has. Preucil's circle: the angle of (R - (G + B) / 2, √3 /
    2 (G - B)).
    """
    red, green, blue = colors.astype(np.float64).T
    return np.degrees(np.arctan2(np.sqrt(3) / 2 * (green - blue), red - (green + blue) / 2))


def mean_images(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The mean image of each class, uint8 (7, 28, 28, 3), RGB; black where a class has no image.

    `images`: uint8 (n, 28, 28, 3), `labels`: int (n,), index in CLASSES.
    """
    means = np.zeros((N_CLASSES, *images.shape[1:]), dtype=np.uint8)
    for label in np.unique(labels):
        means[label] = np.rint(images[labels == label].mean(axis=0, dtype=np.float64))
    return means


def color_ribbons(colors: np.ndarray, labels: np.ndarray, steps: int = 100) -> np.ndarray:
    """Each class's images from dark to light as `steps` colours, uint8 (7, steps, 3).

    Column k is the mean colour of the images between the shares k / steps and (k + 1) / steps of
    the class, sorted by `lightness`; of a class with fewer images than steps, the nearest
    image's colour. Classes without an image are black. `colors`: float (n, 3), 0-255, `labels`:
    int (n,).
    """
    ribbons = np.zeros((N_CLASSES, steps, 3), dtype=np.uint8)
    for label in np.unique(labels):
        own = colors[labels == label]
        own = own[np.argsort(lightness(own), kind="stable")]
        starts = np.arange(steps) * len(own) // steps
        ends = np.maximum(np.arange(1, steps + 1) * len(own) // steps, starts + 1)
        sums = np.concatenate([np.zeros((1, 3)), np.cumsum(own, axis=0, dtype=np.float64)])
        ribbons[label] = np.rint((sums[ends] - sums[starts]) / (ends - starts)[:, None])
    return ribbons


def channels_by_class(colors: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """Quantiles of the images' mean red, green and blue (0-255): a row a class and channel,
    MultiIndex (dx, channel), columns images, p5, q1, median, q3, p95; only classes that occur."""
    rows = {}
    for label in np.unique(labels):
        own = colors[labels == label]
        quantiles = np.quantile(own, [0.05, 0.25, 0.5, 0.75, 0.95], axis=0)
        for channel, name in enumerate(("red", "green", "blue")):
            rows[CODES[label], name] = (len(own), *quantiles[:, channel])
    index = pd.MultiIndex.from_tuples(rows, names=["dx", "channel"])
    return pd.DataFrame(
        list(rows.values()), index=index, columns=["images", "p5", "q1", "median", "q3", "p95"]
    )


def count_table(metadata: pd.DataFrame, by: str) -> pd.DataFrame:
    """Counts to read and to copy: a column a class that occurs and "All"; or, by class and of
    quartiles (years), a row a class.
    """
    titles = {c.code: c.title for c in CLASSES}
    if by == "class":
        balance = class_balance(metadata)
        table = balance[balance["images"] > 0].rename(index=titles)
        table["share of images, %"] = (100 * table["images"] / table["images"].sum()).round(1)
        return table.rename_axis("Class")
    if by == "quartiles":
        ages = age_by_class(metadata)
        table = ages[ages["known"] > 0].rename(index=titles, columns=_QUARTILES)
        return table.rename_axis("Class")
    counts = age_bands(metadata) if by == "age" else count_by_class(metadata, by)
    if by == "dx_type":
        counts = counts.rename(index=method_in_words)
    elif by != "age":
        counts = counts.rename(index=str.capitalize)
    counts = counts.loc[:, counts.sum() > 0].rename(columns=titles)
    counts["All"] = counts.sum(axis=1)
    return counts.rename_axis(index=TABLES[by], columns=None)
