"""Pulumi programs: what the platform is made of, on each kind of target."""
