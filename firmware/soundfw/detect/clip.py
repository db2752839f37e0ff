"""One label for a whole clip: the detector's sums with no forgetting. For evaluation, not for the loop."""

from . import fixed


class Clip:
    """Attention-weighted mean of all logits of a clip.

    head: "softmax" or "sigmoid"; count: classes. scores_quant, attention_quant: (scale, zero point);
    attention_count: 0, 1 or count. The sums are big integers and therefore exact however long the clip is.
    """

    def __init__(self, head, count, scores_quant, attention_quant=(0.0, 0), attention_count=0):
        self._softmax = head == "softmax"
        self._count = count
        self._scale = fixed.from_scale(scores_quant[0])
        self._zero = scores_quant[1]
        self._attention = attention_count
        ratio = fixed.exp_exact(fixed.from_scale(attention_quant[0]))
        # exp(-k * scale) in Q512, exact to 50 bits even for the lowest attention of a clip that has nothing else.
        self._weights = [1 << 512]
        for _ in range(255):
            self._weights.append(max(1, (self._weights[-1] * ratio) >> 60))
        self.reset()

    def reset(self):
        """Start a new clip."""
        self._num = [0] * self._count
        self._den = [0] * self._count
        self.steps = 0

    def step(self, logits, attention):
        """Add one step: int8 views like Stream.scores and Stream.attention."""
        self.steps += 1
        weight = self._weights[0]
        if self._attention == 1:
            weight = self._weights[127 - attention[0]]
        for i in range(self._count):
            if self._attention > 1:
                weight = self._weights[127 - attention[i]]
            self._num[i] += weight * (logits[i] - self._zero)
            self._den[i] += weight

    def logits(self):
        """Return the pooled logits in Q12, zeros before the first step."""
        return [(n * self._scale) // (d << 8) if d else 0 for n, d in zip(self._num, self._den)]

    def scores(self):
        """Return the probabilities in 1/1000."""
        z = self.logits()
        if not self._softmax:
            return [fixed.sigmoid(v) for v in z]
        out = [0] * self._count
        fixed.softmax(z, out)
        return out

    def best(self):
        """Return the index of the highest pooled logit, the first of equals."""
        z = self.logits()
        return z.index(max(z))
