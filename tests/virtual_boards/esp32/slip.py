"""SLIP (RFC 1055): packets in a stream of bytes, each between two END bytes."""

from __future__ import annotations

_END, _ESC, _ESC_END, _ESC_ESC = 0xC0, 0xDB, 0xDC, 0xDD
_PACKET_MOST = 1 << 16


def encode(packet: bytes) -> bytes:
    """Return the bytes that carry a packet."""
    body = packet.replace(bytes([_ESC]), bytes([_ESC, _ESC_ESC])).replace(bytes([_END]), bytes([_ESC, _ESC_END]))
    return bytes([_END]) + body + bytes([_END])


class Decoder:
    """A decoder of bytes as they come. It drops bytes outside packets, and packets that are broken or endless."""

    def __init__(self) -> None:
        self._packet: bytearray | None = None

    def feed(self, data: bytes) -> list[bytes]:
        """Return the packets that these bytes complete."""
        out = []
        # Between two END bytes lies a packet, or the gap between two packets, which is empty.
        for i, part in enumerate(data.split(bytes([_END]))):
            if i:
                packet = _plain(self._packet) if self._packet else None
                if packet:
                    out.append(packet)
                self._packet = bytearray()
            if self._packet is not None:
                self._packet += part
                if len(self._packet) > _PACKET_MOST:
                    self._packet = None
        return out


def _plain(body: bytearray) -> bytes | None:
    head, *rest = bytes(body).split(bytes([_ESC]))
    out = [head]
    for part in rest:
        if part[:1] == bytes([_ESC_END]):
            out.append(bytes([_END]) + part[1:])
        elif part[:1] == bytes([_ESC_ESC]):
            out.append(bytes([_ESC]) + part[1:])
        else:
            return None
    return b"".join(out)
