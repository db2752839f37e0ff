"""The detector that boards run: soundcore's, with labels and thresholds. detector.py is its definition."""

from array import array


class CoreDetector:
    """All classes of a model. step(now) takes the stream's newest step; what changed is in edge, id, ago and peak.

    stream: soundcore.Stream. labels: names. thresholds: one thresholds.Thresholds per label. pool_ms: 0 for no pooling.

    step(now), close(now): return how many classes changed; now: the end of the newest step, in samples.
    Views of one value per class: scores, peak (1/1000); edge (0, ON or OFF); id of the newest event; ago: of the edge,
    in samples before now.
    """

    def __init__(self, stream, labels, softmax, thresholds, pool_ms):
        self.labels = labels
        self._rules = array("H", bytes(8 * len(labels)))
        self.thresholds = thresholds
        core = stream.detector(self._rules, softmax, pool_ms)
        self.step = core.step
        self.close = core.close
        self.scores = core.scores
        self.edge = core.edge
        self.id = core.id
        self.peak = core.peak
        self.ago = core.ago

    @property
    def thresholds(self):
        """The thresholds of all classes, a new list: to change them, assign it."""
        from .thresholds import Thresholds

        rules = self._rules
        return [Thresholds(*rules[4 * i : 4 * i + 4]) for i in range(len(self.labels))]

    @thresholds.setter
    def thresholds(self, new):
        i = 0
        for t in new:
            for value in (t.on, t.off, t.min_ms, t.hold_ms):
                self._rules[i] = value
                i += 1


def open_detector(stream, metadata):
    """Make the detector that a model's metadata (dict) describes; FirmwareError if it does not fit the stream."""
    from .thresholds import check, described

    labels, head, thresholds, pool_ms = described(metadata)
    check(head, len(labels), len(thresholds), len(stream.attention), pool_ms)
    return CoreDetector(stream, labels, head == "softmax", thresholds, pool_ms)
