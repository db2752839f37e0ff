"""The firmware as a library for a program of the user's own, the board's main.py.

    from soundfw import Detector

    for event in Detector():
        print(event.label, event.edge, event.time_s, event.score)

The board goes on as always meanwhile: it answers the host, sends its lines, and carries out the rules of settings.json.
read() comes back after every block of sound, for a program that has other things to do as well. Between two calls it
has as long as the microphone's buffer lasts; what is missed after that is counted.
"""

from collections import namedtuple

from . import FirmwareError
from .act.actions import WaitingEvents

# edge: "on" or "off"; time_s: of the edge, in seconds of sound; score: the highest so far, 0 to 1
Event = namedtuple("Event", ("label", "edge", "time_s", "score"))


class Detector:
    """The events of this board, one after the other, until the sound ends or the host wants a restart.

    seconds: of sound after which it ends as well; 0: it goes on. `ended` is true from its end on. app:
    soundfw.main.App, in place of this board's.
    FirmwareError, with a code and a sentence, if the board cannot start. `labels`, `rate_hz` and `scores` (0 to 1000,
    of the newest step) are of the detector that runs.
    """

    def __init__(self, seconds=0, app=None):
        if app is None:
            from . import main

            app = main.board_app(hook=False)
        self.app = app
        app.actions.events = WaitingEvents()
        self.ended = False
        app.start()
        if app.error:
            error = app.error
            app.link.pump()
            self.close()
            raise FirmwareError(*error)
        self.rate_hz = app.rate_hz
        self.labels = app.pipeline.detector.labels
        self.scores = app.pipeline.detector.scores
        app.in_blocks = app.pipeline.in_blocks = True
        self._end = seconds * app.rate_hz

    def read(self):
        """Run one turn of the loop, which lasts until the next block of sound has come in; return an event or None.

        At the end, once no event waits any more, a restart that the host wants is carried out.
        """
        app = self.app
        if not app.actions.events.waiting and not self.ended:
            enough = self._end and app.pipeline.now >= self._end
            # The last events come with the end of the sound.
            if enough or not app.step():
                self.close()
        event = app.actions.events.pop()
        if event is None:
            if self.ended and app.request:
                from .main import finish

                finish(app)
            return None
        index, on, time, peak = event
        return Event(self.labels[index], "on" if on else "off", time / self.rate_hz, peak / 1000)

    def __iter__(self):
        return self

    def __next__(self):
        """Return the next event, once there is one."""
        event = self.read()
        while event is None and not self.ended:
            event = self.read()
        if event is not None:
            return event
        raise StopIteration

    @property
    def missed(self):
        """The events so far that found too many others waiting, and were left out."""
        return self.app.actions.events.missed

    def close(self):
        """Stop listening: the microphone is released and the pins are idle. Events that wait can still be read."""
        from .main import release

        self.ended = True
        release(self.app)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
