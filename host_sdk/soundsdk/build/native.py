"""soundcore as a native module, soundcore.mpy: from this package, from the cache, or compiled (firmware/natmod).

Stock MicroPython imports it. `native_module` returns one, `write_modules` makes the files of several: a
soundcore-ARCH.mpy each, and soundcore.json, the manifest.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from soundsdk.build import make, sources, toolchain
from soundsdk.build.native_archs import MPY_VERSION, OLDEST_MICROPYTHON, NativeArch, find_arch
from soundsdk.build.prebuilt import CompiledFacts
from soundsdk.build.sources import MICROPYTHON, Say
from soundsdk.cache import cache_dir, files_sha256, locked
from soundsdk.errors import ToolError
from soundsdk.install.packages import need
from soundsdk.resources import firmware_dir, images_dir
from soundsdk.whole_file import write_whole

MANIFEST = "soundcore.json"
_COMMIT_TIMEOUT_S = 30


@dataclass(frozen=True)
class NativeModule:
    """soundcore.mpy for an architecture. data: the file; commit: its sources', or empty; fresh: it was compiled now."""

    arch: str
    data: bytes
    facts: CompiledFacts
    commit: str
    fresh: bool

    @property
    def file_name(self) -> str:
        """The name of its file beside those for other architectures; on a board it is soundcore.mpy."""
        return f"soundcore-{self.arch}.mpy"


def native_module(name: str, say: Say, given: Path | None = None) -> NativeModule:
    """Return soundcore.mpy for one architecture: armv6m, armv7m, rv32imc, x64 or xtensawin; see native_modules."""
    return native_modules([name], say, given)[0]


def native_modules(names: Iterable[str], say: Say, given: Path | None = None) -> list[NativeModule]:
    """Return soundcore.mpy for each of these architectures.

    It is the one in this package if that is made from the same C, else the one in the cache, else it is compiled, which
    takes a few seconds. given: a folder of sources, instead of fetching them. Raises UsageError for another name, and
    ToolError if a compiler or pyelftools is missing, before anything is compiled.
    """
    archs = [find_arch(name) for name in names]
    found = [_found(arch, given, say) for arch in archs]
    missing = [arch for arch, module in zip(archs, found, strict=True) if module is None]
    if missing:
        toolchain.check_native(missing)
        need("soundsdk build --native", "native")
    return [module or _made(arch, given, say) for arch, module in zip(archs, found, strict=True)]


def _found(arch: NativeArch, given: Path | None, say: Say) -> NativeModule | None:
    """Return the module in this package or in the cache; None if it must be compiled."""
    made_from = _made_from(arch, sources.key(given))
    if given is None and (prebuilt := _prebuilt(arch, made_from)) is not None:
        return prebuilt
    folder = _folder(arch, given)
    with locked(folder, say):
        return _kept(arch, made_from, folder)


def _made(arch: NativeArch, given: Path | None, say: Say) -> NativeModule:
    made_from, folder = _made_from(arch, sources.key(given)), _folder(arch, given)
    with locked(folder, say):
        # Whoever held the lock before may have compiled it.
        return _kept(arch, made_from, folder) or _compiled(arch, made_from, folder, given, say)


def _folder(arch: NativeArch, given: Path | None) -> Path:
    return cache_dir() / "build" / f"native-{arch.name}-{sources.key(given)}"


def write_modules(modules: Iterable[NativeModule], out: Path) -> list[Path]:
    """Write the files of modules and their manifest into a folder; return the paths of the modules."""
    paths = []
    rows = {}
    for module in modules:
        path = out / module.file_name
        write_whole(path, module.data, "Give another folder with -o.", parents=True)
        paths.append(path)
        rows[module.arch] = {
            "file": path.name, "size_bytes": len(module.data), "commit": module.commit, **asdict(module.facts),
        }  # fmt: skip
    manifest = {
        "mpy_version": list(MPY_VERSION), "oldest_micropython": list(OLDEST_MICROPYTHON),
        "built_with": f"MicroPython {MICROPYTHON}", "modules": rows,
    }  # fmt: skip
    text = json.dumps(manifest, indent=2) + "\n"
    write_whole(out / MANIFEST, text.encode("ascii"), "Give another folder with -o.", parents=True)
    return paths


def _made_from(arch: NativeArch, sources_key: str) -> str:
    """Return a hash that changes with anything the module is made from."""
    firmware = firmware_dir()
    files = files_sha256([firmware / "cmodules" / "soundcore", firmware / "natmod", Path(__file__)])
    return hashlib.sha256(f"{arch} {sources_key} {files}".encode()).hexdigest()


def _prebuilt(arch: NativeArch, made_from: str) -> NativeModule | None:
    """Return the module in this package; None if there is none that is made from this C."""
    try:
        row = json.loads((images_dir() / MANIFEST).read_text(encoding="ascii"))["modules"][arch.name]
        data = (images_dir() / row["file"]).read_bytes()
        facts = CompiledFacts(**{name: row[name] for name in CompiledFacts.__dataclass_fields__})
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if facts.made_from != made_from or hashlib.sha256(data).hexdigest() != facts.sha256:
        return None
    return NativeModule(arch.name, data, facts, str(row.get("commit", "")), fresh=False)


def _kept(arch: NativeArch, made_from: str, folder: Path) -> NativeModule | None:
    """Return what was compiled before, if it is up to date: without a compiler, if its C is the same."""
    facts = CompiledFacts.read(_record(folder))
    if facts is None or facts.made_from != made_from or _compiler(arch) not in ("", facts.compiler):
        return None
    file = _file(folder)
    data = file.read_bytes() if file.is_file() else b""
    if hashlib.sha256(data).hexdigest() != facts.sha256:
        return None
    return NativeModule(arch.name, data, facts, _commit(), fresh=False)


def _compiled(arch: NativeArch, made_from: str, folder: Path, given: Path | None, say: Say) -> NativeModule:
    source = sources.fetch(given, say)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _record(folder).unlink(missing_ok=True)
    runner = make.LoggedRunner(
        f"soundcore.mpy for {arch.name}", folder.parent / f"{folder.name}.log", make.environment(source, folder)
    )
    words = ["make", f"-j{os.cpu_count() or 1}", "-C", str(firmware_dir() / "natmod"), f"ARCH={arch.name}",
             f"CROSS={toolchain.native_prefix(arch)}", f"MPY_DIR={source.micropython}", f"BUILD={folder}",
             f"PYTHON={sys.executable}"]  # fmt: skip
    runner.run(words, "compiling")
    data = (folder / "soundcore.mpy").read_bytes()
    write_whole(_file(folder), data)
    facts = CompiledFacts(made_from, _compiler(arch), hashlib.sha256(data).hexdigest(), len(data))
    facts.write(_record(folder))
    return NativeModule(arch.name, data, facts, _commit(), fresh=True)


def _record(folder: Path) -> Path:
    return folder.parent / f"{folder.name}.json"


def _file(folder: Path) -> Path:
    return folder.parent / f"{folder.name}.mpy"


def _compiler(arch: NativeArch) -> str:
    """Return the version of the compiler; empty if it or a part of it is missing."""
    try:
        toolchain.check_native([arch])
    except ToolError:
        return ""
    return toolchain.native_version(arch)


def _commit() -> str:
    """Return the commit of a checkout, with -dirty if it has changes; empty in an installed package."""
    words = ["git", "-C", str(firmware_dir()), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    if not (firmware_dir().parent / ".git").exists():
        return ""
    try:
        done = subprocess.run(words, check=True, capture_output=True, text=True, timeout=_COMMIT_TIMEOUT_S)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
