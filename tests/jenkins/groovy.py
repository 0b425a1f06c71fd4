"""Running Jenkinsfiles: Groovy as Jenkins has it, in `declarative.groovy`'s small runtime.

Jenkins itself is nowhere to be had as a package. The jar comes from Maven's repository into the
user's cache, once: by the mirror of the user's Maven settings, else from where Maven itself gets things.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import urllib.request
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from atlas_toolchain import cache

HERE = Path(__file__).parent
SHA256 = "de65260cf2070442e99882f2f3d72e7531725c1e6a257446cc0cea525c607bd0"
NAME = "groovy-all-2.4.21.jar"
KEY = f"org/codehaus/groovy/groovy-all/2.4.21/{NAME}"
OPENS = [f"--add-opens=java.base/java.{part}=ALL-UNNAMED" for part in ("lang", "util")]
PATIENCE = 60
_REFUSED = "maven: groovy"


def runs(jenkinsfile: Path, builds: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Run a Jenkinsfile as several builds; return what each did, in order."""
    java = shutil.which("java")
    jar = _jar() if java else None
    if not java or not jar:
        pytest.skip("no Java, or no Groovy for it (Maven's repository doesn't give it here)")
    usual = {
        "branch": "main",
        "timer": False,
        "params": {},
        "fails": "",
        "files": ["reports/released"],
    }
    asked = [{**usual, **one} for one in builds]
    words = ["groovy.ui.GroovyMain", str(HERE / "declarative.groovy"), str(jenkinsfile)]
    done = subprocess.run(
        [java, *OPENS, "-XX:TieredStopAtLevel=1", "-cp", str(jar), *words, json.dumps(asked)],
        capture_output=True, text=True, check=False, timeout=240,
    )  # fmt: skip
    if done.returncode or not done.stdout.startswith("["):
        raise RuntimeError(f"{done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def _jar() -> Path | None:
    """Return the jar, of the right content; None where it can't be had."""
    jar = cache.root() / "groovy" / NAME
    with cache.locked(cache.root(), lambda: None):
        if jar.is_file() and _is_right(jar.read_bytes()):
            return jar
        if _REFUSED in cache.refusals():
            return None
        for repository in _repositories():
            content = _fetched(f"{repository.rstrip('/')}/{KEY}")
            if _is_right(content):
                jar.parent.mkdir(parents=True, exist_ok=True)
                new = jar.with_suffix(".new")
                new.write_bytes(content)
                os.replace(new, jar)
                return jar
        cache.remember(_REFUSED, f"{NAME}: no repository gives it")
    return None


def _is_right(content: bytes) -> bool:
    return hashlib.sha256(content).hexdigest() == SHA256


def _fetched(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            return answer.read(20_000_000)
    except (OSError, ValueError):
        return b""


def _repositories() -> Iterator[str]:
    """Yield the mirror of the user's settings, and the repository that Maven's own files name."""
    settings = Path.home() / ".m2" / "settings.xml"
    if settings.is_file():
        yield from _urls(settings.read_bytes(), "mirror")
    maven = Path(os.environ.get("MAVEN_HOME") or "/usr/share/maven")
    for file in sorted(maven.glob("lib/maven-model-builder*.jar")):
        with zipfile.ZipFile(file) as jar:
            yield from _urls(jar.read("org/apache/maven/model/pom-4.0.0.xml"), "repository")


def _urls(text: bytes, kind: str) -> Iterator[str]:
    for element in ElementTree.fromstring(text).iter():
        if element.tag.rpartition("}")[2] == kind:
            for child in element:
                url = (child.text or "").strip()
                if child.tag.rpartition("}")[2] == "url" and url.startswith(("https:", "http:")):
                    yield url
