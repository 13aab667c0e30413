"""Servers that do the same without Nexus, and how they are started."""
