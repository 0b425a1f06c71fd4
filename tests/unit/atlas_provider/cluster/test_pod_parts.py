"""What a pod's processes are given."""

from __future__ import annotations

from pathlib import Path

from atlas_provider.cluster import pod_parts


def test_references_are_expanded_as_kubernetes_does() -> None:
    known = {"A": "1", "B": "two words"}
    assert pod_parts.expanded("$(A)-$(B)-$(NONE)", known) == "1-two words-$(NONE)"
    assert pod_parts.expanded("$$(A) $(A)", known) == "$(A) 1"


def test_a_root_has_what_is_shared_before_its_own_volumes(tmp_path: Path) -> None:
    container = {"name": "main", "volumeMounts": [{"name": "v", "mountPath": "/data"}]}
    root, store = tmp_path / "root", Path("/srv/it's")
    line = pod_parts.in_root(
        root, container, {"v": tmp_path / "v"}, ["true"], {"tool": Path("/bin/tool")}, [store]
    )
    script = line[line.index("-c") + 1]
    assert "mount --rbind '/srv/it'\"'\"'s'" in script
    assert script.rindex("--rbind") < script.index(" /bin/tool ") < script.rindex("/data")
    assert line[-2:] == ["sh", "true"]
