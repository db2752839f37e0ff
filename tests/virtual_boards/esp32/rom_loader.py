"""The serial loader in the ROM of an ESP32, and the "stub" that esptool loads in its place.

The protocol is in esptool's documentation, "Serial Protocol": SLIP packets, each a command with an answer. Code sent to
RAM is not run: once esptool starts its stub, the loader answers as the stub does.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

from virtual_boards.esp32 import slip
from virtual_boards.esp32.chips import EspChip
from virtual_boards.esp32.flash import Flash

_SYNC = b"\x07\x07\x12\x20" + b"\x55" * 32
_SYNC_VALUE = 0x20120707  # the ROM's; the stub's is 0
_CHECKSUM_SEED = 0xEF
_SPI_USER_COMMAND = 1 << 18
_READ_ID = 0x9F
_STUB_SAYS = b"OHAI"
_CRYSTAL_HZ = 40_000_000

# Reasons in the second byte of a failure.
_INVALID_MESSAGE, _FAILED, _BAD_CHECKSUM, _WRITE_ERROR = 0x05, 0x06, 0x07, 0x08


class _Refuse(Exception):
    def __init__(self, reason: int) -> None:
        self.reason = reason


class RomLoader:
    """The loader: bytes from the host in, bytes for the host out. on_boot: called when the host starts the flash."""

    def __init__(self, chip: EspChip, flash: Flash, on_boot: Callable[[], None]) -> None:
        self._chip = chip
        self._flash = flash
        self._on_boot = on_boot
        self._decoder = slip.Decoder()
        self._registers: dict[int, int] = dict(chip.registers)
        self._stub = False
        self._next: Callable[[], None] | None = None  # after the answer has been sent
        self._write_at = 0
        self._write_end = 0
        self._inflate: zlib._Decompress | None = None
        self._baud: int | None = None
        self.host_baud = 115200
        self._out = bytearray()

    @property
    def baud(self) -> int:
        """The speed of the chip's UART: the host's, until a command sets another."""
        return self._baud or self.host_baud

    def feed(self, data: bytes) -> bytes:
        """Process bytes from the host; return the loader's answers."""
        for packet in self._decoder.feed(data):
            if len(packet) >= 8 and packet[0] == 0:
                _, op, size, check = struct.unpack_from("<BBHI", packet)
                self._command(op, packet[8 : 8 + size], check)
        out = bytes(self._out)
        self._out.clear()
        return out

    def _command(self, op: int, data: bytes, check: int) -> None:
        name = _COMMANDS.get(op)
        value, answer, status = 0, b"", b"\0\0"
        try:
            if name is None or (op >= 0xD0 and not self._stub) or (op == 0x14 and not self._chip.tells_id):
                raise _Refuse(_INVALID_MESSAGE)
            result = getattr(self, name)(data, check)
            if isinstance(result, int):
                value = result
            elif result is not None:
                answer = result
        except _Refuse as e:
            status = bytes([1, e.reason])
        except (struct.error, IndexError, zlib.error):
            status = bytes([1, _FAILED])
        status += b"" if self._stub else b"\0\0"
        packet = struct.pack("<BBHI", 1, op, len(answer) + len(status), value) + answer + status
        for _ in range(8 if op == 0x08 else 1):
            self._out += slip.encode(packet)
        after, self._next = self._next, None
        if after:
            after()

    def _sync(self, data: bytes, check: int) -> int:
        if data != _SYNC:
            raise _Refuse(_INVALID_MESSAGE)
        return 0 if self._stub else _SYNC_VALUE

    def _read_reg(self, data: bytes, check: int) -> int:
        (address,) = struct.unpack_from("<I", data)
        if address == self._chip.uart_divider:
            return _CRYSTAL_HZ // self.baud
        return self._registers.get(address, 0)

    def _write_reg(self, data: bytes, check: int) -> None:
        address, value, mask, _ = struct.unpack_from("<4I", data)
        spi = self._chip.spi
        if address == spi.cmd and value & _SPI_USER_COMMAND:
            if self._registers.get(spi.usr2, 0) & 0xFF == _READ_ID:
                self._registers[spi.w0] = self._flash.jedec_id
            return  # the bit that started the command is clear again when it is done
        old = self._registers.get(address, 0)
        self._registers[address] = old & ~mask | value & mask

    def _security_info(self, data: bytes, check: int) -> bytes:
        return struct.pack("<I8B2I", 0, *[0] * 8, self._chip.chip_id, 0)

    def _nothing(self, data: bytes, check: int) -> None:
        pass

    def _mem_data(self, data: bytes, check: int) -> None:
        _payload(data, check)

    def _mem_end(self, data: bytes, check: int) -> None:
        stay, _ = struct.unpack_from("<2I", data)
        if not stay:
            self._next = self._start_stub

    def _start_stub(self) -> None:
        self._stub = True
        self._out += slip.encode(_STUB_SAYS)

    def _change_baud(self, data: bytes, check: int) -> None:
        (baud,) = struct.unpack_from("<I", data)

        def change() -> None:
            self._baud = baud

        self._next = change

    def _begin(self, data: bytes) -> None:
        size, _, _, at = struct.unpack_from("<4I", data)
        self._write_at = at
        self._write_end = at + size
        self._inflate = None
        self._flash.erase(at, size)

    def _flash_begin(self, data: bytes, check: int) -> None:
        self._begin(data)

    def _flash_data(self, data: bytes, check: int) -> None:
        payload = _payload(data, check)
        seq = struct.unpack_from("<4xI", data)[0]
        # A block that is sent again after a lost answer must go to the same place.
        self._flash.write(self._write_at + seq * len(payload), payload)

    def _flash_end(self, data: bytes, check: int) -> None:
        (stay,) = struct.unpack_from("<I", data)
        if not stay:
            self._next = self._on_boot

    def _defl_begin(self, data: bytes, check: int) -> None:
        self._begin(data)
        self._inflate = zlib.decompressobj()
        self._inflated_to = -1

    def _defl_data(self, data: bytes, check: int) -> None:
        payload = _payload(data, check)
        seq = struct.unpack_from("<4xI", data)[0]
        if self._inflate is None:
            raise _Refuse(_FAILED)
        if seq == self._inflated_to:
            return  # sent again after a lost answer
        if seq != self._inflated_to + 1:
            raise _Refuse(_WRITE_ERROR)
        plain = self._inflate.decompress(payload)
        if self._write_at + len(plain) > self._write_end:
            raise _Refuse(_WRITE_ERROR)
        self._flash.write(self._write_at, plain)
        self._write_at += len(plain)
        self._inflated_to = seq

    def _md5(self, data: bytes, check: int) -> bytes:
        at, size = struct.unpack_from("<2I", data)
        digest = self._flash.md5(at, size)
        return digest if self._stub else digest.hex().encode()

    def _erase_flash(self, data: bytes, check: int) -> None:
        self._flash.erase(0, len(self._flash))

    def _erase_region(self, data: bytes, check: int) -> None:
        at, size = struct.unpack_from("<2I", data)
        self._flash.erase(at, size)


_COMMANDS = {
    0x02: "_flash_begin", 0x03: "_flash_data", 0x04: "_flash_end",
    0x05: "_nothing", 0x07: "_mem_data", 0x06: "_mem_end",
    0x08: "_sync", 0x09: "_write_reg", 0x0A: "_read_reg",
    0x0B: "_nothing", 0x0D: "_nothing", 0x0F: "_change_baud",
    0x10: "_defl_begin", 0x11: "_defl_data", 0x12: "_flash_end", 0x13: "_md5", 0x14: "_security_info",
    0xD0: "_erase_flash", 0xD1: "_erase_region",
}  # fmt: skip


def _payload(data: bytes, check: int) -> bytes:
    """Return the bytes of a block, which follow four words; refuse them if their checksum is wrong."""
    (size,) = struct.unpack_from("<I", data)
    payload = data[16:]
    total = _CHECKSUM_SEED
    for byte in payload:
        total ^= byte
    if size != len(payload):
        raise _Refuse(_FAILED)
    if total != check & 0xFF:
        raise _Refuse(_BAD_CHECKSUM)
    return payload
