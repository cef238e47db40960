"""When to believe a reading: calibration, prediction sets, the refusal gate."""
