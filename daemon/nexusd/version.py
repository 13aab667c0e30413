"""The daemon's version. A constant, because looking it up in the installed distribution costs 15 ms at start."""

VERSION = "0.1.0"
