"""Models as C: one `.c` and one `.h` file, C99 without memory allocation. It knows programs of streams, no models."""
