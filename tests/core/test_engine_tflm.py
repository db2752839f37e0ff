"""SOUNDCORE_ENGINE=tflm: the engine tests again, with TensorFlow Lite Micro's C++ interpreter behind model.h.

Twice: compiled from a source tree (TFLM_DIR), and linked to the library inside the tflite-micro wheel by means of the
declarations in tflm_api. The second runs the real interpreter but shows nothing about the headers of a source tree.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tflm_process import with_engine

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
TESTS = ["test_model_operators.py", "test_model_graphs.py", "test_model_check.py", "test_model_check_parts.py",
         "test_lstm.py", "test_other_tools.py", "test_stream.py"]  # fmt: skip
# About the memory plan of the built-in engine; the interpreter has one of its own.
PLAN = [
    "test_model_graphs.py::test_tensors_whose_lifetimes_do_not_meet_share_memory",
    "test_model_graphs.py::test_elementwise_results_and_reshapes_lie_on_their_inputs",
    "test_model_graphs.py::test_concatenated_tensors_are_made_inside_the_result",
    "test_model_graphs.py::test_the_parts_of_a_split_lie_in_the_whole_unless_they_are_outputs_of_the_graph",
    "test_model_graphs.py::test_plan_stays_near_what_is_alive_at_once",
    "test_model_graphs.py::test_a_convolution_writes_over_the_rows_of_its_input_that_are_done_with",
    "test_other_tools.py::test_a_plan_of_many_tensors_takes_no_memory_of_the_model",
    "test_model_check.py::test_memory_is_needed_in_proportion_to_the_file_not_to_what_it_claims",
]


def configure(build: Path, *settings: str) -> subprocess.CompletedProcess[str]:
    nanobind = pytest.importorskip("nanobind", reason="nanobind is not installed (pip install nanobind)")
    for tool in ("cmake", "c++"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    # As scikit-build-core does it.
    words = ["cmake", "-S", ROOT, "-B", build, "-DSKBUILD=2", f"-DPython_EXECUTABLE={sys.executable}",
             f"-Dnanobind_DIR={nanobind.cmake_dir()}", *settings]  # fmt: skip
    env = {key: value for key, value in os.environ.items() if key not in ("TFLM_DIR", "SOUNDCORE_ENGINE")}
    return subprocess.run(words, capture_output=True, text=True, timeout=120, env=env, check=False)


def wheel_library() -> Path:
    """Return the library of the wheel; skip unless its names are those that tflm_api declares."""
    spec = importlib.util.find_spec("tflite_micro")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("the official interpreter (extra 'train') is for Linux on x86-64 only")
    for path in Path(next(iter(spec.submodule_search_locations))).rglob("_runtime.so"):
        if b"_ZN6tflite5micro16MicroInterpreterC1" in path.read_bytes():
            return path
    pytest.skip("this version of the tflite-micro wheel has other names than tests/core/tflm_api declares")


@pytest.fixture(scope="module", params=["tree", "wheel"])
def extension(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the CPython binding with that engine."""
    build = tmp_path_factory.mktemp("tflm")
    settings = ["-DSOUNDCORE_ENGINE=tflm"]
    if request.param == "tree":
        tree = os.environ.get("TFLM_DIR")
        if not tree:
            pytest.skip("TFLM_DIR names no source tree of TensorFlow Lite Micro")
        settings.append(f"-DTFLM_DIR={tree}")
    else:
        library = build / "libtflm.so"  # a name that the linker finds
        library.symlink_to(wheel_library())
        settings += [f"-DTFLM_DIR={HERE / 'tflm_api'}", f"-DTFLM_LIBRARY={library}"]
    done = configure(build, *settings)
    assert done.returncode == 0, done.stderr
    words = ["cmake", "--build", build, "--target", "soundcore", "--parallel", "2"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=1200, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return next(build.glob("soundcore*.so"))


def test_the_engine_tests_pass(extension: Path) -> None:
    out = [f"--deselect=tests/core/{name}" for name in PLAN]
    code = "import pytest, sys; sys.exit(pytest.main(sys.argv[1:]))"
    words = [*map(str, (HERE / name for name in TESTS)), *out, "-q", "-p", "no:cacheprovider", f"--rootdir={ROOT}"]
    done = with_engine(extension, code, *words)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert int(done.stdout.split(" passed")[0].split()[-1]) > 150, done.stdout[-500:]


SCORES = """
import hashlib, sys
import numpy as np, soundcore
print(soundcore.__file__)
for path in sys.argv[1:]:
    stream = soundcore.Stream(open(path, "rb").read())
    rng = np.random.default_rng(5)
    digest = hashlib.sha256()
    for level in (0, 30, 3000, 32767):
        for _ in range(120):
            pcm = np.clip(rng.normal(0, level, 700), -32768, 32767).astype(np.int16)
            stream.feed(pcm, stream.feed(pcm))
            digest.update(bytes(stream.scores))
    print(digest.hexdigest())
"""


def test_shipped_detectors_give_the_scores_of_the_built_in_engine(extension: Path) -> None:
    """Compare 5 s of sound each, states carried over: what the interpreter does between hops does not matter."""
    models = [str(path) for path in sorted((ROOT / "firmware/models").glob("*.tflite"))]
    assert models
    found = with_engine(extension, SCORES, *models)
    assert found.returncode == 0, found.stderr
    said = found.stdout.split()
    assert Path(said[0]).samefile(extension)
    ours = subprocess.run(
        [sys.executable, "-c", SCORES, *models], capture_output=True, text=True, check=True, timeout=300
    )
    assert said[1:] == ours.stdout.split()[1:]
    assert hashlib.sha256().hexdigest() not in said
    assert not Path(ours.stdout.split()[0]).samefile(extension)


INPUTS = """
import sys
import numpy as np, soundcore
model = soundcore.Model(open(sys.argv[1], "rb").read())
rng = np.random.default_rng(1)
given = [rng.integers(-128, 128, len(model.input(i)), dtype=np.int8) for i in range(model.inputs)]
for i, values in enumerate(given):
    model.input(i)[:] = values
seen = set()
for _ in range(3):
    model.invoke()
    for i, values in enumerate(given):
        assert bytes(model.input(i)) == values.tobytes(), "an input was written to"
    seen.add(b"".join(bytes(model.output(i)) for i in range(model.outputs)))
assert len(seen) == 1, "the same input gave another output"
print(model.arena_size)
"""


def test_inputs_keep_their_contents_across_invoke(extension: Path) -> None:
    for path in sorted((ROOT / "firmware/models").glob("*.tflite")):
        done = with_engine(extension, INPUTS, str(path))
        assert done.returncode == 0, done.stderr
        assert 4096 < int(done.stdout) < 1 << 20


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (["-DSOUNDCORE_ENGINE=tflm"], "needs TFLM_DIR"),
        (["-DSOUNDCORE_ENGINE=tflm", "-DTFLM_DIR=/nowhere"], "'/nowhere' has no"),
        (["-DSOUNDCORE_ENGINE=tflm", f"-DTFLM_DIR={HERE / 'tflm_api'}"], "lacks flatbuffers"),
        (["-DSOUNDCORE_ENGINE=other"], "builtin or tflm, not 'other'"),
    ],
)
def test_what_is_missing_is_named(settings: list[str], says: str, tmp_path: Path) -> None:
    done = configure(tmp_path, *settings)
    assert done.returncode != 0
    assert says in " ".join(done.stderr.split())
