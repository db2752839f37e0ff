"""Makes bare programs for the emulated RP2040: assembly to a UF2 image, with the second stage that starts it."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

FLASH = 0x10000000
FAMILY = 0xE48BFF56
BOOT2 = """
    .syntax unified
    .cpu cortex-m0plus
    .thumb
    ldr r0, =0x10000101
    bx r0
    .pool
"""
# r7 is the address of the mark register; `mark N` is three instructions, the last one the store.
PROLOGUE = """
    .syntax unified
    .cpu cortex-m0plus
    .thumb
    .macro mark value
    movs r6, #\\value
    str r6, [r7]
    .endm
    .global _start
_start:
    ldr r0, =0x20040000
    mov sp, r0
    ldr r7, =0x40058018
"""


def assemble(text: str, address: int, folder: Path) -> bytes:
    """Return the bytes of a program linked at an address."""
    source, elf, binary = folder / "p.S", folder / "p.elf", folder / "p.bin"
    source.write_text(text)
    command = ["arm-none-eabi-gcc", "-nostdlib", f"-Wl,-Ttext={address:#x}", "-Wl,--no-warn-rwx-segments"]
    subprocess.run([*command, "-mcpu=cortex-m0plus", "-mthumb", str(source), "-o", str(elf)], check=True)
    subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", str(elf), str(binary)], check=True)
    return binary.read_bytes()


def boot2_crc(data: bytes) -> int:
    """Return the CRC-32 of the boot ROM: polynomial 04c11db7, most significant bit first, no final inversion."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
    return crc


def uf2(image: bytes, family: int = FAMILY) -> bytes:
    """Return an image at the start of flash as UF2 blocks of 256 bytes."""
    count = -(-len(image) // 256)
    blocks = []
    for i in range(count):
        head = (0x0A324655, 0x9E5D5157, 0x2000, FLASH + 256 * i, 256, i, count, family)
        data = image[256 * i : 256 * i + 256].ljust(476, b"\0")
        blocks.append(struct.pack("<8I", *head) + data + struct.pack("<I", 0x0AB16F30))
    return b"".join(blocks)


def program(body: str, folder: Path) -> Path:
    """Make a UF2 file that runs `body` after the prologue, from 0x10000100 on."""
    boot2 = assemble(BOOT2, 0x20041F00, folder).ljust(252, b"\0")
    image = boot2 + struct.pack("<I", boot2_crc(boot2)) + assemble(PROLOGUE + body, FLASH + 256, folder)
    path = folder / "program.uf2"
    path.write_bytes(uf2(image))
    return path
