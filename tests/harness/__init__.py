"""Real parts for tests: an appliance in its own data folder, a visitor with cookies, a virtual display, a Chromium."""
