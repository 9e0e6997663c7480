"""What every server-made page shares: base templates, template tags and the style sheet; who may see a page, and how a
form meets a service (`pages`)."""
