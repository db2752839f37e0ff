"""Events from the logits of a model, and the level of the sound."""

NONE = 0  # edges: what a step has changed of a class
ON = 1
OFF = 2
