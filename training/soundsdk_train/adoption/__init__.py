"""Models of other tools made into detectors: their ends, a window that slides, and the metadata."""
