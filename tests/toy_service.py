"""A service that Atlas doesn't have, added to a copy of it: a folder, a component and one line."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_COPIED = ("Pulumi.yaml", "atlas_cli", "infra", "platform")
_TABLE = "SERVICES: Mapping[str, str] = {\n"
_LINE = '    "toy": "infra.local.toy:declare",\n'
_DATA = """{
  "description": "Shows one page.",
  "version": "1.0",
  "listens": true,
  "page": "/hello.html"
}
"""
_COMPONENT = '''"""A page on this machine, opened by a secret."""

from __future__ import annotations

import pulumi

from atlas_provider.resources import Process
from infra.outputs import ServiceOutput
from infra.services import ServiceData


class Toy(pulumi.ComponentResource):
    """A server of one page."""

    def __init__(self, name, platform, opts=None):
        super().__init__("atlas:local:Toy", name, None, opts)
        settings = platform.settings
        page = ServiceData.load("toy").template("hello.html", {"store": settings.store})
        server = Process(
            name,
            folder=str(settings.folder),
            vault=str(settings.vault),
            command=[
                settings.python, "-m", "http.server", "--bind", "127.0.0.1",
                "--directory", "{dir}", "{port:http}",
            ],
            files={"hello.html": page},
            ports={"http": platform.port("toy")},
            health="http://127.0.0.1:{port:http}/hello.html",
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.services = {
            "toy": server.bound.apply(
                lambda bound: ServiceOutput.at(
                    "toy", f"http://127.0.0.1:{int(bound['http'])}", credentials="toy", version="1.0"
                )
            )
        }
        self.register_outputs({})


def declare(platform):
    return Toy("toy", platform)
'''


def copy_with_toy(folder: Path, *, alone: bool = False) -> Path:
    """Return a copy of Atlas that has the toy service.

    Args:
        folder: where the copy is made.
        alone: whether its table has the toy's line only.
    """
    copy = folder / "atlas"
    copy.mkdir()
    for name in _COPIED:
        source = ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", ".atlas")
            shutil.copytree(source, copy / name, ignore=ignored)
        else:
            shutil.copy(source, copy / name)
    data = copy / "platform" / "services" / "toy"
    data.mkdir()
    (data / "service.json").write_text(_DATA)
    (data / "hello.html").write_text("hello from $store, {secret:toy}\n")
    (copy / "infra" / "local" / "toy.py").write_text(_COMPONENT)
    table = copy / "infra" / "local" / "services.py"
    before, head, rest = table.read_text().partition(_TABLE)
    rest = rest[rest.index("}\n") :] if alone else rest
    table.write_text(before + head + _LINE + rest)
    return copy


def added_to(copy: Path) -> dict[str, int]:
    """Return what a copy has more than the original: how many lines, by file."""
    more = {}
    for path in sorted(copy.rglob("*")):
        name = str(path.relative_to(copy))
        text = path.read_bytes() if path.is_file() and "__pycache__" not in name else None
        original = (ROOT / name).read_bytes() if (ROOT / name).exists() and text else b""
        if text is not None and text != original:
            more[name] = text.count(b"\n") - original.count(b"\n")
    return more
