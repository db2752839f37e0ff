"""Layouts of data that a page draws, each followed by a decoder that is written from the page alone."""

from __future__ import annotations

import numpy as np
import pytest
import soundcore


def _decoded(data: bytes) -> list[int]:
    """Decode a line of sound as the page `wire.md` describes it, in plain Python."""

    def int16(at: int) -> int:
        return int.from_bytes(data[at : at + 2], "little", signed=True)

    def clip(value: int) -> int:
        return max(-32768, min(32767, value))

    bits, count = data[0] - 0x10, int.from_bytes(data[1:3], "little")
    x, at = [int16(3), int16(5)], 7
    while len(x) < count:
        block_ends = min(count, len(x) + 128)
        a1, a2 = (int.from_bytes(data[i : i + 1], "little", signed=True) for i in (at, at + 1))
        at += 2
        while len(x) < block_ends:
            samples, i = min(16, block_ends - len(x)), data[at]
            s = i + 1 if i < 8 else (9 + (i - 8) % 8) << ((i - 8) // 8)
            codes_bytes = (samples * bits + 7) // 8
            codes = int.from_bytes(data[at + 1 : at + 1 + codes_bytes], "little")
            at += 1 + codes_bytes
            for n in range(samples):
                c = (codes >> (bits * n) & (1 << bits) - 1) - (1 << bits - 1)
                p = clip((a1 * x[-1] + a2 * x[-2] + 32) >> 6)
                x.append(clip(p + c * s + (s >> 1)))
    assert at == len(data)
    return x[:count]


@pytest.mark.parametrize("bits", [3, 4, 5])
@pytest.mark.parametrize("samples", [2, 3, 17, 130, 146, 500])
def test_a_line_of_sound_can_be_decoded_by_the_layout_of_the_page(bits: int, samples: int) -> None:
    rng = np.random.default_rng(samples)
    pcm = (12000 * np.sin(np.arange(samples) / 7) + rng.normal(0, 3000, samples)).clip(-32768, 32767).astype(np.int16)
    line, board = bytearray(2048), np.zeros(samples, np.int16)
    line = line[: soundcore.adpcm_encode(pcm.data, line, bits)]
    assert soundcore.adpcm_decode(bytes(line), board.data) == samples
    assert _decoded(bytes(line)) == board.tolist()
    assert bits < 4 or np.abs(board.astype(int) - pcm).mean() < 1000  # it is the sound
