"""The catalogue of 1,000 pipelines: written, and its front page in a browser until one can search."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.bench.fleet import fleet
from tests.bench.table import Row, at_most
from tests.bench.timing import BIN, seconds

PIPELINES = 1000
_TIMED = """<script>
document.documentElement.setAttribute("data-ready", performance.now());
</script></body>"""
_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        root = fleet(Path(folder) / "fleet", PIPELINES)
        out = root / "site"
        took = seconds(BIN / "atlas", "catalog", root, "--out", out, times=3)
        rows = [at_most(f"atlas catalog of {PIPELINES:,} pipelines", took, 10, "s")]
        if _CHROMIUM:
            ready = min(_interactive(out / "index.html") for _ in range(3))
            rows.append(at_most("its front page, until it can be searched", ready, 1, "s"))
        return rows


def _interactive(front: Path) -> float:
    """Return the seconds from the start of a navigation to the end of the page's own script.

    Pages are parsed in order, so a script behind the page's own one runs once that has run. It has
    no place in the page's policy, which a copy goes without.
    """
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", front.read_text())
    copy = front.with_name("timed.html")
    copy.write_text(text.replace("</body>", _TIMED))
    options = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")
    more = (f"--user-data-dir={front.with_name('profile')}", "--dump-dom", copy.as_uri())
    done = subprocess.run(
        [str(_CHROMIUM), *options, *more], capture_output=True, text=True, timeout=120, check=True
    )
    found = re.search(r'data-ready="([0-9.]+)"', done.stdout)
    if found is None:
        raise AssertionError(done.stdout[-1000:])
    return float(found[1]) / 1000
