"""The verb build --native: what it makes, what it refuses, and which module a board loads."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from soundsdk import cli
from soundsdk.build import native, toolchain
from soundsdk.build.native import MANIFEST, NativeModule, native_module, native_modules, write_modules
from soundsdk.build.native_archs import ARCHS, MPY_VERSION, arch_for
from soundsdk.cache import cache_dir
from soundsdk.errors import CheckError, ToolError, UsageError
from soundsdk.install import packages

ROOT = Path(__file__).resolve().parents[2]
MOST_BYTES = 300 * 1024  # all of them
NUMBERS = {"x64": 2, "armv6m": 4, "armv7m": 5, "xtensawin": 10, "rv32imc": 11}

sys.path.append(str(ROOT / "firmware" / "natmod"))
import xtensa_module  # noqa: E402
import xtensa_windowed  # noqa: E402


@pytest.fixture(scope="module")
def modules() -> list[NativeModule]:
    try:
        return native_modules(ARCHS, print)
    except ToolError as e:
        pytest.skip(f"{e.message} {e.hint}")


def mpy(arch: int, major: int = 6, minor: int = 3) -> int:
    """Return sys.implementation._mpy of a board."""
    return major | minor << 8 | arch << 10


def test_all_modules_are_made_and_are_small(modules: list[NativeModule]) -> None:
    assert [module.arch for module in modules] == list(ARCHS)
    assert sum(len(module.data) for module in modules) <= MOST_BYTES
    for module in modules:
        # "MicroPython .mpy files": M, version, feature bits with sub-version and architecture, bits of a small int.
        assert module.data[:4] == bytes([ord("M"), MPY_VERSION[0], NUMBERS[module.arch] << 2 | MPY_VERSION[1], 31])
        assert hashlib.sha256(module.data).hexdigest() == module.facts.sha256
        assert b"soundcore.mpy" in module.data[:32]
        assert str(ROOT).encode() not in module.data


def test_a_module_compiled_twice_is_the_same(
    modules: list[NativeModule], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {module.arch: module for module in modules}["armv6m"]
    (tmp_path / "cache").mkdir()
    for sources in cache_dir().glob("sources-*"):
        (tmp_path / "cache" / sources.name).symlink_to(sources)
    monkeypatch.setenv("SOUNDSDK_CACHE", str(tmp_path / "cache"))
    again = native_module("armv6m", print)
    assert again.fresh
    assert again.data == before.data
    kept = native_module("armv6m", print)
    assert not kept.fresh
    assert kept.data == before.data


def test_the_verb_writes_modules_and_their_manifest(
    modules: list[NativeModule], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["build", "--native", "armv6m", "rv32imc", "armv6m", "-o", str(tmp_path)]) == 0
    out = capsys.readouterr().out.split()
    assert out == [str(tmp_path / f"soundcore-{arch}.mpy") for arch in ("armv6m", "rv32imc")]
    manifest = json.loads((tmp_path / MANIFEST).read_text())
    assert manifest["mpy_version"] == list(MPY_VERSION)
    assert set(manifest["modules"]) == {"armv6m", "rv32imc"}
    for row in manifest["modules"].values():
        data = (tmp_path / row["file"]).read_bytes()
        assert (row["sha256"], row["size_bytes"]) == (hashlib.sha256(data).hexdigest(), len(data))
        assert re.fullmatch(r"([0-9a-f]{40}(-dirty)?)?", row["commit"])
    assert cli.run(["build", "--native", "x64", "--json", "-o", str(tmp_path)]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["arch"] == "x64"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--native", "z80"], "no soundcore.mpy for an architecture 'z80'"),
        (["--native", "x64", "--model", "home"], "a native module holds no detector"),
        ([], "build takes one board"),
        (["rpi_pico", "rpi_pico2"], "build takes one board"),
    ],
)
def test_calls_that_cannot_be_carried_out(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["build", *words, "-o", str(tmp_path / "out")]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("arch", "package"), [
    ("armv6m", "gcc-arm-none-eabi"), ("rv32imc", "gcc-riscv64-unknown-elf"), ("xtensawin", "gcc-xtensa-lx106"),
])  # fmt: skip
def test_a_missing_compiler_is_one_sentence_with_its_package(
    arch: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    present = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name.endswith("-gcc") else present(name))
    monkeypatch.setenv("SOUNDSDK_CACHE", str(tmp_path / "cache"))
    assert cli.run(["build", "--native", arch, "-o", str(tmp_path / "out")]) == 7
    said = capsys.readouterr().err
    assert f"building soundcore.mpy for {arch} needs" in said
    assert package in said
    assert not (tmp_path / "out").exists()


def test_without_the_linkers_package_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "check_native", lambda archs: None)
    monkeypatch.setattr(toolchain, "native_version", lambda arch: "gcc 12")
    monkeypatch.setattr(packages.importlib.util, "find_spec", lambda name: None)  # type: ignore[attr-defined]
    monkeypatch.setenv("SOUNDSDK_CACHE", str(tmp_path))
    with pytest.raises(ToolError, match="pyelftools") as error:
        native_module("x64", print)
    assert "soundsdk[native]" in error.value.hint


def test_a_package_with_modules_needs_no_compiler(
    modules: list[NativeModule], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_modules(modules, tmp_path / "images")
    monkeypatch.setattr(native, "images_dir", lambda: tmp_path / "images")
    monkeypatch.setenv("SOUNDSDK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", "")
    for module in modules:
        found = native_module(module.arch, print)
        assert (found.data, found.fresh) == (module.data, False)
    # A file that is not the one of the manifest is not used.
    (tmp_path / "images" / "soundcore-x64.mpy").write_bytes(b"M\x06")
    with pytest.raises(ToolError):
        native_module("x64", print)


@pytest.mark.parametrize(("number", "name"), [
    (2, "x64"), (4, "armv6m"), (5, "armv7m"), (6, "armv7m"), (7, "armv7m"), (8, "armv7m"), (10, "xtensawin"),
    (11, "rv32imc"),
])  # fmt: skip
def test_a_board_gets_the_module_that_it_loads(number: int, name: str) -> None:
    assert arch_for(mpy(number)).name == name
    assert arch_for(mpy(number) | 1 << 16).name == name  # flags of newer versions


@pytest.mark.parametrize(("value", "said"), [
    (0, "loads no native modules"), (mpy(0), "loads no native modules"), (mpy(4, minor=2), "version 6.2"),
    (mpy(4, 5, 0), "version 5.0"), (mpy(9), "architecture, xtensa"), (mpy(1), "architecture, x86"),
    (mpy(15), "number 15"),
])  # fmt: skip
def test_a_board_that_loads_none_is_told_why(value: int, said: str) -> None:
    with pytest.raises(CheckError, match=said):
        arch_for(value)


def test_an_unknown_architecture_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="z80"):
        native_module("z80", print)


# Lines that Debian's assembler lacks, and their bytes: from binutils' table of the instruction set; from s32e on, from
# the formats in its reference manual.
WINDOWED = {
    "entry\tsp, 32": "0x36, 0x41, 0x00", "entry\tsp, 208": "0x36, 0xa1, 0x01", "retw.n": "0x1d, 0xf0",
    "retw": "0x90, 0x00, 0x00", "callx8\ta8": "0xe0, 0x08, 0x00", "callx8\ta3": "0xe0, 0x03, 0x00",
    "movsp\ta7, sp": "0x70, 0x11, 0x00",
    "s32e\ta0, a9, -16": "0x00, 0xc9, 0x49", "l32e\ta7, a1, -12": "0x70, 0xd1, 0x09",
    "rfwo": "0x00, 0x34, 0x00", "rfwu": "0x00, 0x35, 0x00", "rotw\t-2": "0xe0, 0x80, 0x40",
    "wsr\ta5, windowstart": "0x50, 0x49, 0x13", "rsr\ta4, windowbase": "0x40, 0x48, 0x03",
}  # fmt: skip


@pytest.mark.parametrize("line", WINDOWED)
def test_instructions_of_the_windowed_convention_become_bytes(line: str) -> None:
    assert list(xtensa_windowed.rewrite(f"\t{line}", "unit")) == [f"\t.byte\t{WINDOWED[line]}"]


def test_calls_go_through_a_literal_each() -> None:
    lines = list(xtensa_windowed.rewrite("\tcall8\tone\n\tadd.n\ta2, a3, a4\n\tcall8\ttwo", "unit"))
    assert lines == [
        "\t.literal\t.Lcall0, one", "\tl32r\ta8, .Lcall0", "\t.byte\t0xe0, 0x08, 0x00", "\tadd.n\ta2, a3, a4",
        "\t.literal\t.Lcall1, two", "\tl32r\ta8, .Lcall1", "\t.byte\t0xe0, 0x08, 0x00",
    ]  # fmt: skip


TWO_UNITS = {
    "one": """\
	.text
	.global	shared
shared:
	call8	step
	beqz	a2, .L1
	callx8	a8
.L1:
	.align	4
step:""",
    "two": """\
	.text
	.global	mpy_init
mpy_init:
	call8	step
	call8	shared
	.string	"step"
	.align	4
step:""",
}
JOINED = """\
	.text
shared:
	_call0	step.one
	beqz	a2, .L1.one
	.byte	0xe0, 0x08, 0x00
.L1.one:
	.align	4
step.one:
	.text
	.global	mpy_init
mpy_init:
	_call0	step.two
	_call0	shared
	.string	"step"
	.align	4
step.two:"""


def test_joined_files_keep_their_own_names_apart_and_call_each_other() -> None:
    assert "\n".join(xtensa_module.join(TWO_UNITS)) == JOINED


@pytest.mark.skipif(shutil.which("xtensa-lx106-elf-as") is None, reason="xtensa-lx106-elf-as is not installed")
def test_calls_of_the_joined_file_become_windowed_ones(tmp_path: Path) -> None:
    source, made = tmp_path / "module.s", tmp_path / "module.o"
    source.write_text(f"{JOINED}\n")
    subprocess.run(["xtensa-lx106-elf-as", "--no-target-align", str(source), "-o", str(made)], check=True, timeout=60)
    before = made.read_bytes()
    assert xtensa_module.make_calls(made) == 3
    changed = [(old, new) for old, new in zip(before, made.read_bytes(), strict=True) if old != new]
    assert len(changed) == 3
    assert all(new == old | 0x20 and old & 0x3F == 0x05 for old, new in changed)  # call0 and call8 in the manual


@pytest.mark.parametrize(("line", "body", "expected"), [
    ("\t.text", "\tnop", '\t.section\t.text.nn_model,"ax",@progbits'),
    ('\t.section\t.rodata.table,"a"', "\t.word\t1", '\t.section\t.rodata.nn_model.table,"a"'),
    ('\t.section\t.rodata.table,"a"', "\t.word\tfunction", '\t.section\t.data.rel.ro.nn_model.table,"aw",@progbits'),
    ('\t.section\t.rodata.str1.1,"aMS",@progbits,1', '\t.string\t"a"', '\t.section\t.rodata.nn_model,"a",@progbits'),
    ('\t.section\t.rodata.main.cst4,"aM",@progbits,4', "\t.word\t7", '\t.section\t.rodata.nn_model,"a",@progbits'),
    ("\t.data", "\t.word\t1", "\t.data"),
])  # fmt: skip
def test_sections_carry_the_name_of_their_file(line: str, body: str, expected: str) -> None:
    assert list(xtensa_windowed.rewrite(f"{line}\n{body}", "nn_model")) == [expected, body]
