"""The workers that train, one module a system; see `benchmarks.workers`."""
