"""Keys and ranges of settings stand in one table: every check follows it when it changes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from soundfw import FirmwareError, settings
from soundfw.act.rules import parse as parse_rule  # noqa: F401 - the program below uses it
from soundfw.detect.thresholds import Thresholds
from soundsdk.boards import read_board
from soundsdk.device.changes import parse
from soundsdk.errors import UsageError
from soundsdk_train.run_settings import from_dict

THRESHOLDS = [(key, low, high) for key, _, low, high in settings.THRESHOLDS]
KINDS = dict(settings.MICROPHONES)
WHOLE = [(kind, *rule) for kind, rules in KINDS.items() for rule in rules if len(rule) == 4]


def accepts(check: Any, *args: Any) -> bool:
    try:
        check(*args)
    except (FirmwareError, UsageError):
        return False
    return True


def on_the_board(key: str, value: int) -> Thresholds:
    """Return thresholds with one set; the others leave it room."""
    return Thresholds(**{"on": 1000, "off": 1, key: value})


def by_set(key: str, value: int) -> Any:
    shown = str(value) if key.endswith("_ms") else f"{value / 1000:.3f}"
    return parse((f"{'threshold' if key == 'on' else key}={shown}",))


def in_training(key: str, value: int) -> Any:
    """Read settings with one threshold; the others leave it room."""
    return from_dict({"detector": {"on": 1000, "off": 1, key: value}})


@pytest.mark.parametrize(("key", "low", "high"), THRESHOLDS)
@pytest.mark.parametrize("side", [on_the_board, by_set, in_training])
def test_thresholds_have_one_range(side: Any, key: str, low: int, high: int) -> None:
    assert [accepts(side, key, value) for value in (low - 1, low, high, high + 1)] == [False, True, True, False]


def board_file(folder: Path, kind: str, values: dict[str, Any]) -> Path:
    shown = "\n".join(f"{key} = {value!r}" for key, value in values.items())
    path = folder / "board.toml"
    path.write_text(f'name = "x"\nport = "p"\narch = "a"\n[mic]\nkind = "{kind}"\n{shown}\n')
    return path


@pytest.mark.parametrize(("kind", "key", "default", "low", "high"), WHOLE)
def test_microphones_of_board_files_have_the_ranges_of_the_firmware(
    tmp_path: Path, kind: str, key: str, default: int | None, low: int, high: int
) -> None:
    needed = {rule[0]: rule[2] for rule in KINDS[kind] if rule[1] is None}
    for value, good in ((low - 1, False), (low, True), (high, True), (high + 1, False)):
        values = needed | {key: value}
        assert accepts(settings.microphone, kind, values) == good
        assert accepts(read_board, board_file(tmp_path, kind, values)) == good
    values = {name: value for name, value in needed.items() if name != key}
    assert accepts(read_board, board_file(tmp_path, kind, values)) == (default is not None)


# Each side is loaded after the table has changed, so one with a range of its own does not follow.
_CHANGED = """
import sys
from pathlib import Path
import soundfw.limits as limits
import soundfw.mic_settings as mic_settings
limits.THRESHOLDS = (("on", 500, 77, 888), ("off", 300, 77, 888), ("min_ms", 5, 5, 99), ("hold_ms", 5, 5, 99))
limits.POOL = ("pool_ms", 0, 0, 1077)
mic_settings.MICROPHONES = (("adc", (("pin", None, 77, 78), ("colour", "red", ("red", "blue")))),)
import soundfw.settings as settings
settings.ACTIONS = tuple((key, default, 77, 777) for key, default, _, _ in settings.ACTIONS)
sys.path.insert(0, sys.argv[1])
import test_settings_equal as t
for side in (t.on_the_board, t.by_set, t.in_training):
    for key, low, high in (("on", 77, 888), ("off", 77, 888), ("min_ms", 5, 99), ("hold_ms", 5, 99)):
        side_of = side if side is not t.in_training else lambda k, v: t.from_dict(
            {"detector": {"on": 888, "off": 77, "min_ms": 9, "hold_ms": 9, k: v}})
        side_of = side_of if side is not t.on_the_board else lambda k, v: t.Thresholds(
            **{"on": 888, "off": 77, k: v})
        got = [t.accepts(side_of, key, value) for value in (low - 1, low, high, high + 1)]
        assert got == [False, True, True, False], (side.__name__, key, got)
for text in ("pin:{}", "tone:77,{}hz", "pin:77,{}ms", "led,pulse,{}ms,77", "led,pulse,77ms,{}", "led,blink,{}ms"):
    for value in (76, 77, 777, 778):
        rule = text.format(value)
        assert t.accepts(t.parse_rule, rule) == t.accepts(t.parse, (f"action.a={rule}",)) == (77 <= value <= 777), rule
folder = Path(sys.argv[2])
for kind, values, good in (("adc", {"pin": 77, "colour": "blue"}, True), ("adc", {"pin": 26}, False),
                           ("adc", {"pin": 77, "shift": 1}, False), ("i2s", {"sck": 1, "ws": 2, "sd": 3}, False)):
    assert t.accepts(t.read_board, t.board_file(folder, kind, values)) == good, (kind, values)
"""


def test_no_side_has_a_table_of_its_own(tmp_path: Path) -> None:
    words = [sys.executable, "-c", _CHANGED, str(Path(__file__).parent), str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
