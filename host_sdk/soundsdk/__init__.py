"""soundsdk: teach a microcontroller to recognise your sounds."""

__version__ = "0.1.0"
