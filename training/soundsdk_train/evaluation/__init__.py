"""A detector's figures: on whole clips, and on continuous sound through the code of the device."""
