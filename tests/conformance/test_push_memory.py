"""Models in the heap of a small board: MicroPython with a limited heap, a process for every start.

Its words have 64 bits, so a board with the same number of bytes has more room than this.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import program
import pytest
from test_conformance import PIECE_S

from images import image_of
from soundsdk.models.shipped import load_model

PICO_BYTES = 219 * 1024  # free on an RP2040 with this firmware
SMALL_BYTES = 151 * 1024  # room for a model of 90 KB in place of the one of the image, but not for its arena
Start = Callable[..., str]


@pytest.fixture(scope="module")
def unix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return image_of("unix", tmp_path_factory.mktemp("unix"))


@pytest.fixture
def start(unix: Path, tmp_path: Path) -> Start:
    """Run one start over the same files, with a heap of so many bytes, and return what it prints."""
    (tmp_path / "flash").mkdir()
    # The image's model under another name, and so another file.
    home = load_model("home").data
    assert home.count(b'"name":"home"') + home.count(b'"name": "home"') == 1
    renamed = home.replace(b'"name":"home"', b'"name":"HOME"').replace(b'"name": "home"', b'"name": "HOME"')
    (tmp_path / "home.tflite").write_bytes(home)
    (tmp_path / "renamed.tflite").write_bytes(renamed)

    def run(heap_bytes: int, what: str, arena: int = 26000) -> str:
        script = tmp_path / "start.py"
        lines = f"host = Host({str(tmp_path / 'flash')!r})\n"
        if what == "confirm":
            lines += "host.hear(90)\nhost.tell('push.confirm')\n"
        elif what:
            # Read piece by piece: the file itself is not to be in this heap.
            lines += f"host.push(File({str(tmp_path / what)!r}), {arena})\n"
        script.write_text(program.push_part() + REST + lines, encoding="utf-8")
        words = [unix, "-X", f"heapsize={heap_bytes}", script]
        done = subprocess.run(words, capture_output=True, text=True, timeout=PIECE_S, check=False)
        assert done.stderr == ""
        return done.stdout

    return run


# What conformance.py has, but smaller: a board's firmware does not lie in its heap.
REST = '''
def show(*values):
    print(*values)


class Bursts:
    def __init__(self, samples):
        pass

    def readinto(self, buf):
        return 2 * len(buf)


class File:
    """Bytes of a file, a slice at a time."""

    def __init__(self, path):
        self._path = path

    def __len__(self):
        return os.stat(self._path)[6]

    def __getitem__(self, part):
        with open(self._path, "rb") as f:
            f.seek(part.start)
            return f.read(part.stop - part.start)

    def digest(self):
        h = sha256()
        for at in range(0, len(self), 512):
            h.update(self[at : at + 512])
        return hexlify(h.digest()).decode()

'''


def test_a_model_of_90_kb_replaces_another_in_the_heap_of_a_pico(start: Start) -> None:
    assert '"model":"home"' in start(PICO_BYTES, "renamed.tflite")
    said = start(PICO_BYTES, "confirm")
    assert '"model":"HOME"' in said
    assert '"re":"push.confirm","ok":true' in said
    # Now the running one lies in the heap as well.
    assert '"re":"push.commit","ok":true' in start(PICO_BYTES, "home.tflite")
    said = start(PICO_BYTES, "confirm")
    assert '"model":"home"' in said
    assert '"re":"push.confirm","ok":true' in said
    assert '"trial"' not in start(PICO_BYTES, "")


def test_a_heap_that_is_too_small_refuses_before_anything_is_sent(start: Start) -> None:
    said = start(SMALL_BYTES, "renamed.tflite")
    assert '"re":"push.begin","ok":false,"error":"push.memory"' in said
    assert '"model":"home"' in start(SMALL_BYTES, "")


def test_a_model_of_unknown_size_in_memory_is_rolled_back_and_the_next_start_is_whole(start: Start) -> None:
    assert '"re":"push.commit","ok":true' in start(SMALL_BYTES, "renamed.tflite", arena=0)
    for _ in range(2):
        said = start(SMALL_BYTES, "confirm")
        assert '"model":"home"' in said
        assert '"rolled_back":"start.memory"' in said
        assert '"trial"' not in said
