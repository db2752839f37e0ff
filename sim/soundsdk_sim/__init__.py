"""soundsdk_sim: virtual boards that run the firmware's own code, sound in, serial out."""
