"""The command line of Atlas."""
