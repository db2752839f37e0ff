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


def _ack(app, message, members=""):
    app.link.send('"type":"ack",', ',"re":%s,"ok":true%s' % (text(message["type"][:32]), members))


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


def _model(app, message):
    """class: its index; the answer tells its label and thresholds, and how many classes there are."""
    if app.pipeline is None:
        raise FirmwareError(*app.error)
    detector = app.pipeline.detector
    i = message.get("class", 0)
    if not isinstance(i, int) or isinstance(i, bool) or not 0 <= i < len(detector.labels):
        raise FirmwareError("model.class", "the model has no such class")
    t = detector.thresholds[i]
    _ack(
        app,
        message,
        ',"classes":%d,"class":%d,"label":%s,"on":%d,"off":%d,"min_ms":%d,"hold_ms":%d'
        % (len(detector.labels), i, text(detector.labels[i]), t.on, t.off, t.min_ms, t.hold_ms),
    )


def _watch(app, message):
    """on, and mel (default true): scores, and features, of every step for the next 10 s of sound."""
    if app.pipeline is None:
        raise FirmwareError(*app.error)
    watch = app.pipeline.watch
    watch.ask(message.get("on"), message.get("mel", True))
    _ack(app, message, watch.members())


def _reboot(app, message):
    _ack(app, message)
    app.request = "reboot"


_ACTIONS = {
    "hello": _hello,
    "status": _status,
    "model": _model,
    "watch": _watch,
    "set": _set,
    "reboot": _reboot,
}
