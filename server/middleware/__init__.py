"""The cure: any ASGI application drains before it stops. Start at `drain_middleware`."""
