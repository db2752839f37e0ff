"""The verbs that need no board: demo, sim, profile."""
