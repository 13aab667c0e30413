"""The configuration: typed, layered, each value with its source.

`load` merges the layers of design section 5, low to high: the node's file, the user's, the project's, flags,
``NEXUS_*``. `describe` is the reference.
"""

from __future__ import annotations

from nexusd.config.loading import ConfigError, Loaded, describe, load, parse_flags, render, validate_text
from nexusd.config.model import Config
from nexusd.config.paths import Home, HomeUnusable

__all__ = [
    "Config",
    "ConfigError",
    "Home",
    "HomeUnusable",
    "Loaded",
    "describe",
    "load",
    "parse_flags",
    "render",
    "validate_text",
]
