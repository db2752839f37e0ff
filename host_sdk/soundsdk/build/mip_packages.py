"""Packages for mip, MicroPython's package manager: a package-ARCH.json for each architecture, beside what it names.

mip reads such a file ("Package management" in MicroPython's documentation): `urls` holds (path below lib, address), and
an address without a scheme is one beside the file. The folder can be served by any web server.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from soundfw import VERSION
from soundsdk.build.native import NativeModule
from soundsdk.build.soundfw_files import soundfw_files
from soundsdk.build.sources import Say
from soundsdk.whole_file import write_whole

_HINT = "Give another folder with -o."


def package_name(arch: str) -> str:
    """Return the name of the package file for an architecture."""
    return f"package-{arch}.json"


def write_packages(modules: Iterable[NativeModule], out: Path, say: Say) -> list[Path]:
    """Write the package files for native modules that lie in a folder, and the files of soundfw; return the former."""
    files = soundfw_files(say)
    for path, data in files.items():
        write_whole(out / path, data, _HINT, parents=True)
    packages = []
    for module in modules:
        urls = [["soundcore.mpy", module.file_name], *([path, path] for path in files)]
        text = json.dumps({"version": VERSION, "urls": urls, "deps": []}, indent=1) + "\n"
        packages.append(out / package_name(module.arch))
        write_whole(packages[-1], text.encode("ascii"), _HINT)
    return packages
