"""How what is desired differs from what is there, and how that is rendered."""
