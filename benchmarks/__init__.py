"""Scripts that print the tables of BENCHMARKS.md."""
