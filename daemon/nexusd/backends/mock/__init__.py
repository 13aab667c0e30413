"""A backend for tests: real processes, with faults on demand."""
