"""Makes firmware images: sources, tools, the detector as C data, MicroPython's own build, the image file."""
