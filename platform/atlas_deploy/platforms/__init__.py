"""Platform stacks, wherever they were stood up, and the services that they offer."""
