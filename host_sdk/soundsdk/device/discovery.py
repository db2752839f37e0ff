"""The boards that are connected, by USB ids and hello, and the boot loaders that wait for firmware.

A port with a board's USB ids is opened and sent hello; a bridge's only on request, since bridges are in many things and
some of those restart when they are opened. Any other port is listed, never opened and never written to.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

from soundsdk.device import ports, uf2_drive
from soundsdk.device.messages import Hello
from soundsdk.device.port_info import BOOTLOADERS, Kind, PortInfo, driver_of, kind_of
from soundsdk.device.session import Device
from soundsdk.device.system import THIS_COMPUTER, System
from soundsdk.device.transport import SerialTransport
from soundsdk.errors import DeviceError, PortError, ProtocolError

HELLO_S = 1.5

State = Literal["ready", "silent", "refused", "gone", "not asked", "boot loader", "no port"]


@dataclass(frozen=True)
class Found:
    """A port or a boot loader.

    state: ready (said hello), silent (does not answer as a soundsdk board), refused (busy or not permitted), gone
    (unplugged meanwhile), not asked, boot loader, no port (on USB, but the system has made no serial port). note: a
    sentence for people, with what to do.
    """

    path: str
    kind: Kind | Literal["boot loader"]
    state: State
    vid: int | None = None
    pid: int | None = None
    serial_number: str | None = None
    by_id: str | None = None
    product: str = ""
    board: str = ""
    model: str = ""
    sha256: str = ""
    fw: str = ""
    note: str = ""


def _found(port: PortInfo, state: State, note: str = "", hello: Hello | None = None) -> Found:
    known = (port.vid, port.pid, port.serial_number, port.by_id, port.product)
    said = (hello.board, hello.model, hello.sha256, hello.fw) if hello else ("", "", "", "")
    return Found(port.path, port.kind, state, *known, *said, note)


def probe(port: PortInfo, hello_s: float = HELLO_S) -> Found:
    """Open a port without a reset and send hello."""
    try:
        transport = SerialTransport(port.path)
        try:
            hello = Device(transport, hello_s).hello
        finally:
            transport.close()
    except ProtocolError as error:
        return _found(port, "silent", f"{error.message} {error.hint}")
    except PortError as error:
        return _found(port, "refused", f"{error.message} {error.hint}")
    except DeviceError as error:
        return _found(port, "gone", error.message)
    return _found(port, "ready", "" if hello.model else "safe mode: find out why with soundsdk info", hello)


def boot_loaders(system: System = THIS_COMPUTER) -> list[Found]:
    """Return the UF2 boot loaders: those with a mounted drive, and those that only show on USB."""
    found = [
        Found(str(drive.path), "boot loader", "boot loader", product=drive.board_id, note="soundsdk flash")
        for drive in uf2_drive.mounted(system)
    ]
    waiting = [ids for ids in system.list_usb_devices() if ids in BOOTLOADERS]
    # A drive does not show its USB ids: as many of these as there are drives are mounted, the rest are not.
    for vid, pid in waiting[len(found) :]:
        name = BOOTLOADERS[vid, pid]
        found.append(Found("", "boot loader", "boot loader", vid, pid, product=name, note="its drive is not mounted"))
    return found


def discover(bridges: bool = False, hello_s: float = HELLO_S, system: System | None = None) -> list[Found]:
    """Return every port and boot loader of this computer, boards first; no board is reset by it.

    for found in soundsdk.discover():
        if found.state == "ready":
            print(found.board, found.model, found.path)

    bridges: send hello through USB-to-serial bridges, too, which may restart what is behind them. hello_s: seconds to
    wait for an answer. system: the computer (default: this one).
    """
    system = system or THIS_COMPUTER
    listed = ports.listed(system)
    probed = [port for port in listed if port.kind == "board" or (bridges and port.kind == "bridge")]
    with ThreadPoolExecutor(max_workers=max(1, len(probed))) as pool:
        answers = dict(zip([port.path for port in probed], pool.map(lambda p: probe(p, hello_s), probed), strict=True))
    out = []
    for port in listed:
        note = "may be a board: find out with soundsdk devices --bridges" if port.kind == "bridge" else ""
        out.append(answers.get(port.path) or _found(port, "not asked", note))
    for vid, pid in ports.without_port(system):
        out.append(Found("", kind_of(vid, pid), "no port", vid, pid, note=_without_port(vid, pid)))
    return out + boot_loaders(system)


def _without_port(vid: int, pid: int) -> str:
    """Say what to do about a board that is on USB and has no port."""
    if sys.platform.startswith("linux"):
        driver = f"Load its driver: sudo modprobe {driver_of(vid, pid)}."
        return f"{driver} In a container, pass it its port (--device); in WSL, attach it with usbipd."
    return "Install the driver of its maker, and plug it in again."
