"""The rise of a sound above what was heard before it, by which an event ends with its sound.

A network's score, and more so its pooling, may stay up for seconds after the sound: of a detector without a class for
"none" until the next sound. The level does not. It is compared with the event's own background, in dB, so neither the
microphone's gain nor a steady noise matters. All values are whole numbers below 2**24, small ones on every chip.
"""

from ..platform import const

_GROUPS = const(5)  # of neighbouring bands: a sound may rise in one and be hidden in the others
_FRAMES = const(8)  # of a step, at most, are looked at
_BLOCK_MS = const(1000)
_FALL_MS = const(7000)  # the rise that an event had is forgotten with this time constant

_KEEP = const(8)  # blocks for which an event's background counts after its end
_FINE = const(6)  # bits after the point of a rise's top

_LEAST_DB = const(8)  # a sound that never rises so far tells nothing
_FLOOR_DB = const(6)  # what rises less is no longer the sound


class Levels:
    """The level of each group of bands in the newest step, and what it was before.

    features: int8 view (frames * width) of the newest step. frontend: its settings, of the metadata. A level is the sum
    over the frames of the group's loudest band above the floor; `db` of them are a decibel (MFCC: the first coefficient
    in place of the bands, which is their mean).
    """

    def __init__(self, features, frontend, step_samples):
        width = frontend["coefficients"] or frontend["bands"]
        groups = 1 if frontend["coefficients"] else min(_GROUPS, width)
        frames = len(features) // width
        # Windows that overlap hear each sample more than once.
        stride = max(1, frontend["window"] // frontend["hop"], (frames + _FRAMES - 1) // _FRAMES)
        used = range(min(stride, frames) - 1, frames, stride)
        edges = [0, 1] if frontend["coefficients"] else [width * g // groups for g in range(groups + 1)]
        self._views = [[features[f * width + edges[g] : f * width + edges[g + 1]] for f in used] for g in range(groups)]
        self._offset = 128 * len(used)
        self.db = max(1, 1000 * len(used) // frontend["step_mdb"])
        if frontend["coefficients"]:
            # The first of an orthonormal transform is the mean times the root of the number of bands.
            self.db = max(1, int(self.db * frontend["bands"] ** 0.5))
        step_ms = max(1, step_samples * 1000 // frontend["rate_hz"])
        self.block_steps = max(1, _BLOCK_MS // step_ms)
        self.fall = max(2, _FALL_MS // step_ms)
        self.now = [0] * groups
        self._recent = [0] * groups  # the highest of about the last second
        # Sums over blocks of block_steps, round and round: the one that grows, and the three before it.
        self._blocks = [[0] * groups for _ in range(4)]
        self.reset()

    def reset(self):
        """Forget the sound."""
        self.blocks = 0  # that have been begun since, less one
        self._steps = 0  # in the block that grows
        self._full = 0  # blocks that can be looked back on, 3 at most
        for g in range(len(self.now)):
            self._recent[g] = 0
            self._blocks[0][g] = 0

    def step(self):
        """Measure the step that the features are of."""
        now = self.now
        offset = self._offset
        g = 0
        for views in self._views:
            level = offset
            for view in views:
                level += max(view)
            now[g] = level
            g += 1
        self.add()

    def add(self):
        """Count the levels in `now`, which step() or who keeps them has set, as those of the newest step."""
        if self._steps == self.block_steps:
            self.blocks += 1
            self._steps = 0
            self._full = min(3, self._full + 1)
            block = self._blocks[self.blocks & 3]
            for g in range(len(block)):
                block[g] = 0
        self._steps += 1
        now = self.now
        block = self._blocks[self.blocks & 3]
        recent = self._recent
        slow = self.block_steps
        for g in range(len(now)):
            level = now[g]
            block[g] += level
            fallen = recent[g] - level
            # Rounded up, so that it comes down whatever a step's length is.
            recent[g] = level + (fallen - (fallen + slow) // (slow + 1) if fallen > 0 else 0)

    def before(self, out):
        """Write the levels of 1 to 3 s ago to out (list), of two blocks the quieter; False if that is not known.

        The score of a sound rises late: the newest block may hold it already.
        """
        if self._full < 2:
            return False
        older = self._blocks[(self.blocks - 3) & 3]
        newer = self._blocks[(self.blocks - 2) & 3]
        for g in range(len(out)):
            level = newer[g]
            if self._full == 3 and older[g] < level:
                level = older[g]
            out[g] = level // self.block_steps
        return True

    def above(self, before):
        """Return how far the step rises above levels that were before, in the group in which that is most."""
        return self._most(self.now, before)

    def above_lately(self, before):
        """Return the same for about the last second."""
        return self._most(self._recent, before)

    def _most(self, levels, before):
        most = -32768
        for g in range(len(levels)):
            rise = levels[g] - before[g]
            if rise > most:
                most = rise
        return most


class Rise:
    """The rise of one label's sound; follow() takes each step of it.

    above: of the newest step. top: the highest, forgotten slowly, so that a siren may drive away, and after the first
    second reached slowly, so that a bang beside an alarm does not count as the alarm. Both are in units of Levels, and
    0 where nothing is known. age: steps since the background was noted; -1: it is not.
    """

    def __init__(self, levels):
        self._levels = levels
        self._before = [0] * len(levels.now)
        self._noted = [0] * len(levels.now)
        self._least = _LEAST_DB * levels.db
        self._floor = _FLOOR_DB * levels.db
        self.forget()

    def forget(self):
        """Forget all, as at the start."""
        self._kept = -1  # the block until whose end the background of the last event counts
        self.reset()

    def reset(self):
        """Forget the sound; what was before an event that has just ended is kept for a while."""
        self._known = False
        self.age = -1
        self._first = 0  # steps left of the sound's first second
        self._fine = 0  # top, with bits after the point
        self.top = 0
        self.above = 0

    def ended(self):
        """Take note of an event's end: its sound may go on, and must not be the background of the next event."""
        if self._known:
            self._kept = self._levels.blocks + _KEEP

    def follow(self, waiting):
        """Measure a step. waiting: no event has begun, so the background may be noted again where it is old."""
        levels = self._levels
        if self.age < 0 or (waiting and self.age >= 4 * levels.block_steps):
            self._note()
        if waiting:
            self.age += 1
        if self._known:
            above = self.above = levels.above(self._before)
            fine = self._fine
            more = (above << _FINE) - fine
            if more <= 0:
                fine -= min(-more, fine // levels.fall)
            elif self._first or more <= max(fine >> 1, self._floor << _FINE):
                fine += more  # no more than what the sound itself stays above the half of
            else:
                fine += more // levels.block_steps
            self._fine = fine
            self.top = fine >> _FINE
            if self._first:
                self._first -= 1

    def _note(self):
        levels = self._levels
        before = self._before
        noted = self._noted
        self._known = levels.before(noted)
        self.age = 0
        self._first = levels.block_steps
        self._fine = 0
        if self._known:
            kept = levels.blocks <= self._kept
            for g in range(len(noted)):
                if not kept or noted[g] < before[g]:
                    before[g] = noted[g]
            self._fine = max(0, levels.above_lately(before)) << _FINE
        self.top = self._fine >> _FINE

    def over(self):
        """Return True if the sound has fallen to less than half of its rise in dB, or to its background."""
        top = self.top
        return top >= self._least and (self.above < self._floor or self.above < top >> 1)

    def back(self):
        """Return True unless the sound is known to be quieter than it was: by an eighth of its rise in dB."""
        top = self.top
        return top < self._least or self.above >= top - (top >> 3)

    def again(self):
        """Return True if the sound is known to be as loud as it was, or as loud as what is remembered of it."""
        return self.above >= self._least and self.back()
