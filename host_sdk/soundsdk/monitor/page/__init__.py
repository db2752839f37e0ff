"""The page of `soundsdk monitor --web`: the page itself, who may load it, and the messages that feed it."""
