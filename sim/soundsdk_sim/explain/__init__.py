"""Explain why a detector did or did not fire on a recording: its own rules step by step, and what it listened to."""
