"""What an operator's machinery sees of a target: HTTP answers, the network, the machine itself."""
