"""The face `/console`: the page that loads the web console, and the JSON that it works with. Decides nothing."""
