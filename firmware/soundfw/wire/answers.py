"""The answers to commands."""

from .framing import text


def send_ack(link, message, more=""):
    """Send the ack of a command that was carried out. more: members, with a comma before the first."""
    link.send('"type":"ack",', ',"re":%s,"ok":true%s' % (text(message["type"][:32]), more))


def send_error(link, re, code, detail):
    """Send an ack that names what failed and why."""
    link.send(
        '"type":"ack",',
        ',"re":%s,"ok":false,"error":%s,"detail":%s' % (text(re[:32]), text(code[:64]), text(detail[:160])),
    )
