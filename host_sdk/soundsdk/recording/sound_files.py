"""The sound files below a folder, found by what they hold and not by their names alone; leftovers are ignored."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from soundsdk.errors import DataError
from soundsdk.labels import meant

# Endings by which a file is meant to be sound, whatever it holds: one that cannot be read is named.
SUFFIXES = (
    ".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".au", ".snd", ".caf", ".w64",
    ".rf64", ".voc", ".m4a", ".aac", ".amr", ".wma", ".3gp", ".mka", ".webm",
)  # fmt: skip
KINDS = "WAV, FLAC, OGG, MP3, AIFF or M4A"  # for messages: the usual ones
_ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar")
_HEADERLESS = (".raw", ".pcm")
_LEFTOVERS = frozenset(
    ("thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx", "$recycle.bin", "recycler", "lost+found",
     "@eadir", "system volume information", "__pycache__", "#recycle", "network trash folder", "temporary items")
)  # fmt: skip

_HEAD_BYTES = 64
# (offset, bytes) of the formats that libsndfile decodes. MPEG sound without a tag has too weak a mark.
_LIBSNDFILE = (
    ((0, b"RIFF"), (8, b"WAVE")), ((0, b"RIFX"), (8, b"WAVE")), ((0, b"RF64"), (8, b"WAVE")),
    ((0, b"riff\x2e\x91\xcf\x11"),),
    ((0, b"FORM"), (8, b"AIF")), ((0, b"FORM"), (8, b"8SVX")), ((0, b"fLaC"),), ((0, b"OggS"),), ((0, b".snd"),),
    ((0, b"dns."),), ((0, b"caff\x00\x01"),), ((0, b"NIST_1A"),), ((0, b"Creative Voice F"),), ((0, b"ID3"),),
)  # fmt: skip
_FFMPEG = (
    ((4, b"ftyp"),), ((0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"),), ((0, b"#!AMR"),), ((0, b"\x1a\x45\xdf\xa3"),),
    ((0, b"ADIF"),),
)  # fmt: skip


def meant_path(path: Path) -> str:
    """Return "Did you mean X?" for what lies beside a path that is not there, with nearly its name; "" if nothing."""
    try:
        beside = [other.name for other in path.absolute().parent.iterdir()]
    except OSError:
        return ""
    if path.exists():
        return ""
    known = {path.with_name(name).as_posix(): name for name in beside if path.name}
    return meant(path.as_posix(), known).strip() if meant(path.name, list(known.values())) else ""


@dataclass
class FolderListing:
    """The sound files below a folder, sorted; (path, reason) of what was passed over; leftovers are only counted."""

    files: list[Path] = field(default_factory=list)
    passed_over: list[tuple[Path, str]] = field(default_factory=list)
    leftovers: int = 0


def is_leftover(name: str) -> bool:
    """Return True for a name that a system or a program left behind; every hidden one, and no recording."""
    return name.startswith(".") or name.lower() in _LEFTOVERS


def needs_ffmpeg(head: bytes) -> bool:
    """Return True for the first bytes of sound that only ffmpeg decodes: M4A, AAC, WMA, AMR, WebM."""
    adts = len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0
    return adts or _matches(head, _FFMPEG)


def head_of(path: Path) -> bytes:
    """Return the first bytes of a file; OSError if it cannot be read."""
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES)


def list_sounds(root: Path) -> FolderListing:
    """List the sound files below a folder, links to folders included, each folder once.

    A file counts if its name ends as one of sound or its content begins as one. DataError if root is no folder.
    """
    if not root.is_dir():
        hint = f"{meant_path(root)} Give the folder that holds the recordings.".strip()
        raise DataError(f"{root} is not a folder.", hint)
    listing = FolderListing()
    _walk(root, listing, set())
    listing.files.sort(key=lambda path: path.as_posix())
    return listing


def find(path: Path) -> list[Path]:
    """List the sound files at a path: the file itself, or all below a folder, sorted. DataError if there are none."""
    if not path.is_dir():
        return [path]
    files = list_sounds(path).files
    if not files:
        raise DataError(f"{path} holds no {KINDS} files.", "Give a folder with recordings.")
    return files


def find_named(paths: Sequence[Path]) -> list[tuple[Path, str]]:
    """List the sound files at several paths, each once, with a name of its own for tables.

    A name is the path below the folder that was given, or just the file's name; if two files would have the same, the
    paths as they were given; if these are the same, too, the absolute ones. DataError as in find().
    """
    found: dict[str, tuple[Path, str]] = {}
    for path in paths:
        for file in find(path):
            name = file.relative_to(path).as_posix() if file != path else file.name
            found.setdefault(os.path.abspath(file), (file, name))
    files = [file for file, _ in found.values()]
    choices = [name for _, name in found.values()], [file.as_posix() for file in files], [*found]
    names = next(names for names in choices if len(set(names)) == len(names))
    return list(zip(files, names, strict=True))


def _walk(folder: Path, listing: FolderListing, seen: set[str]) -> None:
    real = os.path.realpath(folder)
    if real in seen:  # a link to a folder that was listed, or to one that holds it
        return
    seen.add(real)
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        listing.passed_over.append((folder, f"the folder cannot be read: {error.strerror or error}"))
        return
    for name in names:
        path = folder / name
        if is_leftover(name):
            listing.leftovers += 1
        elif path.is_dir():
            _walk(path, listing, seen)
        elif path.is_file():
            _file(path, listing)
        elif path.is_symlink() and path.suffix.lower() in SUFFIXES:
            listing.passed_over.append((path, "a link to a file that is not there"))


def _file(path: Path, listing: FolderListing) -> None:
    suffix = path.suffix.lower()
    if suffix in SUFFIXES:
        listing.files.append(path)
    elif suffix in _ARCHIVES:
        listing.passed_over.append((path, "an archive; unpack it"))
    elif suffix in _HEADERLESS:
        listing.passed_over.append((path, "samples without a header, which say no rate; convert it to WAV"))
    else:
        try:
            head = head_of(path)
        except OSError:
            return  # not known to be sound, so nobody misses it
        if _matches(head, _LIBSNDFILE) or (suffix == ".mp4" and needs_ffmpeg(head)):
            listing.files.append(path)


def _matches(head: bytes, kinds: tuple[tuple[tuple[int, bytes], ...], ...]) -> bool:
    return any(all(head[at : at + len(mark)] == mark for at, mark in marks) for marks in kinds)
