"""Facts about the data: its seven classes, where it comes from."""

from __future__ import annotations

from dataclasses import dataclass

APP_NAME = "HAM Lab"
DISCLAIMER = "Teaching and research, not a diagnosis"
KAGGLE_DATASET = "kmader/skin-cancer-mnist-ham10000"
KAGGLE_URL = f"https://www.kaggle.com/datasets/{KAGGLE_DATASET}"
CITATION = "Tschandl, Rosendahl, Kittler, Scientific Data 5:180161, 2018"
LICENCE = "CC BY-NC 4.0"
IMAGE_SIZE = 28


@dataclass(frozen=True)
class LesionClass:
    """One diagnosis of HAM10000."""

    code: str  # `dx` in the metadata
    name: str
    malignant: bool  # counts as malignant (or pre-malignant: akiec) in malignant against benign
    color: str  # Okabe-Ito; malignant warm, benign cool, the majority quiet
    csv_label: int  # `label` in Kaggle's hmnist_28_28_RGB.csv
    isic_column: str  # column of ISIC 2018's one-hot ground truth
    #: Other names in tables, in plain words without case. Only what is certain: what HAM10000's
    #: own description counts into the class (CITATION), ISIC 2019's column and the ISIC
    #: archive's words.
    synonyms: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        return f"{self.name} ({self.code})"


#: Malignant first, then by frequency. This is the order of every label, every `proba`
#: column, every chart and every table; only the CSV reader knows Kaggle's own order.
CLASSES: tuple[LesionClass, ...] = (
    LesionClass(
        "mel",
        "Melanoma",
        True,
        "#D55E00",
        6,
        "MEL",
        (
            "malignant melanoma",
            "melanoma in situ",
            "melanoma invasive",
            "invasive melanoma",
            "melanoma nos",
            "lentigo maligna",
            "lentigo maligna melanoma",
            "nodular melanoma",
            "superficial spreading melanoma",
        ),
    ),
    LesionClass(
        "bcc",
        "Basal cell carcinoma",
        True,
        "#CC79A7",
        1,
        "BCC",
        (
            "basal cell carcinoma nos",
            "basal cell cancer",
        ),
    ),
    LesionClass(
        "akiec",
        "Actinic keratosis",
        True,
        "#E69F00",
        0,
        "AKIEC",
        (
            "ak",
            "actinic keratoses",
            "solar keratosis",
            "solar or actinic keratosis",
            "intraepithelial carcinoma",
            "intraepidermal carcinoma",
            "bowen disease",
            "bowens disease",
            "squamous cell carcinoma in situ",
            "actinic keratoses and intraepithelial carcinoma",
            "actinic keratoses and intraepithelial carcinomae",
            "actinic keratoses and intraepithelial carcinoma bowens disease",
            "actinic keratoses and intraepithelial carcinomae bowens disease",
        ),
    ),
    LesionClass(
        "nv",
        "Melanocytic nevus",
        False,
        "#8A949E",
        4,
        "NV",
        (
            "nevus",
            "naevus",
            "nevi",
            "melanocytic naevus",
            "melanocytic nevi",
            "melanocytic naevi",
            "common nevus",
            "junctional nevus",
            "compound nevus",
            "dermal nevus",
        ),
    ),
    LesionClass(
        "bkl",
        "Benign keratosis",
        False,
        "#56B4E9",
        2,
        "BKL",
        (
            "benign keratosis like lesion",
            "benign keratosis like lesions",
            "pigmented benign keratosis",
            "seborrheic keratosis",
            "seborrhoeic keratosis",
            "seborrheic keratoses",
            "solar lentigo",
            "lichenoid keratosis",
            "lichen planus like keratosis",
        ),
    ),
    LesionClass(
        "vasc",
        "Vascular lesion",
        False,
        "#0072B2",
        5,
        "VASC",
        (
            "vascular lesions",
            "angioma",
            "cherry angioma",
            "hemangioma",
            "haemangioma",
            "angiokeratoma",
            "pyogenic granuloma",
        ),
    ),
    LesionClass("df", "Dermatofibroma", False, "#009E73", 3, "DF", ("dermatofibromas",)),
)
CODES: tuple[str, ...] = tuple(c.code for c in CLASSES)
N_CLASSES = len(CLASSES)
CLASS_INDEX: dict[str, int] = {code: i for i, code in enumerate(CODES)}
