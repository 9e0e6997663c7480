"""The face `/`: where a customer enters a session key and gets the client. Decides nothing."""
