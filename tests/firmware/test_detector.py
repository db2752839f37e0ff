"""The detector: pooling against floating point, and the promises of its events."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import pytest
from fake_stream import FakeStream, metadata
from hypothesis import example, given, settings
from hypothesis import strategies as st

from soundfw import FirmwareError
from soundfw.detect.clip import Clip
from soundfw.detect.detector import OFF, ON, EventDetector, from_stream
from soundfw.detect.thresholds import Thresholds

STEP = 2048
RATE = 16000
Event = tuple[int, int, int, str]  # time, id, class, edge


def make(
    classes: int,
    head: str = "sigmoid",
    pool_ms: int = 0,
    attention: int = 0,
    attention_scale: float = 0.05,
    scale: float = 0.0625,
    zero: int = 0,
    **limits: int,
) -> EventDetector:
    thresholds = [Thresholds(**{"on": 600, "off": 400, "min_ms": 0, "hold_ms": 0, **limits}) for _ in range(classes)]
    return EventDetector(
        [f"c{i}" for i in range(classes)],
        head,
        thresholds,
        pool_ms,
        RATE,
        STEP,
        (scale, zero),
        (attention_scale, 0),
        attention,
    )


def events(d: EventDetector, scores: Sequence[Sequence[int]], close: bool = True) -> list[Event]:
    """Apply the thresholds to rows of scores in 1/1000 and return the edges."""
    out: list[Event] = []

    def collect() -> None:
        for i, edge in enumerate(d.edge):
            if edge:
                out.append((d.time[i], d.id[i], i, "on" if edge == ON else "off"))

    now = 256
    for row in scores:
        now += STEP
        d.scores[:] = list(row)
        changed = d.update(now)
        assert changed == sum(e != 0 for e in d.edge)
        collect()
    if close:
        d.close(now)
        collect()
    return out


class Reference:
    """The same formula in floating point."""

    def __init__(self, classes: int, pool_ms: int, scale: float, zero: int, attention_scale: float) -> None:
        self.num = [0.0] * classes
        self.den = [0.0] * classes
        self.d = math.exp(-STEP * 1000 / (RATE * pool_ms)) if pool_ms else 0.0
        self.scale, self.zero, self.attention_scale = scale, zero, attention_scale

    def step(self, logits: Sequence[int], attention: Sequence[int]) -> list[float]:
        for i, q in enumerate(logits):
            a = attention[i if len(attention) > 1 else 0] if attention else 0
            w = math.exp(a * self.attention_scale)
            self.num[i] = self.num[i] * self.d + w * (q - self.zero) * self.scale
            self.den[i] = self.den[i] * self.d + w
        return [n / d for n, d in zip(self.num, self.den, strict=True)]


def probabilities(z: Sequence[float], head: str) -> list[float]:
    if head == "sigmoid":
        return [1 / (1 + math.exp(-v)) for v in z]
    e = [math.exp(v - max(z)) for v in z]
    return [v / sum(e) for v in e]


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    classes=st.integers(1, 6),
    head=st.sampled_from(["sigmoid", "softmax"]),
    pool_ms=st.sampled_from([0, 128, 500, 1000, 3000, 20000]),
    attention=st.sampled_from(["none", "shared", "each"]),
    attention_scale=st.sampled_from([0.001, 0.02, 0.1, 0.3]),
    scale=st.sampled_from([0.01, 0.05, 0.11, 0.25]),
    zero=st.integers(-128, 127),
)
def test_pooled_scores_equal_floating_point(
    seed: int, classes: int, head: str, pool_ms: int, attention: str, attention_scale: float, scale: float, zero: int
) -> None:
    rng = random.Random(seed)
    count = {"none": 0, "shared": 1, "each": classes}[attention]
    d = make(classes, head, pool_ms, count, attention_scale, scale, zero)
    reference = Reference(classes, pool_ms, scale, zero, attention_scale)
    logits = [0] * classes
    weights = [0] * count
    for n in range(200):
        if n % rng.choice([1, 7, 30]) == 0:
            logits = [rng.randint(-128, 127) for _ in logits]
            weights = [rng.randint(-128, 127) for _ in weights]
        d.step(logits, weights, 2304 + n * STEP)
        expected = probabilities(reference.step(logits, weights), head)
        assert max(abs(p - 1000 * e) for p, e in zip(d.scores, expected, strict=True)) < 3


def test_pool_keeps_its_precision_over_a_long_time_of_low_attention() -> None:
    d = make(1, pool_ms=1000, attention=1, attention_scale=0.1)
    reference = Reference(1, 1000, 0.0625, 0, 0.1)
    for n in range(400):
        attention = [127] if n < 10 else [-128 + n % 3]
        logits = [-100] if n < 10 else [20 + n % 5]
        d.step(logits, attention, 2304 + n * STEP)
        assert abs(d.scores[0] - 1000 * probabilities(reference.step(logits, attention), "sigmoid")[0]) < 2


class Small(int):
    """An integer that refuses to leave what a 32-bit MicroPython keeps without allocating."""

    def __new__(cls, value: int) -> Small:
        assert -(2**30) <= value < 2**30, f"{value} is no small integer"
        return super().__new__(cls, value)

    def _of(name: str):  # type: ignore[no-untyped-def]
        def method(self: Small, *other: int) -> object:
            result = getattr(int, name)(self, *other)
            return Small(result) if isinstance(result, int) and not isinstance(result, bool) else result

        return method

    for _name in (
        "add",
        "radd",
        "sub",
        "rsub",
        "mul",
        "rmul",
        "floordiv",
        "rfloordiv",
        "lshift",
        "rlshift",
        "rshift",
        "rrshift",
        "and",
        "rand",
        "mod",
        "rmod",
    ):
        locals()[f"__{_name}__"] = _of(f"__{_name}__")
    __neg__ = _of("__neg__")
    __abs__ = _of("__abs__")


@pytest.mark.parametrize("pool_ms", [0, 128, 1000, 30000])
@pytest.mark.parametrize("attention_scale", [0.0, 0.003, 0.1, 0.6, 0.9])
@pytest.mark.parametrize("head", ["sigmoid", "softmax"])
def test_every_value_in_the_loop_is_a_small_integer(
    pool_ms: int, attention_scale: float, head: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from soundfw.detect import fixed

    d = make(3, head, pool_ms, 1, attention_scale, scale=0.2, zero=-128)
    # The loop's own values, private ones, become integers that check themselves: no caller can pass them in.
    for pool in d._pools:
        pool.num = [Small(0)] * 3
        pool.den = Small(0)
        pool._exp = [Small(v) for v in pool._exp]
        pool._full, pool._decay, pool._gain = Small(pool._full), Small(pool._decay), Small(pool._gain)
    d._logit._factor = Small(d._logit._factor)
    monkeypatch.setattr(fixed, "_EXP", [Small(v) for v in fixed._EXP])
    rng = random.Random(1)
    for n in range(600):
        extreme = n // 150 % 2
        logits = [Small(127 if extreme else rng.randint(-128, 127)) for _ in range(3)]
        attention = [Small(rng.choice([-128, 127]) if n % 50 < 25 else rng.randint(-128, 127))]
        d.step(logits, attention, Small(2304 + n * STEP))
        assert isinstance(d._pools[0].den, Small)
        assert all(0 <= s <= 1000 for s in d.scores)


def test_one_burst_gives_one_event() -> None:
    burst = [[0]] * 5 + [[300], [700], [900], [500], [950], [450], [100]] + [[0]] * 5
    assert events(make(1), burst) == [(256 + 6 * STEP, 1, 0, "on"), (256 + 11 * STEP, 1, 0, "off")]


def test_onset_is_where_the_score_left_off_and_the_end_where_it_fell_below() -> None:
    # Rises through 400 in step 2, reaches 600 in step 3: pooled scores lag, so the sound began with step 2.
    got = events(make(1, pool_ms=1000), [[0], [0], [450], [800], [900], [500], [300], [0]])
    assert got == [(256 + 2 * STEP, 1, 0, "on"), (256 + 6 * STEP, 1, 0, "off")]


@pytest.mark.parametrize(("pool_ms", "back_ms"), [(0, 1000), (256, 1000), (1500, 1500)])
def test_onset_is_dated_back_by_a_second_or_the_pooling_time_at_most(pool_ms: int, back_ms: int) -> None:
    got = events(make(1, pool_ms=pool_ms), [[450]] * 50 + [[800], [0]])
    assert got[0][0] == 256 + 50 * STEP - 16 * back_ms


def test_a_burst_shorter_than_min_ms_is_no_event() -> None:
    d = make(1, min_ms=256)
    assert events(d, [[0], [900], [0], [0], [900], [100]]) == []
    assert [e[3] for e in events(make(1, min_ms=256), [[0], [900], [700], [0]])] == ["on", "off"]


def test_gaps_shorter_than_hold_ms_do_not_split_an_event() -> None:
    pulses = ([[900]] * 3 + [[0]] * 3) * 4 + [[0]] * 10
    assert len(events(make(1, hold_ms=500), pulses)) == 2
    assert len(events(make(1, hold_ms=100), pulses)) == 8


def test_no_second_event_before_the_score_has_fallen() -> None:
    # 450 is between the thresholds: neither an end nor a new beginning.
    assert len(events(make(1), [[900], [450], [900], [450], [900], [450], [700]])) == 2


def test_an_open_event_ends_with_the_sound() -> None:
    assert events(make(1), [[0], [900], [900]])[-1] == (256 + 3 * STEP, 1, 0, "off")
    # One that had already fallen ends where it fell.
    assert events(make(1, hold_ms=5000), [[0], [900], [0], [0]])[-1] == (256 + 2 * STEP, 1, 0, "off")


def test_an_on_event_shows_a_score_at_or_above_the_threshold_and_off_the_highest() -> None:
    d = make(1, min_ms=384)
    seen = []
    for n, score in enumerate([650, 500, 450, 900, 800, 100]):
        d.scores[0] = score
        if d.update(256 + (n + 1) * STEP):
            seen.append((d.edge[0], d.peak[0]))
    assert seen == [(ON, 650), (OFF, 900)]


scores_1 = st.lists(st.tuples(st.sampled_from([0, 100, 399, 400, 401, 599, 600, 601, 1000])), min_size=1, max_size=80)


@given(scores_1, st.sampled_from([0, 128, 256, 500, 2000]), st.sampled_from([0, 100, 128, 300, 1000]))
def test_edges_alternate_ids_are_unique_and_times_rise(rows: list[tuple[int]], min_ms: int, hold_ms: int) -> None:
    got = events(make(1, min_ms=min_ms, hold_ms=hold_ms), rows)
    assert [e[3] for e in got] == ["on", "off"] * (len(got) // 2)
    assert [e[1] for e in got] == [n // 2 + 1 for n in range(len(got))]
    times = [e[0] for e in got]
    assert times == sorted(times)
    assert all(b > a for a, b in zip(times[::2], times[1::2], strict=True))


@given(scores_1, st.sampled_from([0, 128, 256, 500]), st.sampled_from([0, 128, 300, 1000]))
def test_between_two_events_the_score_was_below_off_for_hold_ms(
    rows: list[tuple[int]], min_ms: int, hold_ms: int
) -> None:
    got = events(make(1, min_ms=min_ms, hold_ms=hold_ms), rows)
    for end, begin in zip(got[1::2], got[2::2], strict=False):
        first = (end[0] - 256) // STEP
        quiet = 0
        while first + quiet < len(rows) and rows[first + quiet][0] < 400:
            quiet += 1
        assert quiet >= 1
        assert quiet * STEP * 1000 >= hold_ms * RATE
        assert begin[0] >= end[0]


@given(scores_1, st.sampled_from([0, 256, 1000]))
def test_every_long_enough_stay_above_on_is_covered_by_an_event(rows: list[tuple[int]], min_ms: int) -> None:
    got = events(make(1, min_ms=min_ms), rows)
    spans = list(zip(got[::2], got[1::2], strict=True))
    steps = max(1, -(-min_ms * RATE // (1000 * STEP)))
    for n in range(len(rows) - steps + 1):
        if all(r[0] >= 600 for r in rows[n : n + steps]):
            assert any(on[0] <= 256 + n * STEP and off[0] >= 256 + (n + steps) * STEP for on, off in spans)


@given(
    st.lists(st.tuples(*[st.integers(0, 1000)] * 3), max_size=60),
    st.integers(1, 1000),
    st.sampled_from([0, 300]),
)
def test_one_class_never_touches_another(rows: list[tuple[int, int, int]], on: int, hold_ms: int) -> None:
    def spans(d: EventDetector) -> list[tuple[int, str]]:
        return [(t, edge) for t, _, c, edge in events(d, rows) if c != 1]

    changed = make(3, hold_ms=hold_ms)
    changed.thresholds[1] = Thresholds(on, min(on, 200), 0, 0)
    assert spans(changed) == spans(make(3, hold_ms=hold_ms))


@pytest.mark.parametrize("head", ["sigmoid", "softmax"])
@pytest.mark.parametrize("c", range(4))
def test_every_class_can_be_reached(head: str, c: int) -> None:
    d = make(4, head, pool_ms=1000)
    seen = set()
    for n in range(40):
        logits = [-90] * 4
        if 10 <= n < 25:
            logits[c] = 90
        if d.step(logits, (), 2304 + n * STEP):
            seen |= {i for i, e in enumerate(d.edge) if e == ON}
    assert seen == {c}


def test_lost_samples_do_not_change_the_order_of_times() -> None:
    d = make(1, pool_ms=1000)
    times = []
    for now, score in [(2304, 0), (4352, 0), (90000, 900), (92048, 900), (190000, 0), (192048, 0)]:
        d.scores[0] = score
        if d.update(now):
            times.append(d.time[0])
    assert times == sorted(times)
    assert len(times) == 2


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"on": 0}, "detector.threshold"),
        ({"on": 300}, "detector.threshold"),
        ({"on": 1001}, "detector.threshold"),
        ({"off": 0}, "detector.threshold"),
        ({"min_ms": -1}, "detector.time"),
        ({"hold_ms": 10**6}, "detector.time"),
        ({"on": 0.6}, "detector.value"),
        ({"on": "600"}, "detector.value"),
        ({"hold_ms": None}, "detector.value"),
    ],
)
def test_invalid_thresholds_are_refused(values: dict[str, int], code: str) -> None:
    with pytest.raises(FirmwareError) as e:
        Thresholds(**{"on": 600, "off": 400, **values})
    assert e.value.args[0] == code


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"head": "linear"}, "detector.head"),
        ({"labels": ["a"]}, "detector.classes"),
        ({"labels": ["a", ""]}, "meta.labels"),
        ({"labels": ["a", "b" * 65]}, "meta.labels"),
        ({"labels": ["a", 5]}, "meta.labels"),
        ({"detector": {}}, "meta.json"),
        ({"detector": None}, "meta.json"),
        (
            {"detector": {"pool_ms": 90000, "classes": [{"on": 5, "off": 5, "min_ms": 0, "hold_ms": 0}] * 2}},
            "detector.time",
        ),
    ],
)
def test_metadata_that_does_not_fit_is_refused_with_a_code(change: dict[str, object], code: str) -> None:
    good = metadata(["a", "b"])
    stream = FakeStream(lambda n: [0, 0], good)
    assert from_stream(stream, good).labels == ["a", "b"]
    with pytest.raises(FirmwareError) as e:
        from_stream(stream, {**good, **change})
    assert e.value.args[0] == code


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.sampled_from(["none", "shared", "each"]), st.sampled_from(["sigmoid", "softmax"]))
@example(107422, "shared", "sigmoid")  # a few steps, all of very low attention
def test_clip_is_the_weighted_mean_of_all_steps(seed: int, attention: str, head: str) -> None:
    rng = random.Random(seed)
    count = {"none": 0, "shared": 1, "each": 4}[attention]
    clip = Clip(head, 4, (0.07, -3), (0.2, 5), count)
    num, den = [0.0] * 4, [0.0] * 4
    for _ in range(rng.randint(1, 300)):
        logits = [rng.randint(-128, 127) for _ in range(4)]
        weights = [rng.randint(-128, 127) for _ in range(count)]
        clip.step(logits, weights)
        for i in range(4):
            w = math.exp(0.2 * weights[i if count > 1 else 0]) if count else 1.0
            num[i] += w * (logits[i] + 3) * 0.07
            den[i] += w
    z = [n / d for n, d in zip(num, den, strict=True)]
    assert max(abs(a / 4096 - b) for a, b in zip(clip.logits(), z, strict=True)) < 1e-3
    assert max(abs(p - 1000 * e) for p, e in zip(clip.scores(), probabilities(z, head), strict=True)) < 1.5
    assert z[clip.best()] > max(z) - 1e-3
    clip.reset()
    assert clip.steps == 0
    assert clip.logits() == [0, 0, 0, 0]


def test_a_clip_of_the_lowest_attention_still_has_a_mean() -> None:
    clip = Clip("softmax", 2, (0.1, 0), (0.5, 0), 1)
    for _ in range(10):
        clip.step([50, -50], [-128])
    assert [round(z / 4096, 3) for z in clip.logits()] == [5.0, -5.0]
