"""Benchmarks against other packages, benchmark files that compare methods, and scripts that make packaged files."""
