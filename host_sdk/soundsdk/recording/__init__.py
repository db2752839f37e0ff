"""Sound from boards and files, and the dataset folders it goes into."""
