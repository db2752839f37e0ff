"""The verb flash: finds a board, writes an image into its flash, and checks the hello of what then runs."""
