"""Processes: the table of them, their output logs, their input, and who is attached."""
