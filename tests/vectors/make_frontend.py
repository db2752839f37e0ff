"""Write frontend.json: the frontend's features of the signal of frontend_pcm.py, for a few settings.

    python tests/vectors/make_frontend.py

Run it only when SC_FRONTEND_VERSION is raised: until then the file pins the frontend on every target.
"""

from __future__ import annotations

import json
from pathlib import Path

import soundcore
from frontend_pcm import pcm

PATH = Path(__file__).with_name("frontend.json")
CASES: list[tuple[int, dict[str, int]]] = [
    (12800, {}),
    (12800, {"coefficients": 13}),
    (6400, {"rate_hz": 8000, "window": 256, "hop": 128, "fft": 256, "bands": 24, "low_hz": 0, "high_hz": 4000}),
    (9600, {"window": 400, "hop": 160, "fft": 512, "bands": 64, "low_hz": 20, "high_hz": 8000, "step_mdb": 500}),
    (12800, {"rate_hz": 44100, "window": 1024, "hop": 1024, "fft": 1024, "bands": 128, "high_hz": 20000}),
    (
        9600,
        {"rate_hz": 48000, "window": 961, "hop": 480, "fft": 1024, "bands": 41, "coefficients": 40, "step_mdb": 4000},
    ),
    (3200, {"window": 257, "hop": 64, "fft": 512, "bands": 1, "low_hz": 7999, "high_hz": 8000, "step_mdb": 1000}),
]


def features(samples: int, settings: dict[str, int]) -> bytes:
    """Return the frames (frames, width) of the first `samples` samples as int8 bytes."""
    frontend = soundcore.Frontend(**settings)
    out = bytearray(frontend.frames_after(samples) * frontend.width)
    frames = frontend.push(pcm(samples), out)
    if frames * frontend.width != len(out):
        raise AssertionError("frames_after and push disagree")
    return bytes(out)


def main() -> None:
    cases = [{"settings": s, "samples": n, "features": features(n, s).hex()} for n, s in CASES]
    lines = ",\n".join("  " + json.dumps(case) for case in cases)
    version = soundcore.FRONTEND_VERSION
    PATH.write_text(f'{{\n"frontend_version": {version},\n"cases": [\n{lines}\n]\n}}\n', encoding="ascii")
    print(f"{PATH.name}: {len(cases)} cases, {PATH.stat().st_size} bytes")


if __name__ == "__main__":
    main()
