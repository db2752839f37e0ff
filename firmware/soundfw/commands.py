"""What the host may ask for. Every message gets one answer: hello, status or ack."""

from .compat import FirmwareError
from .detector import Thresholds
from .link import text


def handle(app, message):
    """Carries out one message (dict with a text `type`) and answers it."""
    kind = message["type"]
    action = _ACTIONS.get(kind)
    try:
        if action is None:
            raise FirmwareError("unsupported", "this firmware does not know that command")
        action(app, message)
    except FirmwareError as e:
        send_error(app.link, kind, e.args[0], e.args[1])


def send_error(link, re, code, detail):
    """An ack that says what failed and why."""
    link.send(
        '"type":"ack",',
        ',"re":%s,"ok":false,"error":%s,"detail":%s' % (text(re[:32]), text(code[:64]), text(detail[:160])),
    )


def _ack(app, message):
    app.link.send('"type":"ack",', ',"re":%s,"ok":true' % text(message["type"][:32]))


def _hello(app, message):
    app.send_hello()


def _status(app, message):
    if app.pipeline is None:
        raise FirmwareError(*app.error)
    app.pipeline.send_status()


def _set(app, message):
    """label (all classes without one) and any of on, off (1/1000), min_ms, hold_ms; all or nothing."""
    if app.pipeline is None:
        raise FirmwareError(*app.error)
    detector = app.pipeline.detector
    label = message.get("label")
    if label is not None and label not in detector.labels:
        raise FirmwareError("set.label", "the model has no such label")
    changed = {}
    for key in ("on", "off", "min_ms", "hold_ms"):
        if key in message:
            changed[key] = message[key]
    if not changed:
        raise FirmwareError("set.empty", "nothing to set: on, off, min_ms or hold_ms")
    new = []
    for i in range(len(detector.labels)):
        t = detector.thresholds[i]
        if label is None or detector.labels[i] == label:
            t = Thresholds(
                changed.get("on", t.on),
                changed.get("off", t.off),
                changed.get("min_ms", t.min_ms),
                changed.get("hold_ms", t.hold_ms),
            )
        new.append(t)
    detector.thresholds = new
    _ack(app, message)


def _reboot(app, message):
    _ack(app, message)
    app.request = "reboot"


_ACTIONS = {"hello": _hello, "status": _status, "set": _set, "reboot": _reboot}
