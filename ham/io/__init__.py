"""The floor under all: what files, archives and background work have in common.

atomic     a file or folder written whole or not at all; what the disk refuses, in words
damage     JSON, arrays, hashes: read with bounds, and what reading a damaged file raises
structs    parsed JSON into frozen structs, and what is wrong with it in words
cache      a result kept on disk: made again where damaged, only warned of where the disk is full
archive    a zip written; one that nobody vouches for, looked through and unpacked safely
job        work in a background thread with progress, stop and error

Only `ham.config` and `ham.hosting` are imported here; every other package may build on this one.
"""

from ham.io.archive import Archive, ArchiveError, Entry, packed
from ham.io.atomic import (
    cannot_write,
    is_full,
    json_bytes,
    remove_drafts,
    whole,
    write_arrays,
    write_file,
    write_json,
    writing,
)
from ham.io.cache import keep, kept, read_kept
from ham.io.damage import (
    DAMAGED,
    file_sha256,
    parse_arrays,
    parse_json,
    read_arrays,
    read_bytes,
    read_json,
)
from ham.io.job import Job, OneJob, Pace, Report, Stopped, stoppable, stopped
from ham.io.structs import Count, Number, Share, Text, Time, shown, typed

__all__ = [
    "DAMAGED",
    "Archive",
    "ArchiveError",
    "Count",
    "Entry",
    "Job",
    "Number",
    "OneJob",
    "Pace",
    "Report",
    "Share",
    "Stopped",
    "Text",
    "Time",
    "cannot_write",
    "file_sha256",
    "is_full",
    "json_bytes",
    "keep",
    "kept",
    "packed",
    "parse_arrays",
    "parse_json",
    "read_arrays",
    "read_bytes",
    "read_json",
    "read_kept",
    "remove_drafts",
    "shown",
    "stoppable",
    "stopped",
    "typed",
    "whole",
    "write_arrays",
    "write_file",
    "write_json",
    "writing",
]
