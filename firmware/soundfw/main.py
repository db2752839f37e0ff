"""From settings to a running pipeline. On a board: `import soundfw.main; soundfw.main.main()`."""

import json

from . import VERSION, commands, mic, store
from . import settings as settings_file
from .compat import FirmwareError
from .detector import from_stream
from .health import Stopwatch, stopwatch
from .link import Link, text
from .pipeline import Pipeline
from .starts import Starts


def open_stream(data):
    """soundcore.Stream over a model's bytes; FirmwareError with soundcore's code if it is refused."""
    import soundcore

    try:
        return soundcore.Stream(data)
    except soundcore.Error as e:
        raise FirmwareError(e.args[0], e.args[1])


class App:
    """The application, on a board as in the simulator.

    settings: Settings. open_source(rate_hz) returns the sound source (see mic). write, read: see Link.
    model: bytes, or None to load settings.model. A start that fails leaves it in safe mode: it answers commands, and
    `error` holds (code, detail). With an `error` given it starts in safe mode.
    """

    def __init__(
        self,
        settings,
        open_source,
        write,
        read=None,
        model=None,
        stopwatch=None,
        open_stream=open_stream,
        error=None,
    ):
        self.settings = settings
        self.link = Link(write, read, settings.queue_lines)
        self.pipeline = None
        self.error = error
        self.request = ""  # what the host asked for: "reboot" or nothing
        self._open_source = open_source
        self._open_stream = open_stream
        self._model = model
        self._stopwatch = stopwatch or Stopwatch()
        self._name = ""
        self._sha256 = ""
        self._rate_hz = 0

    def start(self):
        """Loads the model and says hello."""
        if not self.error:
            try:
                self._start()
            except FirmwareError as e:
                self.error = e.args
            except MemoryError:
                self.error = ("start.memory", "the model does not fit into this board's memory")
        self.send_hello()
        if self.error:
            commands.send_error(self.link, "start", self.error[0], self.error[1])

    def _start(self):
        settings = self.settings
        data = self._model if self._model is not None else store.load(settings.model)
        stream = self._open_stream(data)
        metadata = json.loads(bytes(stream.metadata))
        detector = from_stream(stream, metadata)
        name = metadata.get("name")
        if not isinstance(name, str) or not 0 < len(name.encode()) <= 64:
            raise FirmwareError("meta.name", "the model's name must be a text of 1..64 bytes")
        rate_hz = metadata["frontend"]["rate_hz"]
        block_samples = min(settings.block_samples, stream.step_samples)
        sha256 = store.sha256(data)
        # Last: from here on sound comes in, and what takes long before the first read would lose some.
        ring = mic.Mic(self._open_source(rate_hz), block_samples, settings.blocks)
        self._name = name
        self._sha256 = sha256
        self._rate_hz = rate_hz
        self.pipeline = Pipeline(ring, stream, detector, self.link, rate_hz, settings.status_s, self._stopwatch)

    def send_hello(self):
        """rate_hz is what turns `t` into seconds. In safe mode model and sha256 are empty."""
        self.link.send(
            '"type":"hello","proto":1,"fw":"%s","board":%s,"model":%s,"sha256":"%s","rate_hz":%d,'
            % (VERSION, text(self.settings.board), text(self._name), self._sha256, self._rate_hz)
        )

    def step(self):
        """One turn; False when the sound has ended or the host asked for something that ends the application."""
        message = self.link.poll()
        while message is not None:
            commands.handle(self, message)
            if self.request:
                break
            message = self.link.poll()
        alive = True
        if self.pipeline is not None and not self.request:
            alive = self.pipeline.step()
        self.link.pump()
        return alive and not self.request

    def turn(self):
        """step(), but an error in it leads to safe mode."""
        try:
            return self.step()
        except Exception as e:
            self.fail("run.failed", e)
            return True

    def fail(self, code, error):
        """Goes into safe mode because of an exception."""
        self.close()
        self.error = error.args if isinstance(error, FirmwareError) else (code, repr(error))
        commands.send_error(self.link, "run", self.error[0], self.error[1])

    def close(self):
        """Ends the sound and lets go of its hardware."""
        pipeline, self.pipeline = self.pipeline, None
        if pipeline is not None:
            pipeline.mic.close()
            self.error = ("run.closed", "the sound has been ended")


def main():
    """Runs on a board until Ctrl-C, which leaves to the REPL. Whatever else goes wrong ends in safe mode."""
    import machine

    from .port import Port

    starts = Starts()
    error = None
    if not starts.begin():
        error = ("start.repeated", "the last starts ended in a reset; the next one is tried again")
    try:
        settings = settings_file.load("settings.json")
    except FirmwareError as e:
        error = error or e.args
        settings = settings_file.Settings(settings_file.of_board())

    def open_source(rate_hz):
        # Flash is not written while sound comes in: that stops the interrupts which take it.
        starts.done()
        return mic.open_source(settings.mic, rate_hz)

    port = Port()
    app = App(settings, open_source, port.write, port.read, stopwatch=stopwatch(), error=error)
    try:
        try:
            app.start()
        except Exception as e:
            app.fail("start.failed", e)
        finally:
            starts.done()
        while app.turn():
            pass
        # The answer to `reboot` should leave before the board does.
        for _ in range(1000):
            if app.link.pump():
                break
    finally:
        app.close()
    if app.request == "reboot":
        machine.reset()
