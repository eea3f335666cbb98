"""One module a system, each a process of its own that answers over its standard streams; `serve` is their loop."""
