"""The application: settings, model, pipeline, safe mode. On a board: `import soundfw.main; soundfw.main.main()`."""

import gc
import json

from . import VERSION, FirmwareError
from . import settings as settings_file
from .detect.detector import from_stream
from .health import Stopwatch, heap_free, stopwatch
from .mic import microphone
from .pipeline import Pipeline
from .storage import files, saved_thresholds, store
from .storage.boot_counter import BootCounter
from .storage.model_slots import ModelSlots
from .storage.push import Push
from .wire import commands
from .wire.framing import text
from .wire.link import Link
from .wire.telemetry import Telemetry


def open_stream(data):
    """Open a soundcore.Stream over a model's bytes; FirmwareError with soundcore's code if it is refused."""
    import soundcore

    try:
        return soundcore.Stream(data)
    except soundcore.Error as e:
        raise FirmwareError(e.args[0], e.args[1])


class App:
    """The application, on a board as in the simulator.

    settings: Settings. open_source(rate_hz) returns the sound source (see mic.microphone). write, read: see Link.
    model: bytes, or None to load settings.model; a pushed model comes before both. After a start that fails it is in
    safe mode: it answers commands, and `error` holds (code, detail). Given an `error`, it starts in safe mode.
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
        self.request = ""  # the end that the host wants: "reboot", "restart", "bootloader" or none
        self.bootloader = None  # the function that enters the boot loader, on boards that have one
        # With a model and no folder given, the application leaves files alone.
        self.slots = ModelSlots(settings.folder) if settings.folder or model is None else None
        self.push = Push(self.slots) if self.slots else None
        self._open_source = open_source
        self._open_stream = open_stream
        self._model = model
        self._stopwatch = stopwatch or Stopwatch()
        self.saved_error = None
        self._held_bytes = 0  # of the heap, by the model
        self._name = ""
        self.sha256 = ""
        self.rate_hz = 0

    def start(self):
        """Load the model and send hello."""
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
        if self.saved_error:
            commands.send_error(self.link, "keep", self.saved_error[0], self.saved_error[1])

    def _load(self):
        """Return (bytes, sha256) of the pushed model, else of the one given, else of settings.model."""
        pushed = self.slots.load() if self.slots else None
        if pushed is not None:
            return pushed
        data = self._model
        if data is None:
            data = store.load(files.join(self.settings.folder, self.settings.model))
        return data, store.sha256(data)

    def open_model(self, data):
        """Return (stream, detector, name, rate_hz) of a model; FirmwareError or MemoryError if it cannot be run."""
        stream = self._open_stream(data)
        metadata = json.loads(bytes(stream.metadata))
        detector = from_stream(stream, metadata)
        name = metadata.get("name")
        if not isinstance(name, str) or not 0 < len(name.encode()) <= 64:
            raise FirmwareError("meta.name", "the model's name must be a text of 1..64 bytes")
        return stream, detector, name, metadata["frontend"]["rate_hz"]

    def _open_any(self):
        """Open the first model that can be run; return open_model's result and the model's hash."""
        if self.slots:
            self.slots.begin()
        while True:
            try:
                data, sha256 = self._load()
                opened = self.open_model(data)
                # Bytes of the image stay in flash; those of a file are a bytearray.
                self._held_bytes = opened[0].arena_size + (len(data) if isinstance(data, bytearray) else 0)
                return opened, sha256
            except FirmwareError as e:
                if not self.slots or not self.slots.fall_back(e.args[0]):
                    raise
            except MemoryError:
                trial = self.slots and self.slots.on_trial
                if not self.slots or not self.slots.fall_back("start.memory"):
                    raise
                if trial:
                    # The heap is in pieces now, perhaps too small for the old model: a restart gives it a whole one.
                    self.request = "restart"
            data = None
            gc.collect()

    def _start(self):
        settings = self.settings
        (stream, detector, name, rate_hz), sha256 = self._open_any()
        if self.slots:
            try:
                saved_thresholds.apply(settings.folder, sha256, detector)
            except FirmwareError as e:
                self.saved_error = e.args
        block_samples = min(settings.block_samples, stream.step_samples)
        # Last: sound comes in from here on, and any delay before the first read would lose some.
        mic = microphone.Mic(self._open_source(rate_hz), block_samples, settings.blocks)
        self._name = name
        self.sha256 = sha256
        self.rate_hz = rate_hz
        telemetry = Telemetry(stream, detector, self.link)
        self.pipeline = Pipeline(
            mic, stream, detector, self.link, rate_hz, settings.status_s, self._stopwatch, telemetry
        )

    def _version(self):
        build = self.settings.build
        return VERSION + "+" + build if build else VERSION

    def send_hello(self):
        """Send hello, with the rate that turns `t` into seconds. In safe mode model and sha256 are empty.

        trial: the model waits for push.confirm; rolled_back: the reason why a pushed model does not run.
        """
        more = ""
        if self.slots and self.slots.on_trial:
            more = '"trial":true,'
        elif self.slots and self.slots.back:
            more = '"rolled_back":%s,' % text(self.slots.back[:64])
        self.link.send(
            '"type":"hello","proto":1,"fw":"%s","board":%s,"model":%s,"sha256":"%s","rate_hz":%d,%s'
            % (self._version(), text(self.settings.board), text(self._name), self.sha256, self.rate_hz, more)
        )

    def memory(self):
        """Return the bytes of heap for a model in place of the running one; 0 where Python has no such count."""
        if not heap_free():
            return 0  # CPython, where collecting may take longer than a host waits for an answer
        gc.collect()
        return heap_free() + self._held_bytes

    def step(self):
        """Run one turn; return False when the sound has ended or the host has requested an end."""
        message = self.link.poll()
        while message is not None:
            commands.handle(self, message)
            # The answer leaves before the next command begins. A host that repeats a slow one would otherwise wait for
            # its own repetitions, each of which takes as long again.
            self.link.pump()
            if self.request:
                break
            message = self.link.poll()
        alive = True
        if self.pipeline is not None and not self.request:
            alive = self.pipeline.step()
        self.link.pump()
        return alive and not self.request

    def turn(self):
        """Run step(); an error in it leads to safe mode."""
        try:
            return self.step()
        except Exception as e:
            self.fail("run.failed", e)
            return True

    def fail(self, code, error):
        """Enter safe mode because of an exception."""
        self.close()
        self.error = error.args if isinstance(error, FirmwareError) else (code, repr(error))
        commands.send_error(self.link, "run", self.error[0], self.error[1])

    def close(self):
        """Stop the sound and release its hardware."""
        pipeline, self.pipeline = self.pipeline, None
        if pipeline is not None:
            pipeline.mic.close()
            self.error = ("run.closed", "the sound has been ended")


def main():
    """Run on a board until Ctrl-C, which leaves to the REPL. Every other error ends in safe mode."""
    import machine

    from .wire.port import Port

    boots = BootCounter()
    error = None
    if not boots.begin():
        error = ("start.repeated", "the last starts ended in a reset; the next one is tried again")
    try:
        settings = settings_file.load("settings.json")
    except FirmwareError as e:
        error = error or e.args
        settings = settings_file.Settings(settings_file.of_board())

    def open_source(rate_hz):
        # Flash must not be written while sound comes in: that stops the interrupts that carry it.
        boots.done()
        return microphone.open_source(settings.mic, rate_hz)

    port = Port()
    app = App(settings, open_source, port.write, port.read, stopwatch=stopwatch(), error=error)
    app.bootloader = getattr(machine, "bootloader", None)
    try:
        try:
            app.start()
        except Exception as e:
            app.fail("start.failed", e)
        finally:
            boots.done()
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
    if app.request == "restart":
        # This clears the memory as a power-on does, but keeps the port open.
        machine.soft_reset()
    if app.request == "bootloader":
        app.bootloader()
