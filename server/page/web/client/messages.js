// Written from the server's models by `python -m server.schema typescript`: do not edit.
export {};
