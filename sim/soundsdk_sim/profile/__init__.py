"""What a detector costs on a board: cycles or instructions of one hop, memory, current. Measured in emulators."""
