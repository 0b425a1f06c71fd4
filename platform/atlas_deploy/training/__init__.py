"""Training on any target: what is asked for, and the one way to have it done."""
