"""The live table on a terminal: of one board, or of several."""
