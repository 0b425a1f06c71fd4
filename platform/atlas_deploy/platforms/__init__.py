"""Platform stacks, wherever they were created, and the services that they offer."""
