"""What validation found, kept while nothing changes: looked up without validating anything."""

from atlas.findings.kept import Findings, findings
from atlas.findings.tree import content_digest, state_digest

__all__ = ["Findings", "content_digest", "findings", "state_digest"]
