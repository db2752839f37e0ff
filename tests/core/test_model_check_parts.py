"""Refusals of SPLIT, UNPACK, PACK, TRANSPOSE and HARD_SWISH: the code, the operator's name and the tensor."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import soundcore

pytest.importorskip("tflite_micro", reason="the models are built with the schema that the extra 'train' brings")
from tflite_builder import ModelBuilder

SHAPE = (1, 4, 6)


def _model(
    name: str, outputs: list[tuple[int, ...]], options: dict[str, Any], numbers: list[int] | None = None,
    last: bool = False, inputs: int = 1, scale: float = 0.1, constant: bool = False,
) -> bytes:  # fmt: skip
    """Return one operator on inputs of SHAPE. numbers: a constant, in front or last; scale: of the last output."""
    b = ModelBuilder()
    xs = [b.tensor(SHAPE, 0.1, 3) for _ in range(inputs)]
    data = np.zeros(outputs[-1], np.int8) if constant else None
    ys = [b.tensor(shape, 0.1, 3) for shape in outputs[:-1]] + [b.tensor(outputs[-1], scale, 3, data)]
    more = [] if numbers is None else [b.ints(numbers)]
    b.op(name, [*xs, *more] if last else [*more, *xs], ys, **options)
    return b.build(xs, ys[:1])


HALF, PART = (1, 4, 3), (1, 6)
CASES: list[tuple[str, str, bytes, str]] = [
    ("axis", "model.options", _model("SPLIT", [HALF] * 2, {"numSplits": 2}, [3]), "SPLIT"),
    ("two axes", "model.shape", _model("SPLIT", [HALF] * 2, {"numSplits": 2}, [2, 2]), "SPLIT), tensor 3"),
    ("other number", "model.options", _model("SPLIT", [HALF] * 2, {"numSplits": 3}, [2]), "SPLIT"),
    ("not divisible", "model.shape", _model("SPLIT", [(1, 1, 6)] * 3, {"numSplits": 3}, [1]), "SPLIT"),
    ("more parts than values", "model.shape", _model("SPLIT", [(1, 4, 6)] * 2, {"numSplits": 2}, [0]), "SPLIT"),
    ("a part's shape", "model.shape", _model("SPLIT", [HALF, (1, 4, 2)], {"numSplits": 2}, [2]), "SPLIT), tensor 2"),
    ("a part's scale", "model.quant", _model("SPLIT", [HALF] * 2, {"numSplits": 2}, [2], scale=0.2), "tensor 2"),
    ("a part constant", "model.const", _model("SPLIT", [HALF] * 2, {"numSplits": 2}, [2], constant=True), "tensor 2"),
    ("65 parts", "model.arity", _model("SPLIT", [HALF] * 65, {"numSplits": 65}, [2]), "SPLIT"),
    ("unpack axis", "model.options", _model("UNPACK", [PART] * 4, {"num": 4, "axis": -4}), "UNPACK"),
    ("unpack number", "model.options", _model("UNPACK", [PART] * 4, {"num": 3, "axis": 1}), "UNPACK"),
    ("too few", "model.shape", _model("UNPACK", [PART] * 3, {"num": 3, "axis": 1}), "UNPACK"),
    ("unpack shape", "model.shape", _model("UNPACK", [PART] * 3 + [(6,)], {"num": 4, "axis": 1}), "UNPACK), tensor 4"),
    ("pack axis", "model.options", _model("PACK", [(2, 1, 4, 6)], {"valuesCount": 2, "axis": 4}, inputs=2), "PACK"),
    ("pack number", "model.options", _model("PACK", [(2, 1, 4, 6)], {"valuesCount": 3}, inputs=2), "PACK"),
    ("pack shape", "model.shape", _model("PACK", [(3, 1, 4, 6)], {"valuesCount": 2}, inputs=2), "PACK"),
    ("pack scale", "model.quant", _model("PACK", [(2, 1, 4, 6)], {"valuesCount": 2}, inputs=2, scale=0.2), "PACK"),
    ("25 packed", "model.arity", _model("PACK", [(25, 1, 4, 6)], {"valuesCount": 25}, inputs=25), "PACK"),
    ("one axis twice", "model.options", _model("TRANSPOSE", [(1, 4, 4)], {}, [0, 1, 1], last=True), "TRANSPOSE"),
    ("no such axis", "model.options", _model("TRANSPOSE", [SHAPE], {}, [0, 1, 3], last=True), "TRANSPOSE), tensor 2"),
    ("too few axes", "model.shape", _model("TRANSPOSE", [SHAPE], {}, [0, 1], last=True), "TRANSPOSE), tensor 2"),
    ("fewer dimensions", "model.shape", _model("TRANSPOSE", [(4, 6)], {}, [0, 1, 2], last=True), "TRANSPOSE"),
    ("transposed shape", "model.shape", _model("TRANSPOSE", [SHAPE], {}, [0, 2, 1], last=True), "TRANSPOSE"),
    ("hard swish, too fine", "model.multiplier", _model("HARD_SWISH", [SHAPE], {}, scale=1e-4), "HARD_SWISH"),
    ("hard swish, too coarse", "model.multiplier", _model("HARD_SWISH", [SHAPE], {}, scale=100.0), "HARD_SWISH"),
    ("hard swish, shape", "model.shape", _model("HARD_SWISH", [(1, 4, 5)], {}), "HARD_SWISH"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "buf", "names"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_what_does_not_fit_is_refused(code: str, buf: bytes, names: str) -> None:
    with pytest.raises(soundcore.Error) as caught:
        soundcore.Model(buf)
    found, detail = caught.value.args
    assert found == code, detail
    assert f"operator 0 ({names.split(')')[0].split(',')[0]}" in detail or names.startswith("tensor")
    assert names in detail


def test_an_output_that_is_written_twice_is_refused() -> None:
    b = ModelBuilder()
    x, y = b.tensor(SHAPE, 0.1), b.tensor(HALF, 0.1)
    b.op("SPLIT", [b.ints([2]), x], [y, y], numSplits=2)
    with pytest.raises(soundcore.Error) as caught:
        soundcore.Model(b.build([x], [y]))
    assert caught.value.args[0] == "model.order"
