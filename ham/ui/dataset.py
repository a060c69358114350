"""The sections of the Dataset page: filters, charts, image grid, what leaks."""

from __future__ import annotations

import base64
import hashlib
import html
import io
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st
from PIL import Image

from ham import charts, data
from ham.config import CLASSES, CODES, HamError
from ham.ui.frame import chart, errors, is_dark, plain

_CLASS = dict(zip(CODES, CLASSES, strict=True))
_AGE_STEP = 5  # the ages of HAM10000 are multiples of five
_IMAGES_A_PAGE = 24
_LEAKAGE_SEEDS = range(5)
_ORIGINAL_SIZE = (320, 240)  # at most; shown at half of it
ORDERS = {"mixed": "Mixed", "lesion": "By lesion", "age": "By age"}
VIEWS = {"both": "Both", "small": "28x28", "original": "Originals"}


# ----------------------------------------------------------------------------- filters


@dataclass(frozen=True)
class Filters:
    """Which images are shown. Nothing named means everything."""

    classes: tuple[str, ...] = ()
    sexes: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()  # dx_type: how the diagnosis was made
    ages: tuple[int, int] | None = None  # both included; unknown ages are out
    several: bool = False  # only lesions with several images

    def rows(self, dataset: data.LesionDataset) -> np.ndarray:
        """The matching rows of the data set, ascending."""
        metadata = dataset.metadata
        match = np.ones(dataset.n_images, dtype=bool)
        for column, wanted in (("dx", self.classes), ("sex", self.sexes), ("localization", self.sites),
                               ("dx_type", self.methods)):
            if wanted:
                match &= metadata[column].isin(wanted).to_numpy()
        if self.ages:
            match &= metadata["age"].between(*self.ages).to_numpy()
        if self.several:
            match &= np.bincount(dataset.groups)[dataset.groups] > 1
        return np.flatnonzero(match)

    def in_words(self) -> str:
        """"Melanoma (mel), male, 40 to 60 years"; "" where nothing is filtered."""
        words = [" or ".join(_CLASS[code].title for code in self.classes),
                 " or ".join(self.sexes).replace("unknown", "sex unknown"),
                 " or ".join(self.sites).replace("unknown", "site unknown"),
                 " or ".join(method_in_words(method).lower() for method in self.methods),
                 f"{self.ages[0]} to {self.ages[1]} years" if self.ages else "",
                 "lesions with several images" if self.several else ""]
        return ", ".join(filter(None, words))


def filters(dataset: data.LesionDataset) -> Filters:
    """The filter chips. Their values last as long as the visit, on whatever page."""
    metadata = dataset.metadata
    oldest = _AGE_STEP * max(1, int(np.ceil(metadata["age"].fillna(0).max() / _AGE_STEP)))
    _start_filters(dataset.fingerprint, oldest)
    classes = st.pills("Class", [c for c in CODES if (metadata["dx"] == c).any()], selection_mode="multi",
                       format_func=lambda code: _CLASS[code].title, key="dataset_classes", persist_state="session")
    who, age, site, method = st.columns([1.1, 1, 1, 1], gap="medium")
    sexes = who.pills("Sex", _values(metadata["sex"]), selection_mode="multi", format_func=str.capitalize,
                      key="dataset_sexes", persist_state="session")
    ages = age.slider("Age in years", 0, oldest, step=_AGE_STEP, key="dataset_ages",
                      help="Narrowed, it leaves out the images whose age is unknown.", persist_state="session")
    sites = site.multiselect("Site", _values(metadata["localization"]), format_func=str.capitalize,
                             placeholder="All sites", key="dataset_sites", persist_state="session")
    methods = method.multiselect("Diagnosed by", _values(metadata["dx_type"]), format_func=method_in_words,
                                 placeholder="All ways", key="dataset_methods", persist_state="session")
    several = st.toggle("Only lesions with several images", key="dataset_several", persist_state="session")
    return Filters(tuple(classes), tuple(sexes), tuple(sites), tuple(methods),
                   None if tuple(ages) == (0, oldest) else tuple(ages), several)


def method_in_words(dx_type: str) -> str:
    return {"histo": "Histopathology", "follow_up": "Follow-up", "consensus": "Consensus of experts",
            "confocal": "Confocal microscopy"}.get(dx_type, dx_type.capitalize())


def _values(column: pd.Series) -> list[str]:
    """The values that occur, the most frequent first, unknown last."""
    return sorted(column.value_counts().index, key=lambda value: value == "unknown")


def _start_filters(fingerprint: str, oldest: int) -> None:
    """Everything, at first and when another data set is in use."""
    start = {"dataset_classes": [], "dataset_sexes": [], "dataset_ages": (0, oldest), "dataset_sites": [],
             "dataset_methods": [], "dataset_several": False}
    other = st.session_state.get("dataset_filtered") != fingerprint
    st.session_state["dataset_filtered"] = fingerprint
    for key, value in start.items():
        if other or key not in st.session_state:
            st.session_state[key] = value


def _clear_filters() -> None:
    st.session_state["dataset_filtered"] = ""


# ----------------------------------------------------------------------------- summary


def summary(dataset: data.LesionDataset, chosen: Filters, rows: np.ndarray) -> None:
    """How much matches, a way back to everything, the matching metadata as a file."""
    shown = dataset.metadata.iloc[rows]
    words = chosen.in_words()
    text = f"**{len(rows):,}** images of **{shown['lesion_id'].nunique():,}** lesions"
    text += f" match: {plain(words)}" if words else ", all there are"
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        st.markdown(text, width="stretch")
        if words:
            st.button("Clear filters", icon=":material/filter_alt_off:", key="dataset_clear", on_click=_clear_filters)
        st.download_button("Metadata as CSV", lambda: shown.to_csv(index=False), key="dataset_download",
                           file_name=f"{dataset.name}_metadata_{len(rows)}_images.csv", mime="text/csv",
                           icon=":material/download:", on_click="ignore", disabled=not len(rows))


def no_match() -> None:
    """The empty state."""
    st.info("No image matches all of these filters. Take one away, or clear them all.", icon=":material/search_off:")


# ------------------------------------------------------------------------------ charts


def overview(metadata: pd.DataFrame) -> None:
    """Class balance, age, sex and site by class, of the rows given."""
    dark = is_dark()
    missing, zero = int(metadata["age"].isna().sum()), int((metadata["age"] == 0).sum())
    left, right = st.columns(2, gap="large")
    with left:
        chart(charts.class_balance_chart(data.class_balance(metadata), dark), "dataset_balance")
        chart(charts.sex_chart(data.count_by_class(metadata, "sex"), dark), "dataset_sex")
    with right:
        chart(charts.age_chart(data.age_by_class(metadata), missing, zero, dark), "dataset_age")
        chart(charts.site_chart(data.count_by_class(metadata, "localization"), dark), "dataset_site")


# ------------------------------------------------------------------------------ images


@st.fragment
@errors()
def gallery(dataset: data.LesionDataset, rows: np.ndarray) -> None:
    """A page of images, enlarged without smoothing, beside their originals where there are any."""
    st.space("small")
    st.subheader("Images", anchor=False)
    with st.container(horizontal=True, gap="medium"):
        order = st.segmented_control("Order", list(ORDERS), default="mixed", required=True, key="dataset_order",
                                     format_func=ORDERS.get, persist_state="session")
        view = "small"
        if dataset.originals:
            view = st.segmented_control("Shown", list(VIEWS), default="both", required=True, key="dataset_view",
                                        format_func=VIEWS.get, persist_state="session",
                                        help="What the models see, the photograph it was made from, or both.")
    n_pages = -(-len(rows) // _IMAGES_A_PAGE)
    page_key = f"dataset_page_{order}_{hashlib.sha256(rows.tobytes()).hexdigest()[:12]}"  # new images, first page
    page = min(st.session_state.get(page_key, 1), n_pages)
    first = (page - 1) * _IMAGES_A_PAGE
    shown = in_order(dataset, rows, order)[first:first + _IMAGES_A_PAGE]
    tiles = "".join(_tile(dataset, index, view) for index in shown)
    st.html(f'{_STYLE}<div class="ham-gallery ham-{view}">{tiles}</div>')
    with st.container(horizontal=True, vertical_alignment="center"):
        if n_pages > 1:
            st.pagination(n_pages, key=page_key, persist_state="session")
        st.caption(f"Images {first + 1:,} to {first + len(shown):,} of {len(rows):,}")


def in_order(dataset: data.LesionDataset, rows: np.ndarray, order: str) -> np.ndarray:
    """Rows as the grid shows them: shuffled once and for all, lesion by lesion, or from young to old."""
    if order == "lesion":
        return rows[np.argsort(dataset.groups[rows], kind="stable")]
    mixed = np.random.default_rng(0).permutation(dataset.n_images)
    mixed = mixed[np.isin(mixed, rows)]
    if order == "age":
        return mixed[np.argsort(dataset.metadata["age"].to_numpy()[mixed], kind="stable")]
    return mixed


def _tile(dataset: data.LesionDataset, index: int, view: str) -> str:
    row = dataset.metadata.iloc[index]
    lesion_class = _CLASS[row["dx"]]
    title, image_id = html.escape(lesion_class.title), html.escape(row["image_id"])
    siblings = int((dataset.groups == dataset.groups[index]).sum())
    pictures = ""
    if view != "original" or not dataset.original(index):
        pictures += (f'<img class="ham-small" src="{_png(dataset.images[index])}" '
                     f'alt="{title}, {image_id}, 28 by 28 pixels as the models see it">')
    if view != "small" and (original := dataset.original(index)):
        pictures += (f'<img class="ham-original" src="{_thumbnail(str(original), original.stat().st_mtime_ns)}" '
                     f'alt="{title}, {image_id}, the original photograph">')
    age = f"{row['age']:g} years" if row["age"] == row["age"] else "age unknown"
    person = html.escape(", ".join((age, row["sex"] if row["sex"] != "unknown" else "sex unknown",
                                    row["localization"] if row["localization"] != "unknown" else "site unknown")))
    lesion = html.escape(row["lesion_id"]) + (f" ({siblings} images)" if siblings > 1 else "")
    dot = f'<i style="background:{lesion_class.color}"></i>'
    return (f'<figure><div class="ham-pictures">{pictures}</div><figcaption><b>{dot}{title}</b><span>{image_id}</span>'
            f"<span>{lesion}</span><span>{person}</span></figcaption></figure>")


def _png(image: np.ndarray) -> str:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


@st.cache_data(max_entries=2_000, show_spinner=False)
def _thumbnail(path: str, changed: int) -> str:
    """A JPEG of at most _ORIGINAL_SIZE; `changed` only makes a changed file another entry."""
    file = io.BytesIO()
    with Image.open(path) as image:
        image.draft("RGB", _ORIGINAL_SIZE)
        image.thumbnail(_ORIGINAL_SIZE)
        image.convert("RGB").save(file, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"


_STYLE = """<style>
.ham-gallery { display: grid; gap: 1.25rem 1rem; }
.ham-gallery { grid-template-columns: repeat(auto-fill, minmax(min(9rem, 45%), 1fr)); }
.ham-gallery.ham-both { grid-template-columns: repeat(auto-fill, minmax(min(13.5rem, 45%), 1fr)); }
.ham-gallery figure { margin: 0; min-width: 0; }
.ham-pictures { display: flex; gap: 2px; border-radius: 6px; overflow: hidden; }
.ham-pictures img { display: block; min-width: 0; object-fit: cover; }
.ham-pictures .ham-small { aspect-ratio: 1; flex: 1 1 0; image-rendering: pixelated; }
.ham-pictures .ham-original { aspect-ratio: 4 / 3; flex: 1.3333 1 0; }
.ham-gallery figcaption { display: flex; flex-direction: column; font-size: 0.8rem; line-height: 1.35;
  margin-top: 0.4rem; overflow-wrap: anywhere; }
.ham-gallery figcaption b { font-size: 0.875rem; font-weight: 600; }
.ham-gallery figcaption i { border-radius: 50%; display: inline-block; height: 0.6rem; margin-right: 0.4rem;
  width: 0.6rem; }
.ham-gallery figcaption span { color: light-dark(#57606A, #A9B1BA); }
</style>"""


# ----------------------------------------------------------------------------- leakage


def leakage(dataset: data.LesionDataset) -> None:
    """What each way of splitting lets the test part share with the training part."""
    st.space("small")
    st.subheader("What leaks from the test into training", anchor=False)
    st.markdown(":gray[Many lesions were photographed several times. How the images are dealt decides whether a test "
                "score speaks of new lesions or of ones that training has seen.]")
    found = _leakage(dataset, dataset.fingerprint)
    for column, (protocol, report) in zip(st.columns(3, gap="medium"), found.items(), strict=True):
        title, sentence = data.SPLIT_TITLES[protocol]
        with column, st.container(border=True, height="stretch"):
            st.markdown(f"**{title}**")
            if isinstance(report, str):
                st.caption(plain(report))
                continue
            leaking = report.copies if protocol == "oversample" else report.sibling
            st.subheader(_percent(leaking), anchor=False)
            st.markdown(leakage_in_words(protocol, report))
            st.caption(sentence)
    st.caption(f"Mean of {len(_LEAKAGE_SEEDS)} random splits of the whole data set with 10 % of the images for "
               "validation and 10 % for the test. Filters do not change it.")


def leakage_in_words(protocol: str, report: data.LeakageReport) -> str:
    """The finding of one protocol in one plain sentence."""
    if protocol == "oversample":
        return f"{_percent(report.copies)} of the test rows are exact copies of training rows."
    if not report.sibling:
        return "No test image shows a lesion that training has seen."
    melanoma = "" if np.isnan(report.sibling_mel) else f" and {_percent(report.sibling_mel)} of the melanoma images"
    return f"{_percent(report.sibling)} of the test images{melanoma} show a lesion that training has seen."


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


@st.cache_data(max_entries=4, show_spinner="Counting what leaks")
def _leakage(_dataset: data.LesionDataset, fingerprint: str) -> dict[str, data.LeakageReport | str]:
    """Mean report of each protocol, or why it cannot be made on this data set."""
    found: dict[str, data.LeakageReport | str] = {}
    for protocol in data.SPLIT_TITLES:
        try:
            reports = [data.leakage_report(data.make_split(_dataset, protocol, seed=seed)) for seed in _LEAKAGE_SEEDS]
            found[protocol] = data.LeakageReport(*np.mean([list(vars(report).values()) for report in reports], axis=0))
        except HamError as error:
            found[protocol] = str(error)
    return found
