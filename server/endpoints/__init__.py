"""What is said on each path, over WebSocket and over HTTP. Start reading at `broadcast`."""
