"""Virtual boards that run the firmware's own code: sound in, serial lines out."""
