"""Detectors by name or path (shipped), and the proof that their settings let every class fire (reachability)."""
