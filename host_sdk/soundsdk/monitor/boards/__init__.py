"""The monitored boards: opening them, their names, and what they say."""
