"""A light WebSocket connection under uvicorn: from the bytes of a socket to a text, and back.

Owns the wire of RFC 6455 for a server: the opening handshake (`handshake`), the frames (`frames`), and the classes that
uvicorn is given for both (`entrance`, `websocket`), with everything bounded. Refuses to know what is said, who is
admitted, what a drain is, and every request that is not a WebSocket's: those are left to uvicorn's own classes.

Start reading at `frames`. `install` says where these classes take the place of uvicorn's.
"""
