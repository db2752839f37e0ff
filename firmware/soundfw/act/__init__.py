"""The board acts by itself when it hears an event: rules for its pins, its LED, and a user's own function."""
