"""soundsdk flash: which board, which image, the way into its flash, and what the board says afterwards."""
