"""The constants of HAM Lab. Nothing runs at import, and nothing of ours outside is imported here.

errors          what people read where something does not work
classes         facts about the data: its seven classes, where it comes from
folders         where things lie
settings        what can be set, declared once: Setting
architectures   the settings of each architecture
training        TrainConfig: every setting of one training
recipes         named sets of settings
seeds           seeds as a user writes them
"""

from ham.config.architectures import MODEL_SETTINGS, MODEL_TITLES
from ham.config.classes import (
    APP_NAME,
    CITATION,
    CLASS_INDEX,
    CLASSES,
    CODES,
    DISCLAIMER,
    IMAGE_SIZE,
    KAGGLE_DATASET,
    KAGGLE_URL,
    LICENCE,
    N_CLASSES,
    LesionClass,
)
from ham.config.errors import (
    AccessError,
    ConfigError,
    DataError,
    EngineError,
    FileError,
    HamError,
    ImageError,
    LimitError,
    StoreError,
    TrainingError,
)
from ham.config.folders import (
    cache_folder,
    dashboard_folder,
    home_folder,
    reference_folder,
    runs_folder,
    set_tensorflow_defaults,
)
from ham.config.recipes import (
    RECIPES,
    Recipe,
    config_title,
    parse_settings,
    recipe_config,
    train_command,
)
from ham.config.seeds import MAX_AT_ONCE, parse_seeds
from ham.config.settings import DATA, MODEL, OPTIMISATION, REGULARISATION, Setting
from ham.config.training import (
    FINAL_RATE,
    PUBLISHED_SHARE,
    SETTINGS,
    TRAINING_VERSION,
    TrainConfig,
)

__all__ = [
    "APP_NAME",
    "CITATION",
    "CLASSES",
    "CLASS_INDEX",
    "CODES",
    "DATA",
    "DISCLAIMER",
    "FINAL_RATE",
    "IMAGE_SIZE",
    "KAGGLE_DATASET",
    "KAGGLE_URL",
    "LICENCE",
    "MAX_AT_ONCE",
    "MODEL",
    "MODEL_SETTINGS",
    "MODEL_TITLES",
    "N_CLASSES",
    "OPTIMISATION",
    "PUBLISHED_SHARE",
    "RECIPES",
    "REGULARISATION",
    "SETTINGS",
    "TRAINING_VERSION",
    "AccessError",
    "ConfigError",
    "DataError",
    "EngineError",
    "FileError",
    "HamError",
    "ImageError",
    "LesionClass",
    "LimitError",
    "Recipe",
    "Setting",
    "StoreError",
    "TrainConfig",
    "TrainingError",
    "cache_folder",
    "config_title",
    "dashboard_folder",
    "home_folder",
    "parse_seeds",
    "parse_settings",
    "recipe_config",
    "reference_folder",
    "runs_folder",
    "set_tensorflow_defaults",
    "train_command",
]
