"""Every text on the wire and every message in the log: encoded once, parsed with limits. Pure."""
