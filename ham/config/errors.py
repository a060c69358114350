"""Errors that people read: what came in, why it does not work, what to do next."""


class HamError(Exception):
    """What came in, why it does not work, what to do next.

    The three parts are attributes, so that the page and the command line lay them out
    themselves; `str()` joins them into one line.
    """

    def __init__(self, what: str, why: str, todo: str):
        super().__init__(what, why, todo)
        self.what, self.why, self.todo = what, why, todo

    def __str__(self) -> str:
        return f"{self.what}: {self.why} {self.todo}"


class FileError(HamError):
    """A file or folder cannot be read or written."""


class DataError(HamError):
    """The data set's files cannot be used as they are."""


class ConfigError(HamError):
    """A setting is unknown or out of its range."""


class ImageError(HamError):
    """An uploaded image cannot be answered."""


class StoreError(HamError):
    """A run folder is missing, damaged or cannot be written."""


class TrainingError(HamError):
    """A training cannot go on."""


class EngineError(HamError):
    """The training engine cannot be started or reached."""


class AccessError(HamError):
    """Who acts may not do this here."""


class LimitError(HamError):
    """More was asked than this server gives."""
