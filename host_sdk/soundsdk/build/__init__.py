"""The verb build: sources, compilers, the detector as C data, MicroPython's own build, the image file."""
