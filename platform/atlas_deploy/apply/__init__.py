"""Making it so: locks, names, the update of stacks, one or many."""
