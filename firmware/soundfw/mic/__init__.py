"""Sound sources behind one readinto, and the ring of blocks between them and the pipeline."""
