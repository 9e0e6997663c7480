"""Canned scripts: what administrators write, and the signed orders by which endpoints run it."""
