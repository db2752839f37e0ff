"""Detector settings chosen so that false alarms stay below a rate, and written into the detector file."""
