"""What a pod's processes are given."""

from __future__ import annotations

from atlas_provider.cluster import pod_parts


def test_references_are_expanded_as_kubernetes_does() -> None:
    known = {"A": "1", "B": "two words"}
    assert pod_parts.expanded("$(A)-$(B)-$(NONE)", known) == "1-two words-$(NONE)"
    assert pod_parts.expanded("$$(A) $(A)", known) == "$(A) 1"
