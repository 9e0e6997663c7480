"""Template tags of the base design."""
