"""The cost of a detector on a board: cycles or instructions of one hop, memory, current. Measured in emulators."""
