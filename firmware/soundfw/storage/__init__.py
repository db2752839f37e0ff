"""What the board keeps: models, thresholds, the count of starts."""
