"""Where sessions wait and where they go from there: issues, requests for help, rules for waiting sessions."""
