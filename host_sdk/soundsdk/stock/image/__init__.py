"""MicroPython's official image, read on this computer, and the file system that is written into flash beside it."""
