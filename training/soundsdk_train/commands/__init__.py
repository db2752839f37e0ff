"""The verbs of training: train, evaluate."""
