"""Test which files of a source tree of TensorFlow Lite Micro are compiled, and how: made trees, both builds."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOUNDCORE = ROOT / "firmware/cmodules/soundcore"
MICRO, KERNELS = "tensorflow/lite/micro", "tensorflow/lite/micro/kernels"
COMPILER = "tensorflow/compiler/mlir/lite"

# As its classes are: nothing that makes one with placement new compiles with exceptions.
PRIVATE_DELETE = """
#include <new>
#ifdef __GXX_RTTI
#error "type information is on"
#endif
#ifndef TF_LITE_STATIC_MEMORY
#error "how it is always built"
#endif
class Allocator {
public:
    explicit Allocator(int size) : size_(size) {}
    virtual ~Allocator() {}
    int size_;

private:
    void operator delete(void *) {}
};
Allocator *make_allocator(void *memory, int size) { return new (memory) Allocator(size); }
"""


def _kernels() -> set[str]:
    table = (SOUNDCORE / "nn/ops.h").read_text(encoding="utf-8")
    return set(re.findall(r"[A-Z]\w*, ([a-z_0-9]+)\) ?\\?$", table, re.MULTILINE))


LIBRARY = {
    f"{COMPILER}/schema/schema_utils.cc", f"{COMPILER}/core/api/error_reporter.cc", f"{MICRO}/micro_interpreter.cc",
    f"{MICRO}/micro_allocator.cc", f"{MICRO}/arena_allocator/a.cc", f"{KERNELS}/kernel_util.cc",
    f"{KERNELS}/lstm_eval.cc", f"{KERNELS}/lstm_eval_common.cc",
    f"{KERNELS}/conv_common.cc", f"{KERNELS}/softmax_common.cc", "tensorflow/lite/kernels/internal/common.cc",
}  # fmt: skip
NOT_COMPILED = {
    f"{MICRO}/micro_interpreter_test.cc", f"{MICRO}/fake_micro_context.cc", f"{MICRO}/test_helpers.cc",
    f"{KERNELS}/conv_test.cc", f"{KERNELS}/svdf.cc", f"{KERNELS}/cmsis_nn/svdf.cc", f"{KERNELS}/xtensa/conv.cc",
    f"{MICRO}/examples/hello_world/main.cc", f"{MICRO}/tools/benchmarking/b.cc",
    f"{COMPILER}/schema/schema_utils_test.cc",
}  # fmt: skip
CMSIS_NN = {
    "cmsis_nn/Source/ConvolutionFunctions/arm_convolve_s8.c", "cmsis_nn/Source/NNSupportFunctions/arm_nn_mat_mult.c",
}  # fmt: skip
ESP_NN = {"esp_nn/src/convolution/esp_nn_conv_ansi.c", "esp_nn/src/convolution/esp_nn_conv_opt.c"}
ESP_NN_CHIPS = {
    "esp_nn/src/convolution/esp_nn_conv_esp32s3.c", "esp_nn/src/convolution/esp_nn_conv_mt_split.c",
    "esp_nn/src/common/esp_nn_dot_s8_esp32s3.S", "esp_nn/src/common/esp_nn_multicore.c",
}  # fmt: skip


def reference() -> set[str]:
    return LIBRARY | {f"{KERNELS}/{kernel}.cc" for kernel in _kernels()}


def write(path: Path, text: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def make_tree(tree: Path, third_party: str = "third_party") -> Path:
    """Write a tree with the folders of a checkout, and one file for each kind of its files."""
    for name in reference() | NOT_COMPILED:
        write(tree / name)
    write(tree / MICRO / "micro_interpreter.h")
    write(tree / MICRO / "micro_allocator.cc", PRIVATE_DELETE)
    for kernel in ("conv", "softmax"):
        write(tree / KERNELS / "cmsis_nn" / f"{kernel}.cc")
    write(tree / KERNELS / "esp_nn/conv.cc")
    for name in CMSIS_NN | ESP_NN | ESP_NN_CHIPS:
        write(tree / third_party / name)
    for folder in ("flatbuffers/include", "cmsis/CMSIS/Core/Include", "cmsis_nn/Include", "esp_nn/include"):
        (tree / third_party / folder).mkdir(parents=True)
    return tree


class Lists:
    """Hold what a build system makes of a tree."""

    def __init__(self, tree: Path, sources: list[str], includes: list[str], flags: list[str]) -> None:
        assert len(sources) == len(set(sources)), "a file twice"
        self.sources = {Path(path).relative_to(tree).as_posix() for path in sources}
        self.includes = {Path(path).relative_to(tree).as_posix() for path in includes}
        self.flags = set(flags)


CMAKE = """cmake_minimum_required(VERSION 3.20)
project(x NONE)
include({soundcore}/tflm.cmake)
list(TRANSFORM TFLM_DEFINITIONS PREPEND -D)
file(WRITE ${{CMAKE_BINARY_DIR}}/seen "${{TFLM_SOURCES}}\\n${{TFLM_INCLUDES}}\\n${{TFLM_FLAGS}};${{TFLM_DEFINITIONS}}")
"""
MAKE = """SOUNDCORE_DIR := {soundcore}
BUILD := {build}
CROSS_COMPILE := x
include {soundcore}/tflm.mk
show:
\t@echo '$(TFLM_SOURCES)'
\t@echo '$(filter-out $(SOUNDCORE_DIR),$(TFLM_INCLUDES))'
\t@echo '$(filter-out -I%,$(TFLM_FLAGS))'
objects: $(filter-out %/model_tflm.o,$(TFLM_O))
"""


def run(words: list[str | Path], **settings: str) -> subprocess.CompletedProcess[str]:
    """Run with these settings as the only ones in the environment; the result's `stderr` is in single spaces."""
    if shutil.which(str(words[0])) is None:
        pytest.skip(f"{words[0]} is not installed")
    names = ("TFLM_DIR", "TFLM_KERNELS", "SOUNDCORE_ENGINE", "MAKEFLAGS", "MFLAGS", "MAKELEVEL")
    env = {key: value for key, value in os.environ.items() if key not in names} | settings
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, timeout=600, env=env, check=False
    )
    done.stderr = " ".join(done.stderr.split())
    return done


def cmake_lists(tree: Path, work: Path, **settings: str) -> Lists | str:
    """Return the lists, or the message of the refusal."""
    write(work / "CMakeLists.txt", CMAKE.format(soundcore=SOUNDCORE))
    done = run(["cmake", "-S", work, "-B", work / "build"], TFLM_DIR=str(tree), **settings)
    if done.returncode:
        return done.stderr
    seen = (work / "build/seen").read_text(encoding="utf-8").split("\n")
    sources, includes, flags = (line.split(";") for line in seen)
    return Lists(tree, sources, includes, flags)


def make_lists(tree: Path, work: Path, **settings: str) -> Lists | str:
    """Return the lists, or the message of the refusal."""
    write(work / "Makefile", MAKE.format(soundcore=SOUNDCORE, build=work / "build"))
    done = run(["make", "-s", "-f", work / "Makefile", "show"], TFLM_DIR=str(tree), **settings)
    if done.returncode:
        return done.stderr
    sources, includes, flags = (line.split() for line in done.stdout.splitlines())
    return Lists(tree, sources, includes, flags)


BUILDS = [cmake_lists, make_lists]
Build = Callable[..., Lists | str]


def lists(build: Build, tree: Path, work: Path, **settings: str) -> Lists:
    found = build(tree, work, **settings)
    assert isinstance(found, Lists), found
    return found


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize("place", ["third_party", "third_party_static", f"{MICRO}/tools/make/downloads"])
def test_of_a_tree_the_library_and_the_kernels_in_question_are_compiled(
    build: Build, place: str, tmp_path: Path
) -> None:
    found = lists(build, make_tree(tmp_path / "tree", place), tmp_path)
    assert found.sources == reference()
    assert found.includes == {".", f"{place}/flatbuffers/include"}
    assert found.flags >= {"-fno-exceptions", "-fno-rtti", "-ffp-contract=off", "-DTF_LITE_STATIC_MEMORY"}


@pytest.mark.parametrize("build", BUILDS)
def test_get_builtin_code_is_taken_from_wherever_the_version_keeps_it(build: Build, tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    shutil.move(tree / COMPILER / "schema/schema_utils.cc", tree / "tensorflow/lite/schema_utils.cc")
    said = build(tree, tmp_path)
    assert isinstance(said, str)
    assert "has no schema_utils.cc in any folder that" in said
    (tree / "tensorflow/lite/schema").mkdir()
    shutil.move(tree / "tensorflow/lite/schema_utils.cc", tree / "tensorflow/lite/schema/schema_utils.cpp")
    assert "tensorflow/lite/schema/schema_utils.cpp" in lists(build, tree, tmp_path).sources


@pytest.mark.parametrize("kernels", ["reference", "cmsis_nn", "esp_nn"])
def test_both_build_systems_compile_the_same_files_with_the_same_flags(kernels: str, tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    cmake, make = (lists(build, tree, tmp_path, TFLM_KERNELS=kernels) for build in BUILDS)
    assert cmake.sources == make.sources
    assert cmake.includes == make.includes
    assert cmake.flags == make.flags


@pytest.mark.parametrize("build", BUILDS)
def test_faster_kernels_take_the_place_of_those_of_their_name(build: Build, tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    found = lists(build, tree, tmp_path, TFLM_KERNELS="cmsis_nn")
    replaced = {f"{KERNELS}/conv.cc", f"{KERNELS}/softmax.cc"}
    faster = {name.replace("kernels/", "kernels/cmsis_nn/") for name in replaced}
    assert found.sources == reference() - replaced | faster | {f"third_party/{name}" for name in CMSIS_NN}
    wanted = {"cmsis_nn", "cmsis_nn/Include", "cmsis", "cmsis/CMSIS/Core/Include", "flatbuffers/include"}
    assert found.includes == {".", *(f"third_party/{name}" for name in wanted)}
    assert "-DCMSIS_NN" in found.flags

    found = lists(build, tree, tmp_path, TFLM_KERNELS="esp_nn")
    faster = {f"{KERNELS}/esp_nn/conv.cc"}
    assert found.sources == reference() - {f"{KERNELS}/conv.cc"} | faster | {f"third_party/{n}" for n in ESP_NN}
    assert found.flags >= {"-DESP_NN", "-DCONFIG_NN_OPTIMIZED"}


def test_a_chips_own_files_of_esp_nn_are_for_that_chip(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    write(tmp_path / "CMakeLists.txt", "set(IDF_TARGET esp32s3)\n" + CMAKE.format(soundcore=SOUNDCORE))
    settings = {"TFLM_DIR": str(tree), "TFLM_KERNELS": "esp_nn"}
    assert run(["cmake", "-S", tmp_path, "-B", tmp_path / "build"], **settings).returncode == 0
    seen = (tmp_path / "build/seen").read_text(encoding="utf-8").split("\n")[0].split(";")
    assert {f"{tree}/third_party/{name}" for name in ESP_NN_CHIPS} < set(seen)


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize(
    ("lost", "kernels", "says"),
    [
        ("tensorflow/lite/micro/micro_interpreter.h", "", "has no tensorflow/lite/micro/micro_interpreter.h"),
        ("third_party/flatbuffers", "", "lacks flatbuffers, gemmlowp and ruy: make third_party_downloads there"),
        (f"{COMPILER}/core/api/error_reporter.cc", "", "has no error_reporter.cc in any folder that"),
        (f"{KERNELS}/conv.cc", "", "has no kernel conv in tensorflow/lite/micro/kernels"),
        (f"{KERNELS}/cmsis_nn", "cmsis_nn", "has no tensorflow/lite/micro/kernels/cmsis_nn"),
        ("third_party/cmsis_nn", "cmsis_nn", "TFLM_KERNELS=cmsis_nn needs the library cmsis_nn"),
        ("third_party/cmsis", "cmsis_nn", "TFLM_KERNELS=cmsis_nn needs the library cmsis;"),
        ("third_party/cmsis_nn/Source", "cmsis_nn", "third_party/cmsis_nn has no sources"),
        ("third_party/esp_nn", "esp_nn", "TFLM_KERNELS=esp_nn needs the library esp_nn"),
        ("", "hifi", "TFLM_KERNELS is reference, cmsis_nn or esp_nn, not 'hifi'"),
    ],
)
def test_what_a_tree_lacks_is_named(build: Build, lost: str, kernels: str, says: str, tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    if lost:
        path = tree / lost
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    said = build(tree, tmp_path, TFLM_KERNELS=kernels)
    assert isinstance(said, str)
    assert says in said


def test_its_classes_with_a_private_delete_compile_with_cmake(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    settings = {"SOUNDCORE_ENGINE": "tflm", "TFLM_DIR": str(tree), "TFLM_KERNELS": "cmsis_nn"}
    assert run(["cmake", "-S", ROOT, "-B", tmp_path / "build"], **settings).returncode == 0
    done = run(["cmake", "--build", tmp_path / "build", "--target", "tflm", "--parallel", "2"])
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]


def test_its_classes_with_a_private_delete_compile_with_make(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    settings = {"TFLM_DIR": str(tree), "TFLM_KERNELS": "cmsis_nn", "CC": "cc", "CXX": "c++", "MKDIR": "mkdir"}
    write(tmp_path / "Makefile", MAKE.format(soundcore=SOUNDCORE, build=tmp_path / "build"))
    words: list[str | Path] = ["make", "-j2", "-f", tmp_path / "Makefile", "objects", "ECHO=@echo", "Q="]
    done = run(words, **settings)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert (tmp_path / "build/tflm" / MICRO / "micro_allocator.o").is_file()


def test_they_do_not_compile_without_these_flags(tmp_path: Path) -> None:
    write(tmp_path / "a.cc", PRIVATE_DELETE)
    words: list[str | Path] = ["c++", "-DTF_LITE_STATIC_MEMORY", "-c", "-o", tmp_path / "a.o", tmp_path / "a.cc"]
    done = run([*words, "-fno-rtti"])
    assert done.returncode != 0
    assert "private within this context" in done.stderr
    assert "type information is on" in run([*words, "-fno-exceptions"]).stderr
