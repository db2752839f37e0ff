"""Folders of recordings in the forms that people have: which file holds what, and how they are divided."""
