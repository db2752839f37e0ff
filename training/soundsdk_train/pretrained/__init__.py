"""Training from a detector that is already there: its weights read back, a new head, few recordings."""
