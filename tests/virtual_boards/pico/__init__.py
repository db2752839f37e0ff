"""A virtual RP2040 or RP2350 board: the boot loader's drive, flash, and soundfw at a serial port when it boots."""
