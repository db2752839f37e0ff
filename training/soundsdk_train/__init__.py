"""Training: recordings in, one checked INT8 detector file out.

A module imports only modules named before it: run_settings, features, datasets, augment, evaluation, tf_runtime;
crnn, crnn_step, quantize, export, calibration; training_loop, training_run; scene_data; progress,
commands.
"""
