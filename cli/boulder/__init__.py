"""`boulder`, the command line of Nexus. Each command is a module of `boulder.commands`, imported when it is used."""

__version__ = "0.1.0"
