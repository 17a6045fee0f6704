"""The pure core: rules without I/O. Time is an argument; nothing here imports asyncio, sockets, a clock or logging."""
