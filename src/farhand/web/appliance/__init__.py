"""The site as a whole: its settings, its keys, its TLS pair, whether it has been claimed."""
