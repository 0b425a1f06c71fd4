"""Targets: what a Plan can be compiled to, behind one small protocol."""

from atlas.targets.protocol import Target, deployed_name, refuse

__all__ = ["Target", "deployed_name", "refuse"]
