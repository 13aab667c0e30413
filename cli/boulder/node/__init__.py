"""The daemon of this home: found, started, stopped and installed."""
