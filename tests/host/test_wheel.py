"""The wheel with its images: installed without a compiler, it flashes a board with a detector of one's own."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from host.bare_environment import make_environment
from sim.tiny_model import BURSTS, build, metadata, tones
from soundsdk.boards import find_board
from soundsdk.build import prebuilt
from soundsdk.build.builder import compile_board
from soundsdk.build.native import MANIFEST, native_module, write_modules
from soundsdk.errors import EXIT_TOOL, ToolError

ROOT = Path(__file__).resolve().parents[2]
BOARD = "rpi_pico"
ARCH = "armv6m"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the Pico's image and its native module, as a release holds them."""
    folder = tmp_path_factory.mktemp("images")
    try:
        made = compile_board(find_board(BOARD), print)
        write_modules([native_module(ARCH, print)], folder)
    except ToolError as e:
        pytest.skip(f"{e.message} {e.hint}")
    prebuilt.save(folder, BOARD, made.data, made.facts)
    return folder


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return the Python and the packages of an environment with the wheel and what it needs, without its extras."""
    return make_environment(tmp_path_factory.mktemp("installed") / "env", wheel)


@pytest.fixture(scope="module")
def wheel(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel of this tree with that image in it."""
    pytest.importorskip("scikit_build_core", reason="the dev extra is not installed")
    out = tmp_path_factory.mktemp("wheel")
    words = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", out,
             "-C", f"build-dir={out / 'build'}", "-C", f"cmake.define.SOUNDSDK_IMAGES={images}", ROOT]  # fmt: skip
    done = subprocess.run(words, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(out.glob("*.whl"))


def test_the_wheel_holds_the_images_and_what_they_are_made_from(wheel: Path, images: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        for name in (f"{BOARD}.xz", f"soundcore-{ARCH}.mpy", MANIFEST):
            assert archive.read(f"soundsdk/_images/{name}") == (images / name).read_bytes()
    for name in (f"_images/{BOARD}.json", "_boards/rpi_pico.toml", "_models/home.tflite", "_firmware/manifest.py"):
        assert f"soundsdk/{name}" in names
    for name in ("home", "esc10"):
        assert {f"soundsdk/_models/{name}.md", f"soundsdk/_models/{name}.run.json"} <= names
    configs = {path.name for path in (ROOT / "training" / "configs").glob("*.toml")}
    assert {f"soundsdk/_configs/{name}" for name in configs} <= names
    assert {f"{package}/py.typed" for package in ("soundsdk", "soundsdk_sim", "soundsdk_train")} <= names


def test_mypy_finds_the_types_of_an_installed_wheel(environment: tuple[Path, Path], tmp_path: Path) -> None:
    pytest.importorskip("mypy", reason="the dev extra is not installed")
    script = tmp_path / "mine.py"
    script.write_text(
        "import soundcore\n"
        "from soundsdk import Device\n"
        "reveal_type(soundcore.Model(b'').arena_size)\n"
        "reveal_type(Device.open)\n"
        "soundcore.Model('a path')\n"
    )
    words = [sys.executable, "-m", "mypy", "--python-executable", environment[0], "--config-file=", "--strict",
             "--no-incremental", "--follow-imports=silent", script]  # fmt: skip
    env = {key: value for key, value in os.environ.items() if key != "MYPYPATH"}
    done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=600, check=False)
    lines = done.stdout.splitlines()
    assert lines[0].endswith('note: Revealed type is "int"') or lines[0].endswith('"builtins.int"'), done.stdout
    assert "-> soundsdk.device.session.Device" in lines[1]
    assert "[arg-type]" in lines[2]
    assert len(lines) == 4, done.stdout


def test_an_installed_wheel_without_the_extra_names_what_training_lacks_and_needs_none_of_it_for_the_rest(
    environment: tuple[Path, Path], tmp_path: Path
) -> None:
    python, site = environment
    env = {"PATH": "", "HOME": str(tmp_path / "home"), "SOUNDSDK_CACHE": str(tmp_path / "cache")}

    def soundsdk(*words: str) -> subprocess.CompletedProcess[str]:
        call = [python, "-I", "-m", "soundsdk", *words]
        return subprocess.run(call, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300, check=False)

    for words in (("train", "--data", "nowhere", "-o", "a.tflite"), ("crossval", "--data", "nowhere", "-o", "runs")):
        done = soundsdk(*words)
        assert done.returncode == EXIT_TOOL, done.stderr
        (line,) = [line for line in done.stderr.splitlines() if " install " in line]
        assert shlex.split(line.strip()) == ["Run", str(python), "-m", "pip", "install", "soundsdk[train]"]
        assert "TensorFlow, scikit-learn and flatbuffers" in done.stderr
        assert "nowhere" not in done.stderr
    for name in ("high", "background"):
        (tmp_path / "sounds" / name).mkdir(parents=True)
    for i in range(3):
        soundfile.write(tmp_path / "sounds" / "high" / f"{i}.wav", tones(3, BURSTS), 16000)
        soundfile.write(tmp_path / "sounds" / "background" / f"{i}.wav", tones(3, []), 16000)
    (tmp_path / "tones.tflite").write_bytes(build(metadata()))
    assert soundsdk("data", "sounds").returncode in (0, 6)
    for words in (
        ("info", "home"),
        ("sim", "-m", "tones.tflite", "sounds/high/0.wav"),
        ("explain", "-m", "tones.tflite", "sounds/high/0.wav", "--html", "why.html"),
        ("mine", "tones.tflite", "--audio", "sounds/background", "-o", "mined"),
        ("evaluate", "tones.tflite", "--deployed", "--data", "sounds", "--json"),
        ("evaluate", "tones.tflite", "--data", "sounds"),
        ("calibrate", "tones.tflite", "--max-fa-per-hour", "9000", "--background", "sounds/background", "-o", "q"),
    ):
        done = soundsdk(*words)
        assert done.returncode == 0, (words, done.stderr)
    assert str(site) in soundsdk("info", "home").stdout  # the card


def test_an_installed_wheel_flashes_a_pico_with_no_compiler_and_it_hears(
    environment: tuple[Path, Path], tmp_path: Path
) -> None:
    python, site = environment
    model, sound, folder = tmp_path / "mine.tflite", tmp_path / "sound.raw", tmp_path / "dev"
    model.write_bytes(build(metadata()))
    np.tile(np.round(tones(10, BURSTS) * 32768).astype(np.int16), 6).tofile(sound)
    folder.mkdir()
    nothing = tmp_path / "nothing"
    env = {"PATH": str(nothing), "HOME": str(tmp_path / "home"), "SOUNDSDK_CACHE": str(tmp_path / "cache")}
    program = Path(__file__).with_name("wheel_and_pico.py")
    words = [python, "-I", program, ROOT / "tests", folder, model, sound]
    before = os.times()
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, env=env, check=False)
    used_s = os.times().children_user - before.children_user
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["from"].startswith(str(site))
    assert (said["code"], said["model"]) == (0, "tones")
    assert len(said["events"]) == 2
    assert "compiling" not in done.stderr
    assert not list((tmp_path / "cache").glob("build*"))
    assert used_s < 60


def test_an_installed_wheel_has_the_native_module_and_compiles_nothing(
    environment: tuple[Path, Path], images: Path, tmp_path: Path
) -> None:
    env = {"PATH": "", "HOME": str(tmp_path / "home"), "SOUNDSDK_CACHE": str(tmp_path / "cache")}

    def build(arch: str) -> subprocess.CompletedProcess[str]:
        words = [environment[0], "-I", "-m", "soundsdk", "build", "--native", arch, "-o", tmp_path / "out"]
        return subprocess.run(words, env=env, capture_output=True, text=True, timeout=300, check=False)

    done = build(ARCH)
    assert done.returncode == 0, done.stderr
    module = f"soundcore-{ARCH}.mpy"
    assert (tmp_path / "out" / module).read_bytes() == (images / module).read_bytes()
    row, given = (json.loads((folder / MANIFEST).read_text())["modules"][ARCH] for folder in (tmp_path / "out", images))
    assert row == given
    assert build("rv32imc").returncode == EXIT_TOOL  # not in this wheel, and there is no compiler


def test_an_image_of_other_c_or_python_is_not_used(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prebuilt, "images_dir", lambda: images)
    facts = prebuilt.CompiledFacts.read(images / f"{BOARD}.json")
    assert facts is not None
    found = prebuilt.load(BOARD, facts.made_from)
    assert found is not None
    assert found[1] == facts
    assert prebuilt.load(BOARD, "0" * 64) is None
    assert prebuilt.load("rpi_pico2", facts.made_from) is None


@pytest.mark.parametrize("damage", ["cut", "other", "no facts", "facts of another form"])
def test_a_damaged_image_of_the_package_is_not_used(
    damage: str, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = prebuilt.CompiledFacts.read(images / f"{BOARD}.json")
    assert facts is not None
    prebuilt.save(tmp_path, BOARD, b"other" if damage == "other" else bytes(5000), facts)
    if damage == "cut":
        packed = tmp_path / f"{BOARD}.xz"
        packed.write_bytes(packed.read_bytes()[:-20])
    elif damage == "no facts":
        (tmp_path / f"{BOARD}.json").unlink()
    elif damage == "facts of another form":
        (tmp_path / f"{BOARD}.json").write_text('{"made_from": 1}')
    monkeypatch.setattr(prebuilt, "images_dir", lambda: tmp_path)
    assert prebuilt.load(BOARD, facts.made_from) is None
