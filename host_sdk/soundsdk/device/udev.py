"""The udev rule (Linux) that lets the person at the computer open boards, and keeps ModemManager away from them.

Its name sorts before 73-seat-late.rules, which acts on `uaccess`, and before ModemManager's 77-* and 80-* rules.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from soundsdk.device import port_info

NAME = "70-soundsdk.rules"
INSTALL = (
    f"soundsdk doctor --udev | sudo tee /etc/udev/rules.d/{NAME} && "
    "sudo udevadm control --reload-rules && sudo udevadm trigger"
)
_FOLDERS = (
    "etc/udev/rules.d",
    "run/udev/rules.d",
    "usr/local/lib/udev/rules.d",
    "usr/lib/udev/rules.d",
    "lib/udev/rules.d",
)

Rule = Literal["installed", "outdated", "absent"]


def rule_text() -> str:
    """Return the text of the rule's file."""
    lines = [
        "# Boards that soundsdk knows, and the bridges on them.",
        'ACTION=="remove", GOTO="soundsdk_end"',
        'SUBSYSTEM!="usb|tty", GOTO="soundsdk_end"',
    ]
    for vid, pid in sorted(port_info.board_ids() | port_info.BRIDGES | set(port_info.BOOTLOADERS)):
        match = f'ATTRS{{idVendor}}=="{vid:04x}", ATTRS{{idProduct}}=="{pid:04x}"'
        lines.append(f'{match}, ENV{{ID_MM_DEVICE_IGNORE}}="1", TAG+="uaccess"')
    return "\n".join([*lines, 'LABEL="soundsdk_end"', ""])


def rule_state(root: Path = Path("/")) -> Rule:
    """Look for the rule below a root folder; outdated: it is there with another text."""
    for folder in _FOLDERS:
        try:
            there = (root / folder / NAME).read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        return "installed" if there == rule_text() else "outdated"
    return "absent"
