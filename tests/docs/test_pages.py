"""Every command and snippet of the site does what its page says."""

from __future__ import annotations

import configparser
import re
import shutil
from pathlib import Path
from typing import get_args

import pytest
import yaml
from docs_image import pico_image
from fences import FenceError, commands, continued, fences, fences_of
from page_runner import PageRunner, parse_command, parse_unit, tomllib
from shown_output import difference

from soundfw.act import rules
from soundsdk.build import prebuilt
from soundsdk.device import discovery

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if fences(path))


@pytest.fixture(autouse=True)
def _quick_and_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what the environment adds, and make trainings small: their commands are those of the page."""
    for name in ("SOUNDSDK_PORT", "SOUNDSDK_MQTT", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(prebuilt, "load", pico_image)  # as in a release's wheel: nothing is compiled
    run_settings = pytest.importorskip("soundsdk_train.run_settings")
    _small(monkeypatch, run_settings.PretrainedSettings, head_steps=120, tuned_steps=24, strangers=4)
    _small(monkeypatch, run_settings.WaveformAugmentSettings, variants=1)
    _small(monkeypatch, run_settings.CalibrationSettings, generated_s=30.0)


def _small(monkeypatch: pytest.MonkeyPatch, settings: type, **values: float) -> None:
    """Give fields of a settings class other defaults."""
    names = list(settings.__dataclass_fields__)  # type: ignore[attr-defined]
    defaults = list(settings.__init__.__defaults__)  # type: ignore[misc]
    for name, value in values.items():
        defaults[names.index(name) - len(names)] = value
    monkeypatch.setattr(settings.__init__, "__defaults__", tuple(defaults))


def _finished(name: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Follow a page once, and return the folder as it leaves it."""
    if name in _FAILED:
        pytest.fail(f"{name}: {_FAILED[name]}")
    if name not in _FOLDERS:
        page = DOCS / name
        folder = tmp_path_factory.mktemp(page.stem)
        if before := continued(page):
            finished = _finished(before, tmp_path_factory)
            shutil.copytree(finished, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("dev"))
        _FAILED[name] = "see its own test"  # until it has been followed to its end
        with PageRunner(folder) as reader:
            reader.follow(fences(page))
        del _FAILED[name]
        _FOLDERS[name] = folder
        _PRINTED[name] = reader.printed
    return _FOLDERS[name]


_FOLDERS: dict[str, Path] = {}  # of the pages that were followed, by name
_PRINTED: dict[str, dict[str, str]] = {}  # by them: what each command printed
_FAILED: dict[str, str] = {}  # those that others need not try again


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_every_block_of_a_page_does_what_it_shows(page: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    _finished(page.relative_to(DOCS).as_posix(), tmp_path_factory)


def test_the_film_of_the_front_page_shows_what_the_doorbell_page_does(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(DOCS / "generate")
    import terminal

    svg = terminal.PICTURE.read_text(encoding="utf-8")
    shown = terminal.lines_in(svg)
    assert terminal.draw(shown) == svg, "make docs-picture: the script draws it otherwise"
    assert "doorbell │ 3 of 3" in "".join(shown[0])
    folder = _finished("doorbell.md", tmp_path_factory)
    monkeypatch.chdir(folder)
    for scene, lines in zip(terminal.SCENES, shown, strict=True):
        if scene.words()[0] == "train":  # the page has run it, letter by letter
            output = _PRINTED["doorbell.md"][f"soundsdk {' '.join(scene.words())}"].splitlines()
        else:
            output = terminal.output_of(scene.words(), errors=True)
        found = terminal.lines_of(scene, output)
        wrong = difference(lines, "\n".join(found), numbers_vary=True)
        assert not wrong, f"make docs-picture: {scene.typed}: {wrong}"


def test_the_steps_of_the_workflow_pass_and_fail_when_a_ring_is_missed(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    shutil.copytree(_finished("ci.md", tmp_path_factory), tmp_path, dirs_exist_ok=True)
    workflow = yaml.safe_load((tmp_path / ".github/workflows/sounds.yml").read_text())
    steps = [step["run"] for step in workflow["jobs"]["sounds"]["steps"] if "run" in step]
    assert steps[0].startswith("pip install")
    with PageRunner(tmp_path) as reader:
        for step in steps[1:]:
            reader.shell(step)
        with (tmp_path / "tests/expected.tsv").open("a") as file:
            file.write("evening.wav\t1.0\t2.0\tdoorbell\n")
        with pytest.raises(AssertionError, match="missed: doorbell at 1"):
            reader.shell(steps[-1])


def test_the_rules_of_the_table_of_actions_are_rules_of_the_firmware() -> None:
    table = (DOCS / "actions.md").read_text(encoding="utf-8").partition("| you want | rule |")[2].partition("\n\n")[0]
    found = re.findall(r"\| `([^`]+)` \|$", table, re.MULTILINE)
    assert len(found) >= 5
    for rule in found:
        if rule != "none":
            rules.parse(rule)  # raises what `soundsdk set` refuses


def test_the_boards_whose_led_flashes_are_those_with_an_led() -> None:
    sentence = (DOCS / "actions.md").read_text(encoding="utf-8").partition("show what they do: ")[2].partition(".")[0]
    files = (DOCS.parent / "boards").glob("*.toml")
    boards = {file.stem: tomllib.loads(file.read_text(encoding="utf-8")) for file in files}
    # With CircuitPython's own image the computer listens, and the board shows nothing.
    with_led = {name for name, board in boards.items() if "led" in board and board.get("way") != "circuitpython"}
    assert set(re.findall(r"`(\w+)`", sentence)) == with_led


def test_what_a_page_quotes_is_what_soundsdk_says() -> None:
    parts = ("host_sdk", "training", "sim", "firmware/soundfw")
    code = " ".join(path.read_text(encoding="utf-8") for part in parts for path in (DOCS.parent / part).rglob("*.py"))
    quoted = {words for page in DOCS.glob("*.md") for words in re.findall(r"“([^”]+)”", page.read_text())} - {"quotes"}
    assert len(quoted) > 15
    for words in quoted:
        # A number, or a path, stands in braces in the code; a sentence may be made of two pieces.
        pieces = [piece for piece in re.split(r" *\d[\d.]*(?: clips)? *|: ", words) if piece]
        assert [piece for piece in pieces if piece not in code] == [], words


def test_the_states_of_troubleshooting_are_all_that_devices_shows() -> None:
    table = (DOCS / "troubleshooting.md").read_text(encoding="utf-8").partition("| state |")[2].partition("\n\n")[0]
    states = re.findall(r"^ *\| (\w[\w ]*) \|", table, re.MULTILINE)
    assert sorted(states) == sorted(get_args(discovery.State))


def test_a_block_without_a_mark_is_refused() -> None:
    with pytest.raises(FenceError, match=":3: no mark"):
        fences_of("text\n\n```console\n$ soundsdk boards\n```\n")
    with pytest.raises(FenceError, match="never closed"):
        fences_of("<!-- run -->\n```console\n$ soundsdk boards\n")
    with pytest.raises(FenceError, match="language"):
        fences_of("<!-- run -->\n```\n$ soundsdk boards\n```\n")
    with pytest.raises(FenceError, match="reason"):
        fences_of("<!-- parsed -->\n```console\n$ soundsdk boards\n```\n")


def test_a_command_that_fails_or_shows_something_else_fails_the_page(tmp_path: Path) -> None:
    def follow(text: str) -> None:
        with PageRunner(tmp_path) as reader:
            reader.follow(fences_of(text))

    follow("<!-- run: exit 1 -->\n```console\n$ soundsdk sim nowhere.wav\n...there is no file...\n...\n```\n")
    with pytest.raises(AssertionError, match="ended with 1"):
        follow("<!-- run -->\n```console\n$ soundsdk sim nowhere.wav\n```\n")
    with pytest.raises(AssertionError, match="where this is shown\n  no such board"):
        follow("<!-- run -->\n```console\n$ soundsdk boards\nno such board\n```\n")
    with pytest.raises(AssertionError, match="crc is wrong"):
        follow('<!-- shown -->\n```json\n{"type":"status","crc":"00000000"}\n```\n')


def test_a_command_line_and_its_output_are_told_apart() -> None:
    assert [c.shows for c in commands("$ a\nx\n$ b \\\n  c\n")] == [("x",), ()]
    assert commands("$ b \\\n  c\n")[0].line == "b c"


def test_what_python_prints_is_shown_whole_and_a_text_is_of_a_kind_that_is_checked(tmp_path: Path) -> None:
    def follow(text: str) -> None:
        with PageRunner(tmp_path) as reader:
            reader.follow(fences_of(text))

    code = "<!-- run -->\n```python\nprint('siren at', 2.45)\n```\n"
    follow(code + "<!-- prints -->\n```text\nsiren at 2.45\n```\n")
    follow(code + "<!-- prints: numbers vary -->\n```text\nsiren at 9.81\n```\n")
    for wrong in ("", "<!-- prints -->\n```text\nsiren at 2.46\n```\n"):
        with pytest.raises(AssertionError, match=r"siren at 2\.45"):
            follow(code + wrong)
    with pytest.raises(AssertionError, match="output of a command that is not run"):
        follow("<!-- parsed: a reason -->\n```console\n$ soundsdk boards\nrpi_pico\n```\n")
    (tmp_path / "a/b").mkdir(parents=True)
    follow("<!-- tree -->\n```text\na/\n  b/   of which something is said\n```\n")
    with pytest.raises(AssertionError, match="a/c is not what the page has made"):
        follow("<!-- tree -->\n```text\na/\n  c/\n```\n")
    with pytest.raises(AssertionError, match="has no test_of_nothing"):
        follow("<!-- decoded: test_of_nothing -->\n```text\nbyte 0\n```\n")
    for mark, language in (("shown", "text"), ("run", "text"), ("prints", "json"), ("tree", "console")):
        with pytest.raises(FenceError, match="one of prints, tree, decoded"):
            fences_of(f"<!-- {mark} -->\n```{language}\na\n```\n")


def test_arguments_that_no_verb_takes_are_found() -> None:
    parse_command("soundsdk monitor --once | jq .label")
    with pytest.raises(Exception, match="--twice"):
        parse_command("soundsdk monitor --twice")
    for line in (
        "soundsdk whistle",
        "sudo soundsdk whistle",
        "FOO=1 soundsdk whistle",
        "A=1 sudo B=2 soundsdk whistle",
        "ffmpeg -i a -f wav - | soundsdk whistle",
        "docker run --rm -v $PWD:/work soundsdk whistle",
        "cd there || soundsdk whistle > out",
    ):
        with pytest.raises(AssertionError, match="no verb whistle"):
            parse_command(line)
    with pytest.raises(AssertionError, match="no program mpremotee"):
        parse_command("mpremotee nonsense")


def test_a_unit_of_systemd_is_read() -> None:
    unit = "[Unit]\nAfter=network.target\n[Service]\nExecStart={}\n[Install]\nWantedBy=multi-user.target\n"
    parse_unit(unit.format("/usr/local/bin/soundsdk monitor --log a.jsonl"))
    with pytest.raises(Exception, match="--logg"):
        parse_unit(unit.format("/usr/local/bin/soundsdk monitor --logg a.jsonl"))
    with pytest.raises(AssertionError, match="no verb whistle"):
        parse_unit(unit.format("/usr/local/bin/soundsdk whistle"))
    with pytest.raises(AssertionError, match="is no soundsdk"):
        parse_unit(unit.format("soundsdk monitor"))
    with pytest.raises(AssertionError, match="unknown lines: Afterr"):
        parse_unit(unit.format("/bin/soundsdk monitor").replace("After", "Afterr"))
    with pytest.raises(configparser.Error):
        parse_unit("ExecStart=/bin/soundsdk\n")
