"""HTTP and WebSocket: an ASGI application, over Starlette."""
