"""The list of targets; importing it loads nothing else."""

from __future__ import annotations

DEFAULT = "cpython"
# Name on the command line: id of the board whose image runs there.
TARGETS = {
    DEFAULT: "sim",
    "unix": "unix",
    "qemu-arm": "qemu_arm",
    "qemu-rv32": "qemu_rv32",
    "rp2040": "rpi_pico",
}
PACED = (DEFAULT, "unix")  # targets that can run in real time
