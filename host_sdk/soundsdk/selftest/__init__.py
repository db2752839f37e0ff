"""The self-test of a board: every promise that it can show by itself, as checks with a figure and a bound."""
