"""Integer arithmetic of the firmware against floating point, and within the small integers of a 32-bit chip."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soundfw.detect import fixed


@given(st.integers(0, 2**31 - 1))
def test_a_scale_converts_equally_in_32_and_64_bit_floats(bits: int) -> None:
    scale = np.array(bits, np.uint32).view(np.float32)[()]
    if not np.isfinite(scale) or scale > 256:
        return
    # A Python with 32-bit floats multiplies in them.
    product = np.float32(scale) * np.float32(2097152)
    assert product.dtype == np.float32
    single = (int(product) + 1) >> 1
    assert fixed.from_scale(float(scale)) == single
    assert abs(single - float(scale) * 2**20) <= 0.5


@pytest.mark.parametrize("x", [0, 1, 1000, 2**20 // 32, 2**20, 5 * 2**20, 30 * 2**20])
def test_exact_exponential(x: int) -> None:
    assert fixed.exp_exact(x) / 2**60 == pytest.approx(math.exp(-x / 2**20), rel=1e-12, abs=2**-58)


def test_exact_exponential_of_a_huge_value_is_zero() -> None:
    assert fixed.exp_exact(1 << 90) == 0


def test_exponential_over_its_whole_range() -> None:
    worst = max(abs(fixed.exp_neg(x) / 2**15 - math.exp(-x / 4096)) for x in range(14 * 4096))
    assert worst < 1.4e-4
    assert fixed.exp_neg(0) == fixed.ONE


@given(st.integers(-(2**28) + 1, 2**28 - 1), st.integers(0, 2**15))
def test_product_is_exact_and_its_halves_are_small(x: int, factor: int) -> None:
    assert fixed.mul(x, factor) == (x * factor + 2**14) >> 15
    assert abs((x >> 14) * factor + (((x & 16383) * factor + 16384) >> 14)) < 2**30
    assert (x & 16383) * factor + 16384 < 2**30


def test_sigmoid_is_right_to_a_thousandth_rises_and_is_symmetric() -> None:
    values = [fixed.sigmoid(z) for z in range(-12 * 4096, 12 * 4096)]
    for z, p in zip(range(-12 * 4096, 12 * 4096), values, strict=True):
        assert abs(p - 1000 / (1 + math.exp(-z / 4096))) < 0.63
    assert values == sorted(values)
    assert values[0] == 0
    assert values[-1] == 1000
    assert all(abs(fixed.sigmoid(z) + fixed.sigmoid(-z) - 1000) <= 1 for z in range(0, 30000, 7))


@given(st.lists(st.integers(-(2**17), 2**17), min_size=1, max_size=30))
def test_softmax_is_right_to_a_thousandth(z: list[int]) -> None:
    out = [0] * len(z)
    fixed.softmax(z, out)
    e = np.exp((np.array(z) - max(z)) / 4096)
    assert np.abs(np.array(out) - 1000 * e / e.sum()).max() < 0.8


@given(st.integers(1, 2**50))
def test_logarithm(x: int) -> None:
    assert abs(fixed.log2(x) / 65536 - math.log2(x)) < 2e-4
