"""Files on the board: models, thresholds, the count of failed starts."""
