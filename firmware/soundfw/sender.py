"""The firmware of a board that hears and does not detect: it sends its sound, and a computer runs the detector.

For boards whose Python loads no native code, such as stock CircuitPython: nothing here needs soundcore. It answers
hello, status, record, reboot and bootloader. Sound is sent as int16, whatever bits are asked for.
`soundsdk monitor --listen PORT` is the computer's side.
"""

from . import VERSION, FirmwareError, platform
from . import settings as settings_file
from .detect.level import Level
from .mic import microphone
from .platform import const, heap_free
from .wire.framing import decimal, text
from .wire.link import Link, send_ack, send_error
from .wire.record import Recorder, requested

RATE_HZ = 16000  # of every shipped detector
_BITS = const(16)


class Sender:
    """The application. settings: Settings; open_source(rate_hz) returns the sound source; write, read: see Link."""

    def __init__(self, settings, open_source, write, read, rate_hz=RATE_HZ):
        self.link = Link(write, read, settings.queue_lines)
        self.request = ""  # the end that the host wants: "reboot", "bootloader" or none
        self._settings = settings
        self._rate_hz = rate_hz
        self._lines = settings.queue_lines // 2
        self._level = Level()
        self._recorder = None
        self._mic = None
        self._error = None
        self._status_every = settings.status_s * rate_hz
        self._status_at = self._status_every
        self._open_source = open_source
        self._gain = ""

    def start(self):
        """Open the microphone and send hello."""
        try:
            self._gain = self._settings_of_gain()
            source = self._open_source(self._rate_hz)
            self._mic = microphone.Mic(source, self._settings.block_samples)
        except FirmwareError as e:
            self._error = e.args
        self._hello(None)

    def _settings_of_gain(self):
        mic = self._settings.mic
        kind = mic.get("kind")
        if kind not in ("i2s", "pdm"):
            return ""
        m = settings_file.microphone(kind, mic)
        return ',"shift":%d,"dc_shift":%d' % (m["shift"], m["dc_shift"])

    def step(self):
        """Run one turn; return False when the sound has ended or the host has requested an end."""
        message = self.link.poll()
        if message is not None:
            self._answer(message)
            self.link.pump()
        mic = self._mic
        alive = True
        if mic is not None:
            block = mic.read()
            alive = not mic.ended
            if block is not None:
                self._level.add(block)
                if self._recorder is not None:
                    self._recorder.add(block, mic.start)
            if mic.captured + mic.lost >= self._status_at:
                self._status_at += self._status_every
                self._send_status()
            if self._recorder is not None:
                if not alive:
                    self._recorder.stop()
                if self._recorder.send_done():
                    self._recorder = None
        self.link.pump()
        return alive and not self.request

    def close(self):
        """Stop the microphone."""
        if self._mic is not None:
            self._mic.close()
            self._mic = None

    def _answer(self, message):
        kind = message["type"]
        try:
            action = _ACTIONS.get(kind)
            if action is None:
                raise FirmwareError("unsupported", "this board sends its sound and does nothing else")
            action(self, message)
        except FirmwareError as e:
            send_error(self.link, kind, e.args[0], e.args[1])
        except MemoryError:
            send_error(self.link, kind, "memory", "this board has no memory left for that")

    def _running(self):
        if self._mic is None:
            raise FirmwareError(*self._error)
        return self._mic

    def _hello(self, message):
        """Send hello, and behind it a sentence for whoever expects events.

        detects: false; model and sha256 are empty. shift, dc_shift: of the microphone's settings, left to the computer.
        """
        approximate = self._mic is not None and self._mic.approximate
        self.link.send(
            '"type":"hello","proto":1,"fw":"%s","board":%s,"model":"","sha256":"","rate_hz":%d,"detects":false%s%s,'
            % (
                VERSION,
                text(self._settings.board),
                self._rate_hz,
                ',"lost_approximate":true' if approximate else "",
                self._gain,
            )
        )
        error = self._error or ("detector.none", "this board sends its sound, soundsdk monitor --listen PORT detects")
        send_error(self.link, "start", error[0], error[1])

    def _status(self, message):
        self._running()
        self._send_status()

    def _send_status(self):
        mic = self._mic
        self.link.send(
            '"type":"status",',
            ',"captured":%d,"lost":%d,"step_us":0,"heap_free":%d,"level_dbfs":%s,"dropped":%d,"damaged":%d'
            % (
                mic.captured,
                mic.lost,
                heap_free(),
                decimal(self._level.read(), 1),
                self.link.dropped,
                self.link.damaged,
            ),
        )

    def _record(self, message):
        self._running()
        if message.get("stop") is True:
            if self._recorder is not None:
                self._recorder.stop()
        else:
            seconds, _ = requested(message)
            if self._recorder is not None:
                raise FirmwareError("record.busy", "a recording is running: end it with stop")
            self._recorder = Recorder(self.link, seconds * self._rate_hz, _BITS, self._lines)
        send_ack(self.link, message)

    def _reboot(self, message):
        send_ack(self.link, message)
        self.request = "reboot"

    def _bootloader(self, message):
        if platform.bootloader is None:
            raise FirmwareError("unsupported", "this board has no boot loader that software can enter")
        send_ack(self.link, message)
        self.request = "bootloader"


_ACTIONS = {
    "hello": Sender._hello,
    "status": Sender._status,
    "record": Sender._record,
    "reboot": Sender._reboot,
    "bootloader": Sender._bootloader,
}


def main(path="settings.json"):
    """Send this board's sound until Ctrl-C, or until the host wants a restart."""
    error = None
    try:
        settings = settings_file.load(path)
    except FirmwareError as e:
        error = e
        settings = settings_file.Settings(settings_file.of_board())

    def open_source(rate_hz):
        if error is not None:
            raise error
        return microphone.open_source(settings.mic, rate_hz, platform.PLAIN_SOURCES)

    port = platform.open_port()
    sender = Sender(settings, open_source, port.write, port.read)
    sender.start()
    try:
        while sender.step():
            pass
    finally:
        sender.close()
    for _ in range(1000):
        if sender.link.pump():
            break
    if sender.request == "reboot":
        platform.reset()
    if sender.request == "bootloader":
        platform.bootloader()
