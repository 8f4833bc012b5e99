"""From the ASGI module to the consumer: application trees, routes, URLconfs."""
