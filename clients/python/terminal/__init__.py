"""The command `ebb client`: `listen`, `chat`, `many`, `broadcast`, `stress`.

Owns options, output and exit statuses. Everything that it knows of the server it knows from `Client`.
"""
