"""soundfw on CircuitPython: on a shim with the names of CircuitPython's stubs, which is no board."""

from __future__ import annotations

import ast
import hashlib
import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from checks.circuitpython_types import check
from circuitpython import shim, stubs
from circuitpython.power_on import PDM, PowerOn, drive
from sim.tiny_model import BURSTS, build, metadata, tones
from soundsdk.models.shipped import load_model
from soundsdk_sim.board import run_recording
from soundsdk_sim.scenes import demo_scene, door_scene

RATE = 16000
PLATFORM = Path(__file__).parents[2] / "firmware" / "soundfw" / "platform"
QUIET = np.zeros(4 * RATE, np.int16)  # in which every event ends


@cache
def model() -> bytes:
    return build(metadata())


@cache
def burst_pcm() -> np.ndarray:
    return np.concatenate([np.round(tones(10, BURSTS) * 32768).astype(np.int16), QUIET])


def expected(detector: bytes, pcm: np.ndarray) -> list[bytes]:
    return [line for line in run_recording(detector, pcm, RATE).lines if line.startswith(b'{"type":"event"')]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("detector", ["home", "knock_doorbell"])
def test_event_lines_are_those_of_cpython(detector: str, seed: int, tmp_path: Path) -> None:
    """Twelve clips, from the microphone's 32-bit slots to the serial port, byte for byte."""
    scene = (demo_scene if detector == "home" else door_scene)(seed)
    pcm = np.concatenate([scene.pcm, QUIET])
    data = load_model(detector).data
    ran = PowerOn(drive(tmp_path / "drive", data), pcm)
    assert ran.events == expected(data, pcm)
    assert len(ran.events) >= 2
    hello = ran.of("hello")[0]
    assert (hello["board"], hello["lost_approximate"]) == (stubs.BOARD, True)
    assert hello["sha256"] == hashlib.sha256(data).hexdigest()
    assert "readonly" not in hello
    assert {m["lost"] for m in ran.of("status")} == {0}
    assert ["deinit", "i2s"] in ran.log


@pytest.mark.parametrize(
    "mic", [{"bits": 16}, {"channel": "right"}, {"bits": 16, "channel": "right"}, {"dc_shift": 6, "shift": 0}]
)
def test_other_forms_of_i2s_are_heard(mic: dict[str, object], tmp_path: Path) -> None:
    folder = drive(tmp_path / "drive", model(), {"kind": "i2s", "sck": 16, "ws": 17, "sd": 18, **mic})
    found = PowerOn(folder, burst_pcm()).events
    assert len(found) == 2 * len(BURSTS)
    if "dc_shift" not in mic:
        assert found == expected(model(), burst_pcm())


@pytest.mark.parametrize("stall_ms", [60, 200, 1000, 5000])
def test_losses_are_derived_from_the_clock_and_times_stay_true(stall_ms: int, tmp_path: Path) -> None:
    """A stall in the silence before the second burst: what two halves of 40 ms cannot hold is lost, by halves."""
    before = round(2.6 * RATE / 512)
    quiet = np.zeros(stall_ms * RATE // 1000, np.int16)
    whole = burst_pcm()
    longer = np.concatenate([whole[: 3 * RATE], quiet, whole[3 * RATE :]])
    ran = PowerOn(drive(tmp_path / "drive", model(), status_s=1), longer, stalls_ms={before: stall_ms})
    lost = ran.of("status")[-1]["lost"]
    true = -(-max(0, stall_ms * 16 - 1280) // 640) * 640
    assert abs(lost - true) <= 640
    assert (lost == 0) == (stall_ms == 60)
    starts = [m["t"] for m in ran.of("event") if m["edge"] == "on"]
    without = [json.loads(line)["t"] for line in expected(model(), longer) if b'"edge":"on"' in line]
    # A step of the detector is 2048 samples, at the tail of which an event may begin a step later.
    assert len(starts) == len(without) == 3
    assert max(abs(a - b) for a, b in zip(starts, without, strict=True)) <= 2048 + 640


def test_pdm_loses_what_sounds_between_two_calls_and_says_so(tmp_path: Path) -> None:
    gap_ms = 3
    pcm = burst_pcm()
    stalls = dict.fromkeys(range(len(pcm) // 512), gap_ms)
    ran = PowerOn(drive(tmp_path / "drive", model(), PDM, status_s=1), pcm, stalls_ms=stalls)
    status = ran.of("status")[-1]
    share = gap_ms / (gap_ms + 32)
    assert status["lost"] == pytest.approx(share * (status["captured"] + status["lost"]), rel=0.02)
    assert ran.of("hello")[0]["lost_approximate"] is True
    assert [(m["label"], m["edge"]) for m in ran.of("event")] == [
        (label, edge) for _, _, label in BURSTS for edge in ("on", "off")
    ]
    for message, (onset_s, _, _) in zip([m for m in ran.of("event") if m["edge"] == "on"], BURSTS, strict=True):
        assert message["t"] / RATE == pytest.approx(onset_s, abs=0.3)


def test_pdm_without_gaps_gives_cpythons_lines(tmp_path: Path) -> None:
    ran = PowerOn(drive(tmp_path / "drive", model(), PDM), burst_pcm())
    assert ran.events == expected(model(), burst_pcm())


SET = {"type": "set", "label": "high", "on": 777, "keep": True}
RULE = {"type": "set", "label": "high", "action": "pin:15,high,1s", "keep": True}


def test_a_drive_that_a_computer_has_is_said_and_nothing_is_kept(tmp_path: Path) -> None:
    folder = drive(tmp_path / "drive", model())
    before = sorted(path.name for path in folder.iterdir())
    push = {"type": "push.begin", "size": 9, "sha256": "0" * 64}
    only = {"type": "set", "label": "low", "on": 650}
    ran = PowerOn(folder, burst_pcm(), (SET, RULE, push, only, {"type": "model", "class": 0}), drive=True)
    assert ran.of("hello")[0]["readonly"] is True
    acks = ran.of("ack")
    assert [(m["re"], m.get("error", "")) for m in acks] == [
        ("set", "storage.readonly"),
        ("set", "storage.readonly"),
        ("push.begin", "storage.readonly"),
        ("set", ""),
        ("model", ""),
    ]
    assert acks[-1]["on"] == 600  # all or nothing
    assert len(ran.events) == 2 * len(BURSTS)
    assert sorted(path.name for path in folder.iterdir() if path.name != "log.json") == before


def test_what_is_kept_outlives_the_power_and_an_edited_file_has_the_last_word(tmp_path: Path) -> None:
    folder = drive(tmp_path / "drive", model())
    ran = PowerOn(folder, burst_pcm(), (SET, RULE))
    assert [m["ok"] for m in ran.of("ack")] == [True, True]
    assert (folder / "set.json.1").exists()
    assert (folder / "settings.json.1").exists()
    asked = ({"type": "model", "class": 0},)
    again = PowerOn(folder, burst_pcm(), asked)
    assert (again.answer("model")["on"], again.answer("model")["action"]) == (777, "pin:15,high,1s")
    assert ["GPIO15", True] in again.log or ["GPIO15", "value", True] in again.log
    # Whoever edits settings.json on the drive means it.
    drive(folder, None, status_s=2)
    assert "action" not in PowerOn(folder, burst_pcm(), asked).answer("model")


def test_a_pushed_model_is_kept_in_the_slots(tmp_path: Path) -> None:
    folder = drive(tmp_path / "drive", model())
    other = build(metadata(name="other"))
    digest = hashlib.sha256(other).hexdigest()
    from binascii import b2a_base64

    pieces = [
        {"type": "push.data", "at": at, "data": b2a_base64(other[at : at + 384], newline=False).decode()}
        for at in range(0, len(other), 384)
    ]
    begin = {"type": "push.begin", "size": len(other), "sha256": digest}
    ran = PowerOn(folder, burst_pcm(), (begin, *pieces, {"type": "push.commit"}))
    assert all(m["ok"] for m in ran.of("ack")), ran.of("ack")
    assert ran.code == 4  # supervisor.reload
    trial = PowerOn(folder, burst_pcm())
    assert trial.of("hello")[0]["model"] == "other"
    assert trial.of("hello")[0]["trial"] is True
    back = PowerOn(folder, burst_pcm())
    assert (back.of("hello")[0]["model"], back.of("hello")[0]["rolled_back"]) == ("tones", "push.unconfirmed")


@pytest.mark.parametrize(("command", "code"), [("reboot", 3), ("bootloader", 3)])
def test_the_chip_is_reset(command: str, code: int, tmp_path: Path) -> None:
    ran = PowerOn(drive(tmp_path / "drive", model()), burst_pcm(), ({"type": command},))
    assert ran.answer(command)["ok"] is True
    assert ran.code == code


def test_without_the_second_port_the_repls_is_used(tmp_path: Path) -> None:
    ran = PowerOn(drive(tmp_path / "drive", model()), burst_pcm(), data=False)
    assert ran.events == expected(model(), burst_pcm())


def test_an_error_in_on_event_is_told_with_its_line(tmp_path: Path) -> None:
    folder = drive(tmp_path / "drive", model())
    (folder / "on_event.py").write_text("def on_event(label, edge, time_s, score):\n    raise ValueError(label)\n")
    errors = [m["detail"] for m in PowerOn(folder, burst_pcm()).of("ack") if m["re"] == "on_event"]
    assert errors[0] == "ValueError: high (line 2)"


def test_the_shim_has_no_name_that_circuitpython_lacks() -> None:
    made = shim.modules(shim.Board(pcm=shim.array("h")))
    for module, name in (
        ("hashlib", "sha256"), ("time", "ticks_ms"), ("time", "ticks_us"), ("time", "sleep_ms"), ("os", "uname"),
        ("sys", "print_exception"), ("storage", "VfsLfs2"), ("usb_cdc", "serials"), ("supervisor", "tick_us"),
    ):  # fmt: skip
        assert not hasattr(made[module], name), f"{module}.{name}"
    for name in ("machine", "uctypes", "rp2", "select", "pathlib"):
        assert name not in made
    assert not hasattr(made["sys"].stdin, "buffer")
    with pytest.raises(TypeError, match="record"):
        made["audioi2sin"].I2SIn("GPIO16", "GPIO17", "GPIO18", sample_rate=16000, bit_depth=16).record(b"")
    with pytest.raises(AssertionError, match="no \\['tick_us'\\]"):
        shim.derived.module("supervisor", {"tick_us": None})


def test_ticks_wrap_at_2_29() -> None:
    source = (PLATFORM / "circuitpython.py").read_text()
    scope: dict[str, object] = {"const": int}
    wanted = [
        node
        for node in ast.parse(source).body
        if (isinstance(node, ast.FunctionDef) and node.name == "ticks_diff")
        or (isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in ("_WRAP", "_HALF"))
    ]
    exec(compile(ast.Module(wanted, []), "ticks", "exec"), scope)
    diff = scope["ticks_diff"]
    for a, b, between in ((5, 3, 2), (3, 5, -2), (1, 2**29 - 1, 2), (2**29 - 1, 1, -2), (2**28 - 1, 0, 2**28 - 1)):
        assert diff(a, b) == between  # type: ignore[operator]


def _names(module: str) -> set[str]:
    """Return the public names that a module of soundfw.platform binds, without those that it only imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse((PLATFORM / f"{module}.py").read_text())):
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {t.id for t in node.targets if isinstance(t, ast.Name)}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found |= {alias.asname or alias.name for alias in node.names}
    return found


@pytest.mark.parametrize("module", ["micropython", "circuitpython", "cpython"])
def test_every_python_has_the_whole_interface(module: str) -> None:
    text = ast.get_docstring(ast.parse((PLATFORM / "__init__.py").read_text()))
    assert text is not None
    interface = {row.split("(")[0].split()[0] for row in text.split("\n") if row.startswith("    ") and row[4] != " "}
    assert len(interface) == 21
    assert interface - _names(module) == set()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("import hashlib; hashlib.sha256()", 'Module has no attribute "sha256"'),
        ("import supervisor; supervisor.tick_us()", 'Module has no attribute "tick_us"'),
        ("import time; time.ticks_ms()", 'Module has no attribute "ticks_ms"'),
        ("import storage; storage.getmount('/').writable", '"VfsFat" has no attribute "writable"'),
        ("import audioi2sin; audioi2sin.I2SIn(16, 17, 18)", "incompatible type"),
    ],
)
def test_mypy_finds_what_circuitpython_lacks(line: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.py"
    path.write_text(line + "\n")
    done = check([path])
    assert done.returncode == 1
    assert says in done.stdout
