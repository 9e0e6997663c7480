"""What all areas stand on: settings, addresses, middleware, the service decorator, the server that runs it."""
