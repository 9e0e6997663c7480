"""Area `jump`: Jump Groups, Jump Clients, how they are enrolled, and how a Jump starts."""
