"""The programs that only some verbs need, and the command that installs one on this system."""

from __future__ import annotations

import shutil
import sys

# The package manager, in the order in which they are looked for: what installs with it.
_MANAGERS = {
    "apt-get": "sudo apt-get install",
    "dnf": "sudo dnf install",
    "pacman": "sudo pacman -S",
    "zypper": "sudo zypper install",
    "apk": "sudo apk add",
    "brew": "brew install",
    "winget": "winget install",
}


def system_install_command(package: str) -> str:
    """Return the command that installs a package of this name with the system's package manager.

    For packages that all of them call alike, such as ffmpeg.
    """
    for program, command in _MANAGERS.items():
        if shutil.which(program) is not None:
            return f"{command} {package}"
    usual = {"darwin": "brew", "win32": "winget"}.get(sys.platform, "apt-get")
    return f"{_MANAGERS[usual]} {package}"
