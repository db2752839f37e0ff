"""The verb doctor: each cause is found on a system made for it, and each finding says what to do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tone_boards import board

from soundsdk.cli import run
from soundsdk.device import doctor, udev
from soundsdk.device.discovery import Found
from soundsdk.device.doctor import Finding
from soundsdk.device.port_info import PortInfo
from virtual_boards.virtual_port import VirtualPorts

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks at what Linux shows")

GROUPS = "root:x:0:\ndialout:x:20:ann,bob\nplugdev:x:46:\nbroken line\n"


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def process(root: Path, pid: int, name: str, *files: str) -> None:
    write(root / "proc" / str(pid) / "comm", name + "\n")
    fds = root / "proc" / str(pid) / "fd"
    fds.mkdir()
    for i, file in enumerate(files):
        (fds / str(i)).symlink_to(file)


def todos(findings: list[Finding]) -> list[Finding]:
    for one in findings:
        assert one.ok is not False or one.todo, f"{one} does not say what to do"
        assert "\n" not in one.text + one.todo
    return [one for one in findings if one.ok is False]


def test_a_user_outside_the_group_reads_how_to_join(tmp_path: Path) -> None:
    file = write(tmp_path / "group", GROUPS)
    (finding,) = todos(doctor.groups(file, "carl", {1000}, False))
    assert "sudo usermod -aG dialout carl" in finding.todo
    assert todos(doctor.groups(file, "ann", {20, 1000}, False)) == []
    (finding,) = todos(doctor.groups(file, "ann", {1000}, False))
    assert "Log out" in finding.todo
    assert doctor.groups(file, "carl", {1000}, True) == []
    assert doctor.groups(tmp_path / "none", "carl", {1000}, False) == []
    (finding,) = todos(doctor.groups(write(tmp_path / "arch", "uucp:x:14:\n"), "carl", {1000}, False))
    assert "usermod -aG uucp" in finding.todo


def test_who_holds_a_port_is_named(tmp_path: Path) -> None:
    port = write(tmp_path / "ttyACM0", "")
    process(tmp_path, 41, "minicom", str(port), "/dev/null")
    process(tmp_path, 42, "bash", "/dev/null")
    process(tmp_path, os.getpid(), "pytest", str(port))
    (tmp_path / "proc" / "43").mkdir()
    info = PortInfo(str(port), "board", 0x2E8A, 5)
    file = write(tmp_path / "group", GROUPS)
    (finding,) = todos(doctor.access([info], tmp_path / "proc", file, "ann", {20}))
    assert f"{port} is open in minicom (process 41)" in finding.text
    shutil.rmtree(tmp_path / "proc" / "41")
    assert [one.ok for one in doctor.access([info], tmp_path / "proc", file, "ann", {20})] == [True]
    other = PortInfo("/dev/ttyS0", "other")
    assert doctor.access([other], tmp_path / "proc", file, "ann", {20}) == []


def test_the_holder_of_a_real_port_is_found() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", "import os,time; m,s=os.openpty(); print(os.ttyname(s), flush=True); time.sleep(30)"],
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        try:
            assert other.stdout is not None
            path = other.stdout.readline().strip()
            assert [pid for pid, _ in doctor.holders(path, Path("/proc"))] == [other.pid]
        finally:
            other.kill()


def test_a_port_that_may_not_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port = write(tmp_path / "ttyACM0", "")
    info = PortInfo(str(port), "board", 0x2E8A, 5)
    gid = os.stat(port).st_gid
    monkeypatch.setattr(os, "access", lambda *_, **__: False)

    def todo(groups: str, user: str, gids: set[int]) -> str:
        (finding,) = todos(doctor.access([info], tmp_path / "proc", write(tmp_path / "group", groups), user, gids))
        assert "You may not open" in finding.text
        return finding.todo

    group = f"serial:x:{gid}:ann\n"
    assert todo(group, "carl", {gid + 1}).startswith("Run `sudo usermod -aG serial carl`")
    assert todo(group, "ann", {gid + 1}).startswith("You are in the group serial since")
    assert todo("", "carl", {1000}).startswith("Install the udev rule")


def test_services_that_open_ports_are_found(tmp_path: Path) -> None:
    proc = tmp_path / "proc"
    process(tmp_path, 7, "systemd")
    assert doctor.meddlers(proc, "absent") == []
    process(tmp_path, 8, "ModemManager")
    (finding,) = todos(doctor.meddlers(proc, "absent"))
    assert "udev rule" in finding.todo
    assert todos(doctor.meddlers(proc, "installed")) == []
    process(tmp_path, 9, "brltty")
    assert [one.topic for one in todos(doctor.meddlers(proc, "installed"))] == ["brltty"]


def test_the_udev_rule_installed_outdated_absent(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert udev.rule_state(tmp_path) == "absent"
    assert doctor.rule_finding("absent").ok is None
    assert run(["doctor", "--udev"]) == 0
    rule = capfd.readouterr().out
    file = write(tmp_path / "etc/udev/rules.d" / udev.NAME, rule)
    assert udev.rule_state(tmp_path) == "installed"
    file.write_text(rule.replace("2e8a", "2e8b"))
    assert udev.rule_state(tmp_path) == "outdated"
    assert todos([doctor.rule_finding("outdated")])
    assert udev.NAME < "73-seat-late.rules"
    lines = rule.splitlines()
    assert lines[-1].startswith('LABEL="soundsdk_end"')
    assert sum('TAG+="uaccess"' in line and "ID_MM_DEVICE_IGNORE" in line for line in lines) >= 10


def found(**changes: object) -> Found:
    known = {"path": "/dev/ttyACM0", "kind": "board", "state": "ready", "board": "rpi_pico", "model": "home"}
    return Found(**{**known, "fw": "0.1.0", **changes})  # type: ignore[arg-type]


def test_each_state_of_a_board_has_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("soundfw.VERSION", "0.1.0")
    assert todos(doctor.boards([found()])) == []
    needs = {
        "soundsdk flash": found(fw="0.0.9"),
        "soundsdk push": found(model=""),
        "Close it": found(state="refused", board="", note="Close it"),
        "reset it": found(state="silent", board="", note="reset it"),
        "Mount its drive": found(path="", kind="boot loader", state="boot loader", product="RP2040"),
    }
    for todo, one in needs.items():
        (finding,) = todos(doctor.boards([one]))
        assert todo in finding.todo
    (finding,) = todos(doctor.boards([found(kind="other", state="not asked", board="", product="n/a")]))
    assert "cable" in finding.todo


def test_all_well_is_exit_code_0_and_else_6(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    # With a root of its own: the processes and groups of this computer are not the test's.
    write(tmp_path / "root/etc/group", GROUPS)
    (tmp_path / "root/proc").mkdir()
    with VirtualPorts(tmp_path, root=tmp_path / "root") as ports:
        assert run(["doctor"], ports) == 6
        assert "another cable" in capfd.readouterr().out
        port = ports.add(board)
        assert run(["doctor", "--json"], ports) == 0
        findings = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
        assert {one["topic"] for one in findings} >= {"version", "access", "udev", "board"}
        assert not any(one["ok"] is False for one in findings)
        process(tmp_path / "root", 77, "screen", os.path.realpath(port.path))
        assert run(["doctor"], ports) == 6
        assert "do  access: " in capfd.readouterr().out
