"""Facts about many sound files, each decoded once and remembered: length, rate, silence, clipping, equal sounds."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from soundsdk.errors import DataError, OutputError
from soundsdk.recording.audio_file import SoundReader
from soundsdk.whole_file import write_whole
from soundsdk_train.feature_cache import code_version, folder

_RATE_HZ = 16000  # at which sounds are compared
_CLIPPED_SHARE = 5e-4  # of the samples at full scale: a peak that just touches it is none
_CLIPPED_LEAST = 10


@dataclass(frozen=True)
class FileFacts:
    """Facts about one file. error: why it cannot be read, "" if it can; digest: of its samples, equal for equal sounds.

    seconds and rate_hz are the file's own; silent: every sample is 0; clipped: it was too loud for its recorder.
    """

    error: str = ""
    seconds: float = 0.0
    rate_hz: int = 0
    channels: int = 0
    silent: bool = False
    clipped: bool = False
    digest: str = ""


def survey(files: Sequence[Path], on_file: Callable[[int, int], None] | None = None) -> dict[Path, FileFacts]:
    """Return the facts about files; those that were decoded before and have not changed are remembered.

    on_file gets how many are done, and how many there are.
    """
    known = _remembered()
    keys: dict[Path, str] = {path: _key(path) for path in dict.fromkeys(files)}
    new = [path for path, key in keys.items() if key not in known]
    found: dict[Path, FileFacts] = {path: known[key] for path, key in keys.items() if key in known}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, facts in zip(new, pool.map(examine, new), strict=True):
            found[path] = facts
            if on_file is not None:
                on_file(len(found), len(keys))
    fresh = {keys[path]: found[path] for path in new if keys[path]}
    if fresh:
        _remember({**known, **fresh})
    return found


def examine(path: Path) -> FileFacts:
    """Decode a file and return the facts about it."""
    reader = SoundReader(path, _RATE_HZ)
    digest = hashlib.sha256()
    try:
        for block in reader.blocks():
            digest.update(block.tobytes())
    except DataError as error:
        return FileFacts(error=error.message)
    facts = reader.facts
    clipped = facts.clipped >= max(_CLIPPED_LEAST, _CLIPPED_SHARE * facts.frames)
    return FileFacts(
        "", facts.seconds, facts.rate_hz, facts.channels, not facts.sounding, clipped, digest.hexdigest()[:32]
    )


def _key(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return ""
    return f"{path.resolve()}|{status.st_size}|{status.st_mtime_ns}"


def _store() -> Path:
    return folder() / f"facts-{code_version()[:12]}.json"


def _remembered() -> dict[str, FileFacts]:
    try:
        kept = json.loads(_store().read_text(encoding="utf-8"))
        return {key: FileFacts(**values) for key, values in kept.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _remember(facts: dict[str, FileFacts]) -> None:
    data = json.dumps({key: asdict(one) for key, one in facts.items() if key and not one.error}).encode()
    with contextlib.suppress(OutputError):  # the next run decodes again
        write_whole(_store(), data, parents=True)
