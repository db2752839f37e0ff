"""Make everything a release holds: sdist, wheel, an image of each board, SHA256SUMS, manifest, bill of materials.

Usage: python release/make_release.py [-o DIR] [--dirty] [--repository URL]. The wheel is built from the sdist, so that
the sdist is known to be complete; both hold the compiled images and native modules, and are what PyPI accepts (twine).
Each board's image with the detector `home` lies beside them, and soundcore-ARCH.mpy with soundcore.json.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import bill_of_materials
import make_images
import pypi_page

import soundsdk
from soundsdk.boards import Board
from soundsdk.build.builder import build_image
from soundsdk.build.native import MANIFEST
from soundsdk.models.shipped import load_model

ROOT = Path(__file__).resolve().parents[1]
SUMS = "SHA256SUMS"
# esptool's names, and those of ESP Web Tools (its documentation, "Creating your manifest").
_CHIP_FAMILIES = {"esp32": "ESP32", "esp32c3": "ESP32-C3", "esp32s3": "ESP32-S3"}


def make_release(out: Path, repository: str | None) -> None:
    """Fill an empty folder with the files of a release. repository: the project's address on the web."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    left_out = make_images.make_images(make_images.FOLDER)
    modules = make_images.make_native_modules(make_images.FOLDER)
    sdist = make_sdist(out, repository)
    words = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(out), str(sdist)]
    subprocess.run(words, check=True, cwd=out)
    wheels = [str(path) for path in out.glob("*.whl")]
    subprocess.run([sys.executable, "-m", "twine", "check", "--strict", str(sdist), *wheels], check=True)
    images = {}
    for board in make_images.released_boards():
        if board.id not in left_out and board.port != "qemu":
            images[board.id] = _make_image(board, out)
    for path in [*modules, make_images.FOLDER / MANIFEST]:
        shutil.copy(path, out)
    make_images.make_mip_packages(out / "mip-packages.zip")
    esp = [(board, images[board.id].name) for board in make_images.released_boards() if board.id in images]
    manifest = web_manifest(esp, soundsdk.__version__)
    if manifest is not None:
        _write_json(out / "manifest.json", manifest)
    _write_json(out / "bill-of-materials.cdx.json", bill_of_materials.make(ROOT))
    write_sums(out)


def make_sdist(out: Path, repository: str | None) -> Path:
    """Make the sdist; with a repository it has the project's addresses, and a README whose links lead there."""
    if repository is None:
        return _build_sdist(ROOT, out)
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(_build_sdist(ROOT, Path(folder))) as archive:
            archive.extractall(folder, filter="data")
        (tree,) = (path for path in Path(folder).iterdir() if path.is_dir())
        tag = f"v{soundsdk.__version__}"
        for name, changed in (("pyproject.toml", pypi_page.with_urls), ("README.md", pypi_page.with_absolute_links)):
            text = (tree / name).read_text(encoding="utf-8")
            (tree / name).write_text(changed(text, repository, tag), encoding="utf-8", newline="\n")
        return _build_sdist(tree, out)


def _build_sdist(tree: Path, out: Path) -> Path:
    # In a process of its own: the backend works in the current folder.
    code = f"from scikit_build_core.build import build_sdist; print(build_sdist({str(out)!r}))"
    done = subprocess.run([sys.executable, "-c", code], check=True, cwd=tree, stdout=subprocess.PIPE, text=True)
    return out / done.stdout.splitlines()[-1]


def _make_image(board: Board, out: Path) -> Path:
    made = build_image(board, load_model(), None, out / "images", print)
    named = out / f"soundsdk-{soundsdk.__version__}-{board.id}{made.path.suffix}"
    os.replace(made.path, named)
    if not list(made.path.parent.iterdir()):
        made.path.parent.rmdir()
    return named


def web_manifest(images: list[tuple[Board, str]], version: str) -> dict[str, object] | None:
    """Return the manifest with which ESP Web Tools flashes from a web page; None if there is no image for it.

    images: boards and the names of their image files, which lie beside the manifest.
    """
    builds = [
        {
            "chipFamily": _CHIP_FAMILIES[board.esptool.chip],
            "parts": [{"path": name, "offset": board.esptool.bootloader}],
        }
        for board, name in images
        if board.esptool is not None
    ]
    if not builds:
        return None
    return {"name": "soundsdk with the detector home", "version": version, "builds": builds}


def write_sums(folder: Path) -> None:
    """Write SHA256SUMS over the folder's files, as sha256sum --check reads it."""
    paths = sorted(path for path in folder.iterdir() if path.is_file() and path.name != SUMS)
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in paths]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8", newline="\n")


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")


def changed_files() -> list[str]:
    """Return what git finds changed or new in the checkout; nothing in a source archive."""
    if not (ROOT / ".git").exists():
        return []
    done = subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.splitlines()


def main() -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(description="Make everything a release holds.")
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "dist" / "release", help="folder, emptied first")
    parser.add_argument("--dirty", action="store_true", help="make it from a checkout with changes")
    parser.add_argument("--repository", default="", help="the project's address (default: origin's), for PyPI's page")
    given = parser.parse_args()
    changed = changed_files()
    if changed and not given.dirty:
        print(f"The checkout has changes ({changed[0].strip()} …). Commit them, or pass --dirty.", file=sys.stderr)
        return 1
    try:
        given_one = pypi_page.checked_repository(given.repository) if given.repository else None
    except ValueError as error:
        print(f"--repository: {error}.", file=sys.stderr)
        return 2
    repository = given_one or pypi_page.repository_of(ROOT)
    if repository is None:
        print("note: PyPI's page has no addresses and dead links: make release REPOSITORY=https://…", file=sys.stderr)
    make_release(given.output.resolve(), repository)
    print((given.output / SUMS).read_text(encoding="utf-8"), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
