"""What is there: the state of stacks, and what services really have."""
