"""The root of a container: what is mounted, who runs in it, and where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from atlas_provider.cluster.images import UnpackedImage, reason_of
from atlas_provider.cluster.roots import ContainerRoot

CONTAINER = {"name": "main", "volumeMounts": [{"name": "v", "mountPath": "/data"}]}


def script(root: ContainerRoot, container: dict[str, Any]) -> str:
    line = root.command(container, ["true"])
    assert line[-2:] == ["sh", "true"]
    return line[line.index("-c") + 1]


def test_a_root_has_what_is_shared_before_its_own_volumes(tmp_path: Path) -> None:
    root = ContainerRoot(
        tmp_path / "root", {"v": tmp_path / "v"}, {"tool": Path("/bin/tool")}, [Path("/srv/it's")]
    )
    text = script(root, CONTAINER)
    assert "lowerdir=/," in text
    assert "mount --rbind '/srv/it'\"'\"'s'" in text
    assert text.rindex("--rbind") < text.index(" /bin/tool ") < text.rindex("/data")


def test_an_image_s_root_is_over_its_layers_and_has_its_user_and_folder(tmp_path: Path) -> None:
    image = UnpackedImage("sha256:0", ("/up", "/low"), {"A": "1"}, "10001:10002", "/work")
    root = ContainerRoot(tmp_path / "root", {"v": tmp_path / "v"}, {"t": Path("/t")}, (), image)
    text = script(root, CONTAINER)
    assert "lowerdir=/up:/low," in text
    assert "image-programs" not in text
    assert "setpriv --reuid=10001 --regid=10002" in text
    assert "--wd=/work" in text
    assert root.variables()["A"] == "1"


def test_a_file_that_is_shared_is_no_folder(tmp_path: Path) -> None:
    file = tmp_path / "secret.json"
    file.write_text("{}", "utf-8")
    text = script(ContainerRoot(tmp_path / "root", {}, {}, [file]), {"name": "main"})
    assert f"touch {tmp_path}/root/root{file}" in text


@pytest.mark.parametrize(
    ("user", "context", "ids"),
    [
        ("", {}, (0, 0)),
        ("root", {}, (0, 0)),
        ("5", {}, (5, 0)),
        ("5:6", {"runAsUser": 7}, (7, 6)),
        ("5:6", {"runAsUser": 0, "runAsGroup": 0}, (0, 0)),
    ],
    ids=["none", "root", "user", "pod", "pod-root"],
)
def test_who_runs(user: str, context: dict[str, Any], ids: tuple[int, int]) -> None:
    assert UnpackedImage("", (), user=user).ids(context) == ids


def test_a_user_by_name_is_refused() -> None:
    with pytest.raises(ValueError, match=r"non-numeric user .alice."):
        UnpackedImage("", (), user="alice").ids({})


def test_what_a_container_runs() -> None:
    image = UnpackedImage("", (), entrypoint=("e",), command=("c",))
    assert image.line([], []) == ["e", "c"]
    assert image.line([], ["a"]) == ["e", "a"]
    assert image.line(["x"], []) == ["x"]


def test_an_image_as_podman_tells_of_it() -> None:
    facts = {
        "Digest": "sha256:1",
        "GraphDriver": {"Data": {"UpperDir": "/c", "LowerDir": "/b:/a"}},
        "Config": {"Env": ["A=1=2"], "User": "1", "WorkingDir": "/w", "Cmd": ["c"]},
    }
    image = UnpackedImage.parse(facts)
    assert (*image.layers,) == ("/c", "/b", "/a")
    assert (image.variables, image.user, image.folder) == ({"A": "1=2"}, "1", "/w")


def test_the_reason_of_a_pull_that_failed() -> None:
    printed = "Trying to pull r/x:1...\nError: reading manifest: http://u:p@r/v2: unknown\n"
    assert reason_of(printed) == "reading manifest: http://r/v2: unknown"
    assert reason_of("") == ""
