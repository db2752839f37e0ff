"""The names of the targets; costs nothing to import."""

TARGETS = ("cpython", "unix", "qemu-arm", "qemu-rv32", "rp2040")
DEFAULT = "cpython"
PACED = ("cpython", "unix")  # can go as fast as time goes by
