"""Pages in a real browser, headless: as they are once their scripts ran, and what axe-core finds."""

from __future__ import annotations

import hashlib
import html
import json
import re
import shutil
import subprocess
import tarfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from atlas_toolchain.cache import root

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
OPTIONS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
    "--virtual-time-budget=30000",
)  # fmt: skip
DARK = "--blink-settings=preferredColorScheme=0"
AXE = "axe-core@4.14.1"
AXE_SHA256 = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
"""Of its file ``axe.min.js``."""
RUN_AXE = """
addEventListener("load", async () => {
  const found = await axe.run(document, {resultTypes: ["violations"]});
  const told = found.violations.map((v) => [v.id, v.nodes.map((n) => n.target.join(" "))]);
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const wide = document.documentElement.scrollWidth > innerWidth;
  document.documentElement.setAttribute(
    "data-axe", JSON.stringify({told, passed: found.passes.length, dark, wide}));
});
"""


@cache
def axe() -> str:
    """Return axe-core, from the cache or the npm registry; skip where neither has it."""
    kept = root() / "tests" / AXE / "axe.min.js"
    if not kept.is_file() and shutil.which("npm"):
        folder = kept.parent.with_name(f"{AXE}.new")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        pack = ["npm", "pack", AXE, "--silent", "--fetch-retries=1", "--fetch-timeout=30000"]
        done = subprocess.run(pack, cwd=folder, capture_output=True, text=True, timeout=120)
        for file in folder.glob("*.tgz") if done.returncode == 0 else ():
            with tarfile.open(file) as archive:
                script = archive.extractfile("package/axe.min.js")
                kept.parent.mkdir(exist_ok=True)
                kept.write_bytes(script.read() if script else b"")
        shutil.rmtree(folder, ignore_errors=True)
    content = kept.read_bytes() if kept.is_file() else b""
    if hashlib.sha256(content).hexdigest() != AXE_SHA256:
        pytest.skip(f"no {AXE} here, and none from npm")
    return content.decode()


def opened(page: str, profile: Path, *options: str) -> str:
    """Return a page as it is once its scripts have run."""
    command = [str(CHROMIUM), *OPTIONS, *options, f"--user-data-dir={profile}", "--dump-dom", page]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout


def violations(page: Path, *options: str) -> dict[str, Any]:
    """Return what axe-core finds in a page, which here may run it as well."""
    text = page.read_text()
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    text = text.replace("</head>", f"<script>{axe()}</script><script>{RUN_AXE}</script></head>")
    copy = page.with_name(f"axe-{page.name}")
    copy.write_text(text)
    shown = opened(copy.as_uri(), page.parent / "profile", *options)
    found = re.search(r'data-axe="([^"]*)"', shown)
    assert found, shown[-2000:]
    answer: dict[str, Any] = json.loads(html.unescape(found[1]))
    return answer
