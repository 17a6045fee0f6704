"""What load balancers and monitoring see of a target: HTTP answers, the network, the machine itself."""
