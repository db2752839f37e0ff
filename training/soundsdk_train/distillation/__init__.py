"""Knowledge distillation: what a trained model in a file hears in recordings, as targets for the small network."""
