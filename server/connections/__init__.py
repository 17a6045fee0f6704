"""One client's WebSocket: what comes in, what goes out, how it ends. Start reading at `connection`."""
