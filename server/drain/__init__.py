"""How this process stops: the machine that decides (pure), the shell that performs it. Start at `shutdown`."""
