"""Base templates, template tags and the style sheet that every server-made page shares."""
