"""Events from the logits of each step: pooling, probability, thresholds with hysteresis.

Pooling is an attention-weighted mean of the logits z that forgets with the time constant pool_ms:

    num = num * d + exp(a) * z      den = den * d + exp(a)      d = exp(-step / pool)      pooled = num / den

then softmax or sigmoid in 1/1000. A class that reaches `on` and does not fall below `off` for min_ms is an event.
It ends when the score has been below `off` for hold_ms without a break, so a burst with short gaps is one event,
and no event can follow before the score has fallen.

An event also ends with its sound (rise.py): a score counts as below `off` while the level has fallen to less than half
of its rise, in dB, above what was heard before the event, and after a gap in the score the event goes on only if the
sound is as loud as it was or the score reaches `on`. If the score never falls, a sound that is as loud again for a
second in all is another event: an alarm that goes on beside a louder bang is not silenced by it. Where no background is
known, as for a sound that was there when the detector started, and where the sound hardly rises, the score alone
decides.

This is the definition, and what the tools of a computer look into. Boards run soundcore's detector (core_detector.py),
which is tested to be equal.
"""

from ..platform import const
from . import NONE, OFF, ON, fixed
from .rise import Levels, Rise
from .thresholds import check, described

_FRACTION = const(9)  # bits after the point of a pooled mean, in units of the logits' quantization step

_LOW = const(1 << 18)  # a pool's den below this is brought up when the attention allows it

_MOST_UP = const(12)  # a step of 512 in the logits; beyond, every score is 0, 1/2 or 1

_BACK_MS = const(1000)  # an onset is dated back this far at most, or pool_ms if that is longer

_AGAIN_MS = const(1000)  # a sound that goes on after its event is another one when it was as loud for so long

_PAUSE_MS = const(1800)  # a sound may pause so long while its score stays up: a smoke alarm does for 1.65 s

IDLE = const(0)  # states
RISING = const(1)  # at or above `on` once, not yet for min_ms
OVER = const(2)  # the event has ended with its sound, and the score is still up
ACTIVE = const(3)  # an event, as all from here on
FALLING = const(4)  # below `off`, not yet for hold_ms
QUIET = const(5)  # at or above `off`, but the sound has gone, not yet for hold_ms or _PAUSE_MS


class Logit:
    """Turns a fraction of summed quantized logits into Q12. scale: float of the tensor."""

    def __init__(self, scale):
        factor = (fixed.from_scale(scale) + 2) >> 2
        self._up = 0
        while factor > fixed.ONE and self._up < _MOST_UP:
            factor = (factor + 1) >> 1
            self._up += 1
        self._factor = min(factor, fixed.ONE)

    def of(self, num, den):
        """Return num / den * scale in Q12; |num| < 2**28, 0 < den <= 2**20 and |num / den| < 256 or so."""
        whole = num // den
        mean = (whole << _FRACTION) + (((num - whole * den) << _FRACTION) // den)
        return fixed.mul(mean << self._up, self._factor)


class Pool:
    """Leaky weighted sums of `count` classes that share one attention logit.

    The sums are kept relative to exp(ref), which follows the attention up at once and down as they decay: so they
    neither pass 2**28 nor lose their low bits, however far the attention ranges. scale: of the attention, in Q20;
    powers: 256 of exp(-scale), which all pools of a detector share.
    """

    def __init__(self, first, count, decay, scale, powers):
        self.num = [0] * count
        self.den = 0
        self._first = first
        self._count = count
        self._decay = decay
        self._ref = -128
        self._exp = powers
        # The largest weight: with no decay above it, den settles below 2**20.
        self._full = max(1, min(fixed.ONE, (fixed.ONE - decay) << 5))
        # Lowering ref by _down attention steps multiplies by at most 2, which is 1 + _gain.
        self._down = min(255, 726817 // scale) if scale else 0
        gain = (1 << 120) // fixed.exp_exact(scale * self._down) - (1 << 60)
        self._gain = min(fixed.ONE, (gain + (1 << 44)) >> 45)

    def reset(self):
        """Forget the sound."""
        self.den = 0
        self._ref = -128
        for i in range(self._count):
            self.num[i] = 0

    def step(self, attention, logits, zero):
        """Add one step. attention: int8 value; logits: int8 view of all classes; zero: their zero point."""
        num = self.num
        if attention > self._ref:
            self._scale(self._exp[attention - self._ref])
            self._ref = attention
        self._scale(self._decay)
        if self.den == 0:
            self._ref = attention
            for i in range(self._count):
                num[i] = 0
        elif self._down:
            while self.den < _LOW and self._ref - self._down >= attention:
                self._ref -= self._down
                self.den += fixed.mul(self.den, self._gain)
                for i in range(self._count):
                    num[i] += fixed.mul(num[i], self._gain)
        weight = fixed.mul(self._full, self._exp[self._ref - attention]) or 1
        self.den += weight
        for i in range(self._count):
            num[i] += weight * (logits[self._first + i] - zero)

    def _scale(self, factor):
        mul = fixed.mul
        num = self.num
        self.den = mul(self.den, factor)
        for i in range(self._count):
            num[i] = mul(num[i], factor)


class EventDetector:
    """All classes of a model. step() takes the logits of one step; what changed is in edge, id, time and peak.

    labels: names. head: "softmax" or "sigmoid". thresholds: one Thresholds per label. pool_ms: 0 for no pooling.
    scores_quant, attention_quant: (scale, zero point); attention_count: 0, 1 or the number of labels.
    levels: rise.Levels of the stream's features; None: the score alone decides when an event ends.
    """

    def __init__(
        self,
        labels,
        head,
        thresholds,
        pool_ms,
        rate_hz,
        step_samples,
        scores_quant,
        attention_quant=(0.0, 0),
        attention_count=0,
        levels=None,
    ):
        count = len(labels)
        check(head, count, len(thresholds), attention_count, pool_ms)
        self.labels = labels
        self.thresholds = thresholds
        self.scores = [0] * count  # 1/1000
        self.edge = [NONE] * count  # what the last step changed
        self.id = [0] * count  # of the class's newest event
        self.time = [0] * count  # of the edge, in samples
        self.peak = [0] * count  # highest score of the event so far, 1/1000
        self._softmax = head == "softmax"
        self._rate_hz = rate_hz
        self._step_samples = step_samples
        self._back = max(pool_ms, _BACK_MS) * rate_hz // 1000
        self._zero = scores_quant[1]
        self._attention = attention_count
        self._z = [0] * count
        self._logit = Logit(scores_quant[0])
        decay = 0
        if pool_ms:
            decay = (fixed.exp_exact((step_samples * 1000 << 20) // (rate_hz * pool_ms)) + (1 << 44)) >> 45
        per_class = attention_count > 1
        groups = count if per_class else 1
        scale = fixed.from_scale(attention_quant[0])
        powers = fixed.powers(fixed.exp_exact(scale), 256)
        self._pools = [Pool(i, 1 if per_class else count, decay, scale, powers) for i in range(groups)]
        self.levels = levels
        self._rises = [Rise(levels) for _ in labels] if levels is not None else None
        self.state = [IDLE] * count  # what each class does
        self.fell = [0] * count  # where the step began in which the score, or the sound before it, fell
        self.held = [0] * count  # from where the hold counts: a score that falls later than its sound has all of it
        self._run = [0] * count  # where the newest step below `off` ended
        self._start = [0] * count
        self._loud = [0] * count  # samples for which the sound was as loud again, after its event
        self._reached = [0] * count  # where the step began that reached `on`
        self._next_id = 1

    def reset(self):
        """Forget the sound and open events; ids go on."""
        for pool in self._pools:
            pool.reset()
        if self.levels is not None:
            self.levels.reset()
            for rise in self._rises:
                rise.forget()
        for i in range(len(self.labels)):
            self.state[i] = IDLE
            self._run[i] = 0
            self.edge[i] = NONE

    def step(self, logits, attention, now):
        """Process one step that ended at sample `now`; return how many classes changed."""
        z = self._z
        if self._attention > 1:
            for i in range(len(z)):
                pool = self._pools[i]
                pool.step(attention[i], logits, self._zero)
                z[i] = self._logit.of(pool.num[0], pool.den)
        else:
            pool = self._pools[0]
            pool.step(attention[0] if self._attention else 0, logits, self._zero)
            for i in range(len(z)):
                z[i] = self._logit.of(pool.num[i], pool.den)
        if self._softmax:
            fixed.softmax(z, self.scores)
        else:
            for i in range(len(z)):
                self.scores[i] = fixed.sigmoid(z[i])
        if self.levels is not None:
            self.levels.step()
        return self.update(now)

    def update(self, now):
        """Apply the thresholds to self.scores, the last part of step(); return how many classes changed.

        The newest step is then also that of self.levels (Levels.add).
        """
        changed = 0
        for i in range(len(self.scores)):
            edge = self._decide(i, self.scores[i], now)
            self.edge[i] = edge
            if edge:
                changed += 1
        return changed

    def close(self, now):
        """End the events that are still on, because the sound has ended; return how many classes changed."""
        changed = 0
        for i in range(len(self.scores)):
            state = self.state[i]
            self.edge[i] = NONE
            if state >= ACTIVE:
                self.time[i] = now if state == ACTIVE else self.fell[i]
                self.edge[i] = OFF
                changed += 1
            self.state[i] = IDLE
        return changed

    def hold_ms(self, i):
        """Return how long class i has to stay below `off`, or quiet, until its event ends."""
        hold = self.thresholds[i].hold_ms
        return max(hold, _PAUSE_MS) if self.state[i] == QUIET else hold

    def _decide(self, i, score, now):
        rule = self.thresholds[i]
        begin = now - self._step_samples
        state = self.state[i]
        low = score < rule.off
        over = False
        if self._rises is not None:
            rise = self._rises[i]
            if low and state < ACTIVE:
                if rise.age >= 0:
                    rise.reset()
            else:
                rise.follow(state == IDLE)
                over = state >= ACTIVE and rise.over()
        if low:
            self._run[i] = now
        if low or over:
            if state == ACTIVE:
                self.fell[i] = self.held[i] = begin
            elif state < ACTIVE:
                self.state[i] = IDLE
                return NONE
            elif state == QUIET and low:
                self.held[i] = begin
            self.state[i] = FALLING if low or state == FALLING else QUIET
            return self._end(i, now, low)
        if state == OVER:
            # A sound that goes on, or comes again, while its score is up is an event of its own.
            if score < rule.on:
                self._loud[i] = 0
                return NONE
            if not self._rises[i].again():
                return NONE
            if self._loud[i] == 0:
                self._start[i] = begin
            self._loud[i] += self._step_samples
            if self._loud[i] * 1000 < max(rule.min_ms, _AGAIN_MS) * self._rate_hz:
                return NONE
            self.peak[i] = score
            return self._begin(i)
        if state == IDLE:
            if score < rule.on:
                return NONE
            # Pooling and the network's own memory make the score rise slowly: the sound began where it left `off`.
            self._start[i] = max(self._run[i], begin - self._back)
            self._reached[i] = begin
            self.peak[i] = 0
            self.state[i] = state = RISING
        elif state == FALLING and score < rule.on and self._rises is not None and not self._rises[i].back():
            # Something else lifts the score.
            return self._end(i, now, True)
        elif state != RISING:
            self.state[i] = ACTIVE
        if score > self.peak[i]:
            self.peak[i] = score
        if state == RISING and (now - self._reached[i]) * 1000 >= rule.min_ms * self._rate_hz:
            return self._begin(i)
        return NONE

    def _begin(self, i):
        """Begin the event that self._start dates."""
        self.state[i] = ACTIVE
        self.id[i] = self._next_id
        self._next_id += 1
        self.time[i] = self._start[i]
        return ON

    def _end(self, i, now, fallen):
        """End the event if it has been below `off`, or quiet, for long enough. fallen: the score has been below."""
        if (now - self.held[i]) * 1000 < self.hold_ms(i) * self._rate_hz:
            return NONE
        self.state[i] = IDLE if fallen else OVER
        self._loud[i] = 0
        self.time[i] = self.fell[i]
        if self._rises is not None:
            self._rises[i].ended()
        return OFF


def from_stream(stream, metadata):
    """Make the detector that a model's metadata (dict) describes; FirmwareError if it does not fit the stream."""
    labels, head, thresholds, pool_ms = described(metadata)
    attention_count = len(stream.attention)
    attention_quant = stream.attention_quant if attention_count else (0.0, 0)
    return EventDetector(
        labels,
        head,
        thresholds,
        pool_ms,
        metadata["frontend"]["rate_hz"],
        stream.step_samples,
        stream.scores_quant,
        attention_quant,
        attention_count,
        Levels(stream.features, metadata["frontend"], stream.step_samples),
    )
