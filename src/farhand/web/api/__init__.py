"""The face for endpoints: Jump Clients that enrol, customer clients that start, the client file. Decides nothing."""
