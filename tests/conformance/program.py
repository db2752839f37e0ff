"""The conformance program: conformance.py and calls to it, in pieces that a small target can compile one by one.

python tests/conformance/program.py > program.py     # then: micropython program.py, python program.py
"""

from __future__ import annotations

import ast
import base64
import contextlib
import io
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "core")]

_PIECE = 768  # bytes of a file per statement
_ROOM = 16_000  # bytes for a model and its arena on a small target
_CODE = 2000  # characters of a module per piece, but a whole statement at least

_BAD_SETTINGS = [
    {"rate_hz": 3999},
    {"rate_hz": 48001},
    {"window": 255},
    {"window": 513},
    {"hop": 63},
    {"hop": 513},
    {"fft": 300},
    {"bands": 0},
    {"bands": 129},
    {"low_hz": -1},
    {"high_hz": 8001},
    {"low_hz": 7600},
    {"coefficients": 41},
    {"coefficients": -1},
    {"floor_db": 1},
    {"step_mdb": 49},
    {"bands": 128},
]


def _file(name: str, data: bytes) -> Iterator[str]:
    yield f"{name} = Received({len(data)})"
    for at in range(0, len(data), _PIECE):
        yield f"{name}.add({base64.b64encode(data[at : at + _PIECE])!r})"


def _text(path: Path) -> str:
    """Read a file without its docstring and whole-line comments: a small target compiles it in one piece."""
    lines = path.read_text(encoding="utf-8").split('"""', 2)[2].splitlines()
    return "\n".join(line for line in lines if line.strip() and not line.lstrip().startswith("#"))


def _statements(text: str) -> Iterator[str]:
    """Yield a module's statements, several per piece while they are short: a small target cannot parse it whole."""
    lines = text.splitlines()
    begin = 0
    for node in ast.parse(text).body:
        assert node.end_lineno is not None
        if node.end_lineno > begin and sum(map(len, lines[begin : node.end_lineno])) > _CODE:
            last = node.lineno - 1 if node.lineno - 1 > begin else node.end_lineno
            yield "\n".join(lines[begin:last])
            begin = last
    yield "\n".join(lines[begin:])


def pieces(detector: Path | None = None, hops: int = 1000) -> Iterator[str]:
    """Yield Python source, piece after piece.

    detector: a model to hold a target against as well; a target that has a detector baked in uses that instead,
    which must be the same file. hops: of the loop with a locked heap.
    """
    import numpy as np
    from graph_generator import streaming_step
    from model_generator import GENERATORS

    from sim.tiny_model import build, metadata

    yield _text(HERE.parent / "vectors" / "frontend_pcm.py")
    yield from _statements(_text(HERE / "conformance.py"))
    for case in json.loads((HERE.parent / "vectors" / "frontend.json").read_text())["cases"]:
        yield f"frontend({case['settings']!r}, {case['samples']})"
    for bits in (3, 4, 5):
        yield f"adpcm(1024, {bits})"
        yield f"adpcm(1, {bits})"
        yield f"adpcm(300, {bits})"
    for values in _BAD_SETTINGS:
        yield f"show('settings', settings(**{values!r}))"
    for name, generate in GENERATORS.items():
        data = generate(np.random.default_rng(len(name)))
        yield from _file("f", data)
        yield f"model({name!r}, f.data)"
    step, _ = streaming_step(np.random.default_rng(7), units=8, classes=3)
    yield from _file("f", step)
    yield "model('streaming step', f.data)"
    yield "refused('no metadata', soundcore.Stream, f.data)"
    yield "altered('streaming step', f.data, 97)"
    tones = build(metadata())
    yield from _file("f", tones)
    yield "model('tones', f.data)"
    yield "stream('tones', f.data, 9000)"
    yield f"longest('tones', f.data, {hops})"
    yield "decisions('tones', f.data, 300, False, 300)"
    yield "decisions('tones', f.data, 300, True, 0)"
    yield "lines(f.data, 100000, 256)"
    yield "lines(f.data, 60000, 1000)"
    for bits in (3, 4, 5, 16):
        yield f"recorded(f.data, {bits})"
    yield "calls(f.data)"
    yield "microphone(soundcore.Pdm, 8)"
    for bits, channels, channel in ((32, 1, 0), (24, 2, 1), (16, 1, 0), (16, 2, 0), (12, 1, 0)):
        values = f"bits={bits}, channels={channels}, channel={channel}"
        unit = channels * (4 if bits > 16 else 2)
        yield f"microphone(lambda *a, **kw: soundcore.I2sUnpacker(*a, {values}, **kw), {unit})"
    for values in ("bits=8", "channels=3", "channel=1", "channels=0", "channel=-1"):
        yield f"attempt('unpacker', lambda: soundcore.I2sUnpacker({values}))"
    yield "refused('text', soundcore.Stream, b'not a model')"
    for key, value in (("soundsdk", 2), ("hop_frames", 7), ("scores", 1), ("states", [[0, 0]]), ("features", 3)):
        yield from _file("f", build(metadata(**{key: value})))
        yield f"refused({key!r}, soundcore.Stream, f.data)"
    # Room for the detector on small targets.
    yield "import gc\nf = lines = recorded = calls = altered = Bursts = None\ngc.collect()"
    if detector is not None:
        yield (
            "try:\n    import soundmodel\n    from soundfw.storage.store import in_region\n"
            "    DETECTOR = in_region(soundmodel.region())\n"
            f"except ImportError:\n    DETECTOR = open({str(detector)!r}, 'rb').read()"
        )
        yield "show('detector', len(DETECTOR), '%08x' % crc32(DETECTOR))"
        yield "stream('detector', DETECTOR, 9000)"
        yield f"longest('detector', DETECTOR, {max(1, hops // 50)})"
        yield "decisions('detector', DETECTOR, 300, True, 1000)"
        yield "refused('cut', soundcore.Stream, memoryview(DETECTOR)[:5000])"


def operators(names: Sequence[str], each: int) -> Iterator[str]:
    """Yield a program that runs random models of these operators, `each` of them, except what is refused or large."""
    import numpy as np
    import soundcore
    from model_generator import GENERATORS

    yield from _statements(_text(HERE / "conformance.py"))
    yield "import gc"
    for name in names:
        for seed in range(each):
            data = GENERATORS[name](np.random.default_rng([len(name), seed]))
            with contextlib.suppress(soundcore.Error):
                if soundcore.Model(data).arena_size + len(data) > _ROOM:
                    continue
                yield "f = None\ngc.collect()"
                yield from _file("f", data)
                yield f"model('{name} {seed}', f.data)"


def run_here(pieces: list[str]) -> list[str]:
    """Run pieces in this Python and return the lines that they print."""
    out = io.StringIO()
    names: dict[str, object] = {"__name__": "__main__"}
    with contextlib.redirect_stdout(out):
        for piece in pieces:
            exec(piece, names)
    return out.getvalue().splitlines()


def push_part() -> str:
    """Return the source of pushing.py."""
    return _text(HERE / "pushing.py")


def pushes(folder: str) -> Iterator[str]:
    """Yield a program for targets with files: it pushes a model into a folder that it makes and removes."""
    from sim.tiny_model import build, metadata

    yield _text(HERE / "conformance.py")
    yield push_part()
    yield from _file("f", build(metadata()))
    yield from _file("g", build(metadata(name="pushed")))
    yield f"pushed(f.data, g.data, {folder!r})"


if __name__ == "__main__":
    print("\n".join(pieces(Path(sys.argv[1]) if len(sys.argv) > 1 else None)))
