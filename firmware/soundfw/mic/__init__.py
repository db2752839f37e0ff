"""Sound sources with one interface, readinto, and the ring of blocks between them and the pipeline."""
