"""A pipeline with two images, wheels made on the spot, a builder that only remembers."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import platform
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from atlas.containers.failure import command_failure
from atlas.images.builders import Access, Build, Facts
from tests.projects import Project, project, store

__all__ = ["project", "store"]

SOURCE = """
class Say(Template):
    def run(self) -> NamedTuple("Out", [("text", str)]):
        return "one",
"""
IMAGES = {
    "base": {"requirements": "requirements.txt"},
    "trees": {"dockerfile": "trees.Dockerfile"},
}
DOCKERFILE = "ARG ATLAS_BASE\nFROM ${ATLAS_BASE}\nCOPY greeting.txt /greeting.txt\n"


def make_wheel(folder: Path, name: str, version: str = "1.0", requires: str = "") -> Path:
    """Make a wheel of one module and one script, as an index would have it."""
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    needs = f"Requires-Dist: {requires}\n" if requires else ""
    files = {
        f"{name}/__init__.py": f"VERSION = {version!r}\n",
        f"{name}/tests/__init__.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{name} = {name}:main\n",
    }
    lines = [f"{key},sha256={_hash(text)},{len(text)}" for key, text in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*lines, f"{info}/RECORD,,", ""])
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for key, text in files.items():
            archive.writestr(zipfile.ZipInfo(key, (2020, 1, 1, 0, 0, 0)), text)
    return path


def _hash(text: str) -> str:
    raw = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@pytest.fixture
def no_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Let Atlas itself need nothing of an index, so that wheels made here are all there is."""
    from atlas.images import lock, requirements

    (tmp_path / "core.lock").write_text("")
    monkeypatch.setattr(requirements, "requires", lambda _: [])
    monkeypatch.setattr(lock, "CORE", tmp_path / "core.lock")
    requirements.own_requirements.cache_clear()
    yield
    requirements.own_requirements.cache_clear()


@pytest.fixture
def pipeline(project: Project) -> Project:
    """A pipeline ``words`` with two steps, each in an image of its own."""
    project.write("pyproject.toml", '[tool.atlas]\nbase-image = "localhost/python:3.11"\n')
    steps = {
        "first": {"class": "steps:Say", "image": "base"},
        "second": {"class": "steps:Say", "image": "trees", "after": ["first"]},
    }
    project.pipeline("words", SOURCE, steps, images=IMAGES)
    project.write("words/requirements.txt", "--no-index\n--find-links wheels\nhello\n")
    project.write("words/trees.Dockerfile", DOCKERFILE)
    project.write("words/greeting.txt", "good morning\n")
    make_wheel(project.root / "words" / "wheels", "hello")
    return project


class FakeBuilder:
    """Remembers what it was asked; its images are names."""

    name, version = "fake", "1.0"

    def __init__(self) -> None:
        self.images: dict[str, Facts] = {"localhost/python:3.11": Facts(identity="base", digest="")}
        self.built: list[str] = []
        self.pushed: list[str] = []
        self.pulled: list[str] = []
        self.removed: list[str] = []
        self.files: dict[str, list[str]] = {}
        self.labels: dict[str, dict[str, str]] = {}
        self.dockerfiles: dict[str, str] = {}
        self.fail: dict[str, str] = {}
        self.proof: dict[str, object] = {}
        self.on_push: Callable[[str, str], str] = lambda name, _: digest_of(name)

    def build(self, build: Build) -> None:
        self._failing("build", build.name)
        content = sorted(
            path.relative_to(build.context).as_posix()
            for path in build.context.rglob("*")
            if path.is_file() and path.name != "Dockerfile"
        )
        self.built.append(build.name)
        self.files[build.name] = content
        self.labels[build.name] = dict(build.labels)
        self.dockerfiles[build.name] = build.dockerfile.read_text()
        self.images[build.name] = Facts(identity=f"id-{len(self.built)}", size=1000)

    def facts(self, name: str) -> Facts | None:
        return self.images.get(name)

    def pull(self, name: str, access: Access, log: Path) -> None:
        self._failing("pull", name)
        self.pulled.append(name)
        self.images.setdefault(name, Facts(identity="pulled", digest="sha256:" + "b" * 64))

    def run(self, name: str, code: str, *, user: str = "") -> str:
        self._failing("run", name)
        if "libc_ver" in code:
            libc = ["glibc", "2.36"]
            machine = platform.machine()
            python = ".".join(map(str, sys.version_info[:3]))
            return json.dumps(
                {
                    "version": python,
                    "executable": "/usr/bin/python3",
                    "machine": machine,
                    "libc": libc,
                }
            )
        known = {"user": 10001, "python": {"hello": "1.0"}, "debian": {"libc6": "2.36"}}
        return json.dumps({**known, "code": self.labels[name]["org.atlas.code"], **self.proof})

    def push(self, name: str, target: str, access: Access, log: Path) -> str:
        self._failing("push", target)
        self.pushed.append(target)
        return self.on_push(name, target)

    def remove(self, name: str) -> None:
        self.removed.append(name)
        self.images.pop(name, None)

    def _failing(self, what: str, name: str) -> None:
        for part, output in self.fail.items():
            word, _, needle = part.partition(" ")
            if word == what and needle in name:
                raise command_failure(f"fake {what}", output)


def digest_of(name: str) -> str:
    return "sha256:" + hashlib.sha256(name.encode()).hexdigest()


@pytest.fixture
def builder() -> FakeBuilder:
    return FakeBuilder()


class FakeRegistry:
    """A registry that has what was pushed with a `FakeBuilder`."""

    host, plain, credentials = "127.0.0.1:5000", True, None

    def __init__(self, builder: FakeBuilder) -> None:
        self.builder = builder
        self.gone: set[str] = set()
        self.documents: dict[str, dict[str, object]] = {}

    def _has(self, repository: str, digest: str) -> bool:
        names = (target.partition("/")[2] for target in self.builder.pushed)
        found = {(name.rpartition(":")[0], digest_of(f"localhost/{name}")) for name in names}
        return (repository, digest) in found and digest not in self.gone

    def check(self) -> None: ...

    def digest(self, repository: str, reference: str) -> str:
        return reference if self._has(repository, reference) else ""

    def manifest(self, repository: str, reference: str) -> object:
        from atlas.images.registry import ImageManifest

        return ImageManifest(reference, 77) if self._has(repository, reference) else None

    def described(self, repository: str, digest: str) -> dict[str, object]:
        assert self._has(repository, digest), "what is attached comes after its image"
        return {"mediaType": "image", "digest": digest, "size": 1}

    def document(self, repository: str, path: str) -> dict[str, object]:
        return self.documents.get(f"{repository}/{path}", {})

    def add_blob(self, repository: str, content: bytes) -> str:
        return f"sha256:{hashlib.sha256(content).hexdigest()}"

    def add_manifest(self, repository: str, content: bytes, kind: str, tag: str = "") -> tuple:
        digest = self.add_blob(repository, content)
        self.documents[f"{repository}/manifests/{tag or digest}"] = json.loads(content)
        return digest, False

    def delete(self, repository: str, digest: str) -> bool:
        there = self._has(repository, digest)
        self.gone.add(digest)
        return there


@pytest.fixture
def registry(builder: FakeBuilder) -> FakeRegistry:
    return FakeRegistry(builder)


@pytest.fixture
def program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str, str], Path]]:
    """Put a program of shell on an otherwise empty PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def put(name: str, script: str) -> Path:
        path = folder / name
        path.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")
        path.chmod(0o755)
        return path

    return put


def times(folder: Path) -> set[float]:
    return {os.lstat(path).st_mtime for path in folder.rglob("*")}
