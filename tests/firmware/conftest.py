"""Property tests without a deadline: machines that run them are shared. A failing case prints how to repeat it."""

from hypothesis import settings

settings.register_profile("firmware", deadline=None, print_blob=True)
settings.load_profile("firmware")
