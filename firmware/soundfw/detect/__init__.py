"""Events from the logits of a model, and the level of the sound."""
