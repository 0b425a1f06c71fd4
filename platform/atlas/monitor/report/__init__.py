"""The page that says why: what was looked at, what fired, what is left, and pictures of it."""

from atlas.monitor.report.content import MonitorPage
from atlas.monitor.report.html import html

__all__ = ["MonitorPage", "html"]
