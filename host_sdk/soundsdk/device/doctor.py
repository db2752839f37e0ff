"""The checks of `soundsdk doctor`: each finding names one thing that may keep a board from being reached, and a remedy.

Every check is passed what it looks at (folders, names), so that tests can show it another system.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from soundsdk import __version__
from soundsdk.device import address, ports, udev
from soundsdk.device.discovery import HELLO_S, Found
from soundsdk.device.port_info import PortInfo
from soundsdk.device.system import THIS_COMPUTER, System
from soundsdk.errors import SoundsdkError
from soundsdk.install.packages import install_command
from soundsdk.progress import is_dumb

_GROUPS = ("dialout", "uucp")  # Debian and Fedora; Arch and others
_PACKAGES = ("pyserial", "esptool", "mpremote")


@dataclass(frozen=True)
class Finding:
    """One result. ok: True if fine, False if there is something to do (named in todo), None for information."""

    topic: str
    ok: bool | None
    text: str
    todo: str = ""


def versions() -> list[Finding]:
    """List the versions of soundsdk and of the programs it runs."""
    out = [Finding("version", None, f"soundsdk {__version__}, Python {sys.version.split()[0]}")]
    for name in _PACKAGES:
        try:
            out.append(Finding("version", True, f"{name} {metadata.version(name)}"))
        except metadata.PackageNotFoundError:
            out.append(Finding("version", False, f"{name} is not installed.", install_command(name)))
    return out


def access(listed: list[PortInfo], proc: Path, groups_file: Path, user: str, gids: set[int]) -> list[Finding]:
    """Check that the ports may be opened, and find the programs that have them open now."""
    out = []
    for port in listed:
        if port.kind == "other":
            continue
        if not os.access(port.path, os.R_OK | os.W_OK, effective_ids=os.access in os.supports_effective_ids):
            out.append(Finding("access", False, f"You may not open {port.path}.", _join(port, groups_file, user, gids)))
            continue
        users = holders(port.path, proc)
        for pid, name in users:
            text = f"{port.path} is open in {name} (process {pid})."
            out.append(Finding("access", False, text, f"Close {name}, unless it is meant to have the port."))
        if not users:
            out.append(Finding("access", True, f"{port.path} may be opened, and no program of yours has it."))
    return out


def _join(port: PortInfo, groups_file: Path, user: str, gids: set[int]) -> str:
    rule = f"or install the udev rule: {udev.INSTALL}"
    try:
        group_id = os.stat(port.path).st_gid
    except OSError:
        return _sentence(rule)
    for name, gid, members in group_lines(groups_file):
        if gid != group_id or name == "root":
            continue
        if user in members and gid not in gids:
            return f"You are in the group {name} since this session began: log out and in again."
        return f"Run `sudo usermod -aG {name} {user}` and log in again, {rule}"
    return _sentence(rule)


def _sentence(words: str) -> str:
    return "I" + words.removeprefix("or i")


def group_lines(path: Path) -> list[tuple[str, int, list[str]]]:
    """Read (name, id, members) from a file like /etc/group; empty if it cannot be read."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    words = [line.split(":") for line in lines]
    return [(w[0], int(w[2]), w[3].split(",")) for w in words if len(w) == 4 and w[2].isdigit()]


def groups(groups_file: Path, user: str, gids: set[int], superuser: bool) -> list[Finding]:
    """Check that the user is in the group that owns the serial ports."""
    known = [(name, gid, members) for name, gid, members in group_lines(groups_file) if name in _GROUPS]
    if superuser or not known:
        return []
    for name, gid, _ in known:
        if gid in gids:
            return [Finding("group", True, f"You are in the group {name}.")]
    for name, _, members in known:
        if user in members:
            text = f"You are in the group {name}, but this session began before that."
            return [Finding("group", False, text, "Log out and in again.")]
    names = " and ".join(name for name, _, _ in known)
    todo = f"Run `sudo usermod -aG {known[0][0]} {user}` and log in again, or install the udev rule: {udev.INSTALL}"
    return [Finding("group", False, f"You are not in the group that owns the serial ports ({names}).", todo)]


def processes(proc: Path) -> list[tuple[int, str]]:
    """List (process id, name) of the processes that run."""
    out = []
    for folder in proc.glob("[0-9]*"):
        try:
            out.append((int(folder.name), (folder / "comm").read_text(encoding="utf-8", errors="replace").strip()))
        except (OSError, ValueError):
            continue
    return sorted(out)


def holders(path: str, proc: Path) -> list[tuple[int, str]]:
    """Find (process id, name) of the other processes that have a port open, as far as this user may see them."""
    real = os.path.realpath(path)
    out = []
    for pid, name in processes(proc):
        if pid == os.getpid():
            continue
        try:
            links = [os.readlink(link) for link in (proc / str(pid) / "fd").iterdir()]
        except OSError:
            continue
        if real in links:
            out.append((pid, name))
    return out


def meddlers(proc: Path, rule: udev.Rule) -> list[Finding]:
    """Find services that open serial ports by themselves."""
    out = []
    names = {name for _, name in processes(proc)}
    if "ModemManager" in names:
        text = "ModemManager runs and may write to a board that was just plugged in"
        if rule == "installed":
            out.append(Finding("ModemManager", True, f"{text}; the udev rule keeps it away."))
        else:
            out.append(Finding("ModemManager", False, f"{text}.", f"Install the udev rule: {udev.INSTALL}"))
    if "brltty" in names:
        text = "brltty runs and takes CH340 and CP210x bridges for Braille displays."
        out.append(Finding("brltty", False, text, "Without such a display: sudo apt remove brltty"))
    return out


def rule_finding(rule: udev.Rule) -> Finding:
    """Report on the udev rule: only an outdated one needs replacing, for whoever can open the port needs none."""
    if rule == "outdated":
        return Finding("udev", False, "The udev rule is from another version.", f"Install it again: {udev.INSTALL}")
    text = (
        "The udev rule is installed."
        if rule == "installed"
        else f"There is no udev rule (soundsdk doctor --udev prints it: {udev.NAME})."
    )
    return Finding("udev", True if rule == "installed" else None, text)


def boards(found: list[Found], elsewhere: bool = False) -> list[Finding]:
    """Report on what is connected, and on firmware of another version. elsewhere: none has to be at this computer."""
    from soundfw import VERSION

    out = []
    for one in found:
        ids = f"{one.vid:04x}:{one.pid:04x} " if one.vid is not None and one.pid is not None else ""
        where = f"{ids}{one.path}".strip()
        if one.state == "ready":
            text = f"{where}: {one.board}, firmware {one.fw}, detector {one.model or 'none'}"
            if one.fw != VERSION:
                out.append(Finding("board", False, f"{text}; soundsdk has {VERSION}.", "soundsdk flash"))
            elif not one.model:
                out.append(
                    Finding(
                        "board", False, f"{text} (safe mode).", "Run soundsdk info for the cause, then soundsdk push"
                    )
                )
            else:
                out.append(Finding("board", True, text))
        elif one.state in ("silent", "refused", "gone"):
            out.append(Finding("board", False, f"{where}: {one.state}.", one.note))
        elif one.state == "no port":
            kind = "a board" if one.kind == "board" else "a USB-to-serial bridge"
            text = f"{where}: {kind} is on USB, but the system has made no serial port for it."
            out.append(Finding("board", False, text, one.note))
        elif one.kind == "boot loader":
            todo = "soundsdk flash" if one.path else "Mount its drive, then soundsdk flash"
            out.append(Finding("board", False, f"{where}: a {one.product} waits in its boot loader.", todo))
        else:
            out.append(
                Finding("board", None, f"{where}: {one.product or 'serial port'}, {one.state}. {one.note}".strip())
            )
    if not elsewhere and not any(one.kind in ("board", "bridge", "boot loader") for one in found):
        todo = "Plug the board in; if it is plugged in, try another cable: many carry power only."
        out.append(Finding("board", False, "No USB device looks like a board.", todo))
    return out


def at_address(text: str, system: System) -> list[Finding]:
    """Report on the board at an address that was given, such as one behind a forwarded port."""
    from soundsdk.device.session import Device

    try:
        where = address.parse(text)
        if where.kind in ("auto", "id"):
            return []  # among the ports that are looked at anyway
        with Device.open(text, HELLO_S, system) as device:
            hello = device.hello
    except SoundsdkError as error:
        words = error.message if text in error.message else f"{text}: {error.message}"
        return [Finding("address", False, words, error.hint)]
    words = f"{text}: {hello.board}, firmware {hello.fw}, detector {hello.model or 'none'}"
    return [Finding("address", True, words)]


def terminal() -> list[Finding]:
    """Report on what the terminal cannot show."""
    out = []
    encoding = getattr(sys.stdout, "encoding", None) or "unknown"
    if encoding.lower().replace("-", "") not in ("utf8", "utf8sig"):
        text = f"The terminal's encoding is {encoding}: other characters than its own are shown as \\u codes."
        out.append(Finding("terminal", None, text, "For all of them: export LC_ALL=C.UTF-8"))
    if sys.stdout.isatty() and is_dumb():
        text = "The terminal cannot move its cursor (TERM=dumb): soundsdk monitor prints lines instead of a table."
        out.append(Finding("terminal", None, text))
    return out


def examine(system: System | None = None, where: str | None = None) -> list[Finding]:
    """Run all checks on a computer (default: this one). where: the address of a board that has to be there."""
    import getpass

    from soundsdk.device.discovery import discover

    system = system or THIS_COMPUTER
    root = system.root
    out = versions() + terminal()
    linux = sys.platform.startswith("linux")
    if linux:
        proc, groups_file = root / "proc", root / "etc/group"
        user, gids = getpass.getuser(), {os.getegid(), *os.getgroups()}
        rule = udev.rule_state(root)
        listed = ports.listed(system)
        if any(port.kind != "other" for port in listed):
            out += access(listed, proc, groups_file, user, gids)
        elif rule != "installed":
            out += groups(groups_file, user, gids, os.geteuid() == 0)
        out += [rule_finding(rule), *meddlers(proc, rule)]
    where = where or os.environ.get(address.ENVIRONMENT)
    there = at_address(where, system) if where else []
    return out + there + boards(discover(system=system), elsewhere=bool(there))
