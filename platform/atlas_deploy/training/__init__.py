"""Training on any target: what is asked for, and the one way to have it done."""

from atlas_deploy.training.request import FLOW, Request
from atlas_deploy.training.start import start

__all__ = ["FLOW", "Request", "start"]
