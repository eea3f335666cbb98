"""Gatewise against its peers, on this machine, in one run: `python -m benchmarks`. See benchmarks/README.md."""
