"""soundfw as files for a board that runs stock MicroPython: .mpy where MicroPython's compiler is there, else .py.

A board that compiles .py itself needs more memory for that than soundfw takes in the end, so .mpy comes first: from
this package (a release holds them), by an mpy-cross of this computer, or by the one that builds of images make.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path

from soundsdk.build import make, sources
from soundsdk.build.native_archs import MPY_VERSION
from soundsdk.build.short_names import shortened
from soundsdk.build.sources import Say
from soundsdk.cache import cache_dir, files_sha256, locked
from soundsdk.errors import SoundsdkError
from soundsdk.resources import images_dir

ARCHIVE = "soundfw-mpy.zip"  # of a release
_LEFT_OUT = ("__main__.py",)  # the program for files of sound
_ELSEWHERE = "elsewhere.txt"  # in soundfw: names of the modules that only other Pythons run; images lack them too
_TIMEOUT_S = 60
_EPOCH = (1980, 1, 1, 0, 0, 0)  # of the archive's files, so that two releases are equal


def soundfw_files(say: Say) -> dict[str, bytes]:
    """Return the files of soundfw by path, such as "soundfw/wire/link.mpy"; say is told if they are only .py."""
    return _archived() or _compiled(say) or _sources()


def archive(say: Say) -> bytes:
    """Return ARCHIVE for a release: the .mpy files and, as its comment, what they were made from.

    Raises SoundsdkError if MicroPython's compiler cannot be made.
    """
    files = _compiled_by(make_compiler(say))
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as out:
        for path, content in files.items():
            out.writestr(zipfile.ZipInfo(path, _EPOCH), content, zipfile.ZIP_DEFLATED)
        out.comment = _made_from().encode("ascii")
    return data.getvalue()


def _archived() -> dict[str, bytes]:
    """Return the files in this package; none if they were not made from this soundfw."""
    try:
        with zipfile.ZipFile(images_dir() / ARCHIVE) as packed:
            if packed.comment != _made_from().encode("ascii"):
                return {}
            return {name: packed.read(name) for name in packed.namelist()}
    except (OSError, zipfile.BadZipFile):
        return {}


def _compiled(say: Say) -> dict[str, bytes]:
    try:
        return _compiled_by(found_compiler() or make_compiler(say))
    except SoundsdkError as error:
        say(f"soundfw goes to the board as .py, which takes more of its memory: {error.message}")
        return {}


def _sources() -> dict[str, bytes]:
    return {f"soundfw/{name}": path.read_bytes() for name, path in _modules().items()}


def _modules() -> dict[str, Path]:
    """Return the modules that MicroPython runs, by their path in soundfw."""
    top = make.soundfw_parent() / "soundfw"
    found = {path.relative_to(top).as_posix(): path for path in sorted(top.rglob("*.py"))}
    elsewhere = (top / _ELSEWHERE).read_text(encoding="ascii").split()
    left_out = {name for name, path in found.items() if any(path.match(other) for other in elsewhere)}
    return {name: path for name, path in found.items() if name not in _LEFT_OUT and name not in left_out}


def _made_from() -> str:
    return hashlib.sha256(f"{MPY_VERSION} {files_sha256([make.soundfw_parent() / 'soundfw'])}".encode()).hexdigest()


def found_compiler() -> Path | None:
    """Return an mpy-cross that makes files of our version; None if there is none."""
    built = _built(cache_dir() / f"sources-{sources.key(None)}" / "micropython")
    on_path = shutil.which("mpy-cross")
    for program in (built, Path(on_path) if on_path else None):
        if program is not None and program.is_file() and _version(program) == MPY_VERSION[0]:
            return program
    return None


def make_compiler(say: Say) -> Path:
    """Return mpy-cross, compiled from the pinned sources if that has not been done; SoundsdkError if it fails."""
    source = sources.fetch(None, say)
    log = cache_dir() / "build" / "mpy-cross.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    runner = make.LoggedRunner("mpy-cross", log, make.environment(source, cache_dir()))
    try:
        with locked(source.micropython.parent, say):
            runner.run(["make", "-C", str(source.micropython / "mpy-cross")], "compiling")
    except OSError as error:
        raise SoundsdkError(f"MicroPython's compiler, mpy-cross, cannot be made: {error}.") from error
    return _built(source.micropython)


def _built(micropython: Path) -> Path:
    return micropython / "mpy-cross" / "build" / "mpy-cross"


def _version(program: Path) -> int:
    """Return the version of the files that a compiler makes; 0 if it does not say."""
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    except (OSError, subprocess.SubprocessError):
        return 0
    number = said.stdout.rpartition(" mpy v")[2].split(".")[0].strip()
    return int(number) if number.isdigit() else 0


def _compiled_by(program: Path) -> dict[str, bytes]:
    files = {}
    with tempfile.TemporaryDirectory(prefix="soundsdk-") as folder:
        source, out = Path(folder) / "source.py", Path(folder) / "out.mpy"
        for name, text in shortened({name: path.read_text("utf-8") for name, path in _modules().items()}).items():
            source.write_text(text, "utf-8")
            # -O3: without the numbers of lines, which take 7 % of the memory. One name of a source file for all.
            words = [str(program), "-O3", "-s", "soundfw", "-o", str(out), str(source)]
            try:
                subprocess.run(words, check=True, capture_output=True, text=True, timeout=_TIMEOUT_S)
            except (OSError, subprocess.SubprocessError) as error:
                raise SoundsdkError(f"mpy-cross cannot compile soundfw/{name}: {error}.") from error
            files[f"soundfw/{name.removesuffix('.py')}.mpy"] = out.read_bytes()
    return files
