"""The styles of pages: one set of rules, and colours for a light and a dark screen."""

from __future__ import annotations

import hashlib
from binascii import b2a_base64

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""A page's content security policy: it loads nothing, and runs no script."""
STYLE = """
:root { color-scheme: light; font: 14px/1.45 system-ui, sans-serif; --page: #fff; --text: #1f2328;
  --quiet: #4d5661; --line: #d1d9e0; --rule: #eaeef2; --raised: #f6f8fa; --accent: #0969da;
  --bad: #cf222e; --good: #1a7f37; color: var(--text); background: var(--page); }
body { margin: 2rem auto; max-width: 75rem; padding: 0 1rem; }
h1 { font-size: 20px; }
h2 { font-size: 17px; margin-top: 2rem; border-bottom: 1px solid var(--line); }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; padding: 2px 10px; vertical-align: top; }
td:last-child { overflow-wrap: anywhere; }
.steps :not(:last-child) { white-space: nowrap; }
tr { border-bottom: 1px solid var(--rule); }
.facts th { white-space: nowrap; width: 1%; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
code, pre { font: 12px/1.4 ui-monospace, Menlo, "DejaVu Sans Mono", monospace; }
pre { background: var(--raised); padding: 12px; overflow: auto; white-space: pre-wrap; }
.graph { overflow: auto; border: 1px solid var(--line); border-radius: 8px; }
.failed { color: var(--bad); }
"""
"""Rules that every page has; by themselves, for a light screen."""
DARK = """
:root { color-scheme: light dark; }
a { color: var(--accent); }
@media (prefers-color-scheme: dark) { :root { --page: #0d1117; --text: #f0f6fc; --quiet: #b1bac4;
  --line: #3d444d; --rule: #21262d; --raised: #161b22; --accent: #4493f8; --bad: #ff7b72;
  --good: #3fb950; } }
"""
"""What a page adds that is drawn with these colours alone: it follows the reader's screen."""


def policy_with(script: str) -> str:
    """Return a policy by which a page loads nothing and runs this script alone."""
    digest = b2a_base64(hashlib.sha256(script.encode()).digest(), newline=False).decode()
    return f"{POLICY}; script-src 'sha256-{digest}'"
