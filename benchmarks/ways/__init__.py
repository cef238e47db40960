"""The usual ways to read a film and to explain the reading, for `benchmarks.latency`."""
