"""When to believe a score: calibration, prediction sets, and how far both hold."""
