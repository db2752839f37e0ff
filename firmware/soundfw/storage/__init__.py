"""Files on the board: models, thresholds, the count of failed starts."""

# What model_memory must remember, which goes once a board has started.
room = None  # bytearray of the size of the model that will run
threshold = None  # of the collector, before a start changed it
spare = []  # keeps one large piece together until model_memory.release()
