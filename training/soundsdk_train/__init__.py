"""Training of streaming sound detectors: recordings in, one checked INT8 file out. Needs soundsdk[train,tflm]."""
