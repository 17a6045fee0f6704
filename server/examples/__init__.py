"""Programs that work beside the server, to try it with and to copy from."""
