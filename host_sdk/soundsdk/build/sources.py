"""The sources that images are built from, at pinned versions, unpacked into soundsdk's cache.

They come from Debian's packages where apt is installed (through the machine's own mirror, without root), else from the
upstream repositories. Either way they are compared with the hashes below.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from soundsdk.cache import cache_dir, content_sha256, locked, new_folder
from soundsdk.errors import DataError, ToolError
from soundsdk.resources import firmware_dir

MICROPYTHON = "1.25.0"
PICO_SDK = "2.1.1"
TINYUSB = "0.18.0"

# Debian 13. file: (package, version, SHA-256); the first is a source package, of which the original tar file is used.
_SUITE = "trixie"
_DEBIAN = {
    "micropython_1.25.0+ds.orig.tar.xz": (
        "micropython", "1.25.0+ds-1", "7b25be99a502f070b2de81dafc08da7051d992325d6e67daa9045a918fffdbea"
    ),
    "pico-sdk-source_2.1.1-1_all.deb": (
        "pico-sdk-source", "2.1.1-1", "507a3ca37636641bc90239d7c04dc9dc28c5008087a8162102ea94d2273153d3"
    ),
    "tinyusb-source_0.18.0+dfsg-1_all.deb": (
        "tinyusb-source", "0.18.0+dfsg-1", "01ce2c645df68f14a8a7dcfc8fb355713152543757955820479a87949a61154e"
    ),
}  # fmt: skip
# tree: (repository, tag, the parts that builds use, SHA-256 over the names and contents of their files). Debian's trees
# have the same files there; git submodules are not fetched, as no build here uses one.
UPSTREAM = {
    "micropython": (
        "https://github.com/micropython/micropython", f"v{MICROPYTHON}",
        ("drivers", "extmod", "lib/cmsis", "lib/crypto-algorithms", "lib/libm", "lib/libm_dbl", "lib/littlefs",
         "lib/mbedtls_errors", "lib/oofatfs", "lib/re1.5", "lib/uzlib", "mpy-cross", "ports/esp32", "ports/qemu",
         "ports/rp2", "ports/unix", "py", "shared", "tools"),
        "8516a8701789f0a4901bb5ad8916066c54fe2ef3af691143af948bc2487ea44a",
    ),
    "pico-sdk": (
        "https://github.com/raspberrypi/pico-sdk", PICO_SDK,
        ("cmake", "pico_sdk_init.cmake", "pico_sdk_version.cmake", "src", "tools"),
        "81b5109c99e4a7600e8811ad6734ff971b5604c0802f323c31a611d85473a14e",
    ),
    "tinyusb": (
        "https://github.com/hathach/tinyusb", TINYUSB, ("src",),
        "dd13b868fb1ba7092d1bbf39eab9a8b7bac00686eb33acab5f9cda024bedc97f",
    ),
}  # fmt: skip
# Files that no build can do without: a folder given by --sources must have them.
_NEEDED = {
    "micropython": ("py/mpconfig.h", "py/makeversionhdr.py", "mpy-cross/Makefile", "ports/unix/Makefile",
                    "ports/qemu/Makefile", "ports/rp2/CMakeLists.txt", "ports/esp32/esp32_common.cmake",
                    "lib/littlefs/lfs2.c"),
    "pico-sdk": ("pico_sdk_version.cmake", "src/rp2_common/hardware_gpio/gpio.c"),
    "tinyusb": ("src/tusb.c",),
}  # fmt: skip
_TIMEOUT_S = 600

Say = Callable[[str], None]


@dataclass(frozen=True)
class Sources:
    """The patched sources in the cache. micropython, pico_sdk: folders; key: changes when their contents do."""

    micropython: Path
    pico_sdk: Path
    key: str


def key(given: Path | None) -> str:
    """Return a text that changes when the sources in `given` do, or else the pinned ones; nothing is fetched."""
    patch = firmware_dir() / "ports" / "micropython.patch"
    digest = hashlib.sha256(patch.read_bytes())
    if given is not None:
        _check(given)
        digest.update(listing(given))
    else:
        digest.update(repr(sorted(_DEBIAN.items())).encode())
    return digest.hexdigest()[:16]


def fetch(given: Path | None, say: Say) -> Sources:
    """Return the sources in `given` (a folder with micropython, pico-sdk and tinyusb), else at the pinned versions.

    They are copied into the cache once and patched there. DataError if they cannot be fetched or fail a check.
    """
    found = key(given)
    folder = cache_dir() / f"sources-{found}"
    if not folder.is_dir():
        with locked(folder, say):
            # Whoever held the lock before may have made the folder.
            if not folder.is_dir():
                _fill_cache(given, firmware_dir() / "ports" / "micropython.patch", folder, say)
    return Sources(folder / "micropython", folder / "pico-sdk", found)


def _fill_cache(given: Path | None, patch: Path, folder: Path, say: Say) -> None:
    """Make the folder, whole or not at all."""
    with new_folder(folder) as tree:
        if given is not None:
            say(f"copying the sources of {given}")
            _copy(given, tree)
        elif shutil.which("apt-get") and shutil.which("dpkg-deb"):
            with tempfile.TemporaryDirectory(prefix="apt-", dir=folder.parent) as work:
                _from_debian(Path(work), tree, say)
        else:
            _from_upstream(tree, say)
        _check(tree)
        _prepare(tree, patch)


def _check(folder: Path) -> None:
    for tree, files in _NEEDED.items():
        for file in files:
            if not (folder / tree / file).is_file():
                raise DataError(
                    f"the sources in {folder} lack {tree}/{file}.",
                    f"It must hold micropython ({MICROPYTHON}), pico-sdk ({PICO_SDK}) and tinyusb ({TINYUSB}).",
                )
    version = dict(
        line.split()[1:3]
        for line in (folder / "micropython/py/mpconfig.h").read_text(encoding="utf-8").splitlines()
        if line.startswith("#define MICROPY_VERSION_")
    )
    found = ".".join(version.get(f"MICROPY_VERSION_{part}", "?") for part in ("MAJOR", "MINOR", "MICRO"))
    if found != MICROPYTHON:
        raise DataError(
            f"the sources in {folder} are MicroPython {found}, not {MICROPYTHON}.", "Pass sources of that version."
        )


def listing(folder: Path) -> bytes:
    """Hash names, sizes and times of all files: this changes with any edit, and reads no file."""
    digest = hashlib.sha256()
    for tree in sorted(_NEEDED):
        for path in sorted((folder / tree).rglob("*")):
            if path.is_file() and ".git" not in path.parts:
                status = path.stat()
                digest.update(f"{path.relative_to(folder)} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.digest()


def _copy(given: Path, tree: Path) -> None:
    try:
        for name in _NEEDED:
            shutil.copytree(given / name, tree / name, symlinks=True, ignore=shutil.ignore_patterns(".git", "build-*"))
    except (OSError, shutil.Error) as e:
        raise DataError(f"the sources in {given} cannot be copied: {e}.") from e


def _run(words: list[str], what: str, env: dict[str, str] | None = None, cwd: Path | None = None) -> None:
    try:
        subprocess.run(
            words, check=True, capture_output=True, text=True, timeout=_TIMEOUT_S, cwd=cwd,
            env=None if env is None else os.environ | env,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as e:
        said = str(getattr(e, "stderr", "") or e).strip().splitlines()
        raise DataError(f"{what}: {said[-1] if said else e}.", "Check the network, or give --sources.") from e


def _mirror() -> str:
    """Return the address of this machine's Debian mirror, from its apt settings."""
    folder = Path("/etc/apt")
    for path in sorted(folder.glob("sources.list.d/*.sources")):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("URIs:") and "debian" in line and "security" not in line:
                return line.split()[1]
    for path in [folder / "sources.list", *sorted(folder.glob("sources.list.d/*.list"))]:
        if path.is_file():
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                words = [word for word in line.split() if not word.startswith("[")]
                if words[:1] == ["deb"] and "debian" in words[1] and "security" not in words[1]:
                    return words[1]
    raise DataError("apt has no Debian mirror in its settings.", "Give the sources with --sources.")


def _from_debian(folder: Path, tree: Path, say: Say) -> None:
    mirror = _mirror()
    say(f"fetching MicroPython {MICROPYTHON}, pico-sdk {PICO_SDK} and TinyUSB {TINYUSB} from {mirror} ({_SUITE})")
    apt = folder / "apt"
    for sub in ("lists/partial", "cache/archives/partial", "root"):
        (apt / sub).mkdir(parents=True)
    signed = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
    (apt / "sources.list").write_text(
        f"deb {signed} {mirror} {_SUITE} main\ndeb-src {signed} {mirror} {_SUITE} main\n", encoding="ascii"
    )
    lines = [
        f'Dir::Etc::sourcelist "{apt}/sources.list";',
        'Dir::Etc::sourceparts "/dev/null";',
        f'Dir::State::lists "{apt}/lists";',
        f'Dir::Cache "{apt}/cache";',
    ]
    if os.geteuid() == 0:
        lines.append('APT::Sandbox::User "root";')  # its own user could not write to the cache
    (apt / "apt.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")
    env = {"APT_CONFIG": str(apt / "apt.conf")}
    _run(["apt-get", "update", "-qq"], "apt cannot read the list of packages", env)
    for file, (package, version, sha256) in _DEBIAN.items():
        source = file.endswith(".tar.xz")
        words = ["apt-get", "-qq", *(["source", "--download-only", "--tar-only"] if source else ["download"])]
        _run([*words, f"{package}={version}"], f"apt cannot fetch {package} {version}", env, apt)
        check_sha256(apt / file, sha256)
    micropython = tree / "micropython"
    micropython.mkdir()
    tar = apt / "micropython_1.25.0+ds.orig.tar.xz"
    _run(["tar", "-xf", str(tar), "--strip-components=1", "-C", str(micropython)], "tar cannot unpack MicroPython")
    for file in _DEBIAN:
        if file.endswith(".deb"):
            _run(["dpkg-deb", "-x", str(apt / file), str(apt / "root")], f"dpkg-deb cannot unpack {file}")
    for name in ("pico-sdk", "tinyusb"):
        shutil.copytree(apt / "root/usr/src" / name, tree / name, symlinks=True)


def check_sha256(path: Path, sha256: str) -> None:
    """Raise DataError if a file is missing or has another hash."""
    found = content_sha256(path) if path.is_file() else "nothing"
    if found != sha256:
        raise DataError(
            f"{path.name} is not the file this version of soundsdk was made with (SHA-256 {found[:16]}…).",
            "Give the sources with --sources.",
        )


def _from_upstream(tree: Path, say: Say) -> None:
    if shutil.which("git") is None:
        raise ToolError("neither apt nor git is installed to fetch the sources.", "Give them with --sources.")
    for name, (url, tag, parts, sha256) in UPSTREAM.items():
        say(f"fetching {name} {tag} from {url}")
        # With the line ends that were committed, whatever the user's git converts them to.
        _run(["git", "clone", "-q", "-c", "core.autocrlf=false", "-c", "advice.detachedHead=false", "--depth", "1",
              "--branch", tag, url, str(tree / name)], f"git cannot fetch {name}")  # fmt: skip
        shutil.rmtree(tree / name / ".git")
        found = tree_sha256(tree / name, parts)
        if found != sha256:
            raise DataError(
                f"{name} {tag} from {url} is not what this version of soundsdk was made with "
                f"(SHA-256 {found[:16]}… over its files).",
                "Give the sources with --sources.",
            )


def tree_sha256(folder: Path, parts: Iterable[str]) -> str:
    """Hash the names and contents of all files that are, or lie below, parts of a folder."""
    digest = hashlib.sha256()
    for part in parts:
        top = folder / part
        for path in [top] if top.is_file() else sorted(top.rglob("*")):
            if path.is_file() and not path.is_symlink():
                name = path.relative_to(folder).as_posix()
                digest.update(f"{name} {content_sha256(path)}\n".encode())
    return digest.hexdigest()


def _prepare(tree: Path, patch: Path) -> None:
    """Arrange the trees as their builds expect them, and apply the patch."""
    for host in ("micropython", "pico-sdk"):
        library = tree / host / "lib" / "tinyusb"
        if library.is_symlink():
            library.unlink()
        elif library.is_dir():
            shutil.rmtree(library)
        library.parent.mkdir(exist_ok=True)
        shutil.copytree(tree / "tinyusb", library, symlinks=True)
    # The builds look for this file; nothing from micropython-lib is frozen.
    library = tree / "micropython/lib/micropython-lib"
    library.mkdir(exist_ok=True)
    readme = library / "README.md"
    if not readme.exists():
        readme.write_text("Not here: no image freezes anything from it.\n", encoding="ascii")
    _run(["patch", "-p1", "-N", "-s", "-d", str(tree / "micropython"), "-i", str(patch)],
         "the patch does not fit these sources of MicroPython")  # fmt: skip
