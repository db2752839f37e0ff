"""A store on disk of what is costly to compute from recordings: features of clips, and whole sets of scenes.

    features-KEY/   one store per frontend, waveform settings and code version: `values` holds int8 frames of all
                    clips, one behind another, and is memory-mapped; `index` has a line per clip
    scenes-KEY/     one set of scenes: features.npy, strong.npy, both memory-mapped, and scenes.json

Entries are found by the content of the recordings (SHA-256), never by their names or times. The folder is
soundsdk's cache (`soundsdk train` says where); beyond MOST_BYTES the stores that were not used for longest go.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from soundsdk.cache import CacheError, cache_dir, locked, new_folder

MOST_BYTES = 8 << 30
_HINT = "Free space, or set SOUNDSDK_CACHE to a folder with more of it."


class StoredFeatures(NamedTuple):
    """Features of one clip or of a variant of it: int8 (frames, width); the recording lies in frames onset to end."""

    features: NDArray[np.int8]
    onset: int
    end: int


class _Entry(NamedTuple):
    row: int  # first frame in `values`
    segments: list[list[int]]  # frames, onset, end
    crc: int


def folder() -> Path:
    """Return the folder that holds all stores."""
    return cache_dir() / "training"


def key_of(*parts: Any) -> str:
    """Return a short key of JSON-able parts."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:24]


def code_version() -> str:
    """Return a hash of the code that makes features and scenes, and of the libraries it computes with."""
    import soundcore
    import soundfile
    import soxr

    import soundsdk
    import soundsdk_sim

    training, simulator, host = (Path(p).parent for p in (__file__, soundsdk_sim.__file__, str(soundsdk.__file__)))
    files = [training / "features.py", training / "run_settings.py", training / "frame_targets.py"]
    folders = [training / "waveform", training / "mixtures", training / "negatives"]
    for part in (*folders, simulator / "scenes", host / "recording"):
        files += sorted(part.rglob("*.py"))
    libraries = [soundcore.FRONTEND_VERSION, np.__version__, soxr.__version__, soundfile.__libsndfile_version__]
    digest = hashlib.sha256(json.dumps(libraries).encode())
    for path in files:
        digest.update(path.read_bytes())
    return digest.hexdigest()


class FeatureStore:
    """The features of many clips in one memory-mapped file; several processes may read and add at once.

    key: what the features depend on besides the recording. An entry that is damaged is not found and made again.
    """

    def __init__(self, key: str, width: int) -> None:
        self.path = folder() / f"features-{key}"
        self.width = width
        self._entries: dict[str, _Entry] = {}
        self._free, self._parsed, self._inode = 0, 0, 0  # first free row, bytes of the index that were read, its file
        self._values: NDArray[np.int8] | None = None
        self._reload()

    def get(self, digest: str) -> list[StoredFeatures] | None:
        """Return the segments of a recording, the clip's own first, as views of the mapped file; None if unknown."""
        entry = self._entries.get(digest)
        if entry is None or self._values is None:
            return None
        rows = sum(frames for frames, _, _ in entry.segments)
        values = self._values[entry.row : entry.row + rows]
        if len(values) != rows or zlib.crc32(values.data) != entry.crc:  # damaged, or shorter than the index says
            return None
        out, at = [], 0
        for frames, onset, end in entry.segments:
            out.append(StoredFeatures(values[at : at + frames], onset, end))
            at += frames
        return out

    def add(self, entries: Sequence[tuple[str, Sequence[StoredFeatures]]]) -> None:
        """Add recordings, whole or not at all, and map the file anew.

        Raises CacheError if the disk is full. Nothing is added beyond MOST_BYTES.
        """
        if not entries:
            return
        with explained(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            with locked(self.path, lambda text: None):
                self._append(entries)
        self._reload()
        prune(keep=self.path)

    def _append(self, entries: Sequence[tuple[str, Sequence[StoredFeatures]]]) -> None:
        self._read_index()
        row, lines = self._free, []
        with open(self.path / "values", "r+b" if (self.path / "values").exists() else "w+b") as values:
            for digest, segments in entries:
                data = np.concatenate([s.features for s in segments]).astype(np.int8, copy=False)
                if (row + len(data)) * self.width > MOST_BYTES:
                    break
                values.seek(row * self.width)
                values.write(data.tobytes())
                sizes = [[len(s.features), s.onset, s.end] for s in segments]
                lines.append(json.dumps([digest, row, sizes, zlib.crc32(data.tobytes())]) + "\n")
                row += len(data)
            values.flush()
            os.fsync(values.fileno())
        # The index comes last: what it lists is in the file.
        with open(self.path / "index", "ab") as index:
            cut_off = index.tell() > self._parsed  # a line of a process that died, which must not spoil the next
            index.write(("\n" * cut_off + "".join(lines)).encode())

    def _read_index(self) -> None:
        """Read the lines of the index that came since the last time; those that are damaged are passed over."""
        try:
            with open(self.path / "index", "rb") as index:
                status = os.fstat(index.fileno())
                if status.st_ino != self._inode or status.st_size < self._parsed:  # another file
                    self._entries, self._free, self._parsed, self._inode = {}, 0, 0, status.st_ino
                index.seek(self._parsed)
                text = index.read()
        except OSError:
            self._entries, self._free, self._parsed, self._inode = {}, 0, 0, 0
            return
        text = text[: text.rfind(b"\n") + 1]
        self._parsed += len(text)
        for line in text.splitlines():
            with contextlib.suppress(ValueError, TypeError):
                digest, row, segments, crc = json.loads(line)
                self._entries[digest] = _Entry(row, segments, crc)
                self._free = max(self._free, row + sum(s[0] for s in segments))

    def _reload(self) -> None:
        self._read_index()
        self._values = None
        with contextlib.suppress(OSError, ValueError):
            size = (self.path / "values").stat().st_size // self.width
            self._values = np.memmap(self.path / "values", np.int8, "r", shape=(size, self.width))
            os.utime(self.path)  # when it was used last, for prune


def read_arrays(key: str) -> tuple[dict[str, NDArray[Any]], dict[str, Any]] | None:
    """Return the arrays (memory-mapped) and the description kept under a key; None if there are none or damaged."""
    path = folder() / f"scenes-{key}"
    try:
        about = json.loads((path / "about.json").read_text())
        arrays = {name: np.load(path / f"{name}.npy", mmap_mode="r") for name in about["crc"]}
        if any(zlib.crc32(np.ascontiguousarray(array).data) != about["crc"][name] for name, array in arrays.items()):
            raise ValueError("damaged")
        os.utime(path)
        return arrays, about["about"]
    except (OSError, ValueError, KeyError, TypeError):
        shutil.rmtree(path, ignore_errors=True)
        return None


def keep_arrays(key: str, arrays: dict[str, NDArray[Any]], about: dict[str, Any]) -> None:
    """Keep arrays and a description of them under a key, whole or not at all. Raises CacheError if the disk is full."""
    path = folder() / f"scenes-{key}"
    if sum(array.nbytes for array in arrays.values()) > MOST_BYTES:
        return
    with explained(path), new_folder(path) as work:
        for name, array in arrays.items():
            np.save(work / f"{name}.npy", array)
        crc = {name: zlib.crc32(np.ascontiguousarray(array).data) for name, array in arrays.items()}
        (work / "about.json").write_text(json.dumps({"crc": crc, "about": about}))
    prune(keep=path)


def prune(keep: Path | None = None) -> None:
    """Remove the stores that were not used for longest until all together are within MOST_BYTES."""
    stores = []
    for path in folder().glob("*-*"):
        with contextlib.suppress(OSError):
            if path.is_dir():
                size = sum(f.stat().st_size for f in path.iterdir())
                stores.append((path.stat().st_mtime, size, path))
    total = sum(size for _, size, _ in stores)
    for _, size, path in sorted(stores):
        if total <= MOST_BYTES:
            return
        if path != keep:
            # What a process has mapped stays readable for it.
            shutil.rmtree(path, ignore_errors=True)
            total -= size


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn an error of the file system into a CacheError that names the folder."""
    try:
        yield
    except OSError as error:
        raise CacheError(f"the cache {path} cannot be written: {error.strerror or error}.", _HINT) from error
