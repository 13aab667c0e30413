"""Reads the Nexus schema and writes everything that is derived from it.

Run ``python -m generate`` with ``schema/`` on the path. One model (:mod:`generate.model`) is read
once (:mod:`generate.load`), checked (:mod:`generate.rules`, :mod:`generate.compat`) and handed to
small emitters, one per product.
"""
