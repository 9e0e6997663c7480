"""Users, Support Teams, the separate appliance accounts, the claim, passwords, throttling and second factors."""
