"""Farhand: a self-hosted appliance for secure remote support and privileged remote access.

Why this module exists: it names the package and holds its one version number.
Rules: it imports nothing, so that every program and the build can read the version at no cost.
"""

__version__ = "0.1.0"
