"""Hard negatives: what a detector takes for its labels in long recordings, as clips to train on."""
