"""Validation in two depths, neither of which runs user code: structure, and contract."""

from atlas.validate.check import Checked, Report, check

__all__ = ["Checked", "Report", "check"]
