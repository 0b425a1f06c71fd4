"""Opening a service's page with its user and password, which no other user of the machine sees.

A browser is started with the URL in its arguments, which every user of the machine can read; and a
password in a URL stays in the browser's history and breaks pages that fetch what they show. So the
browser is given a private file instead: a page with the user, the password and a link.
"""

from __future__ import annotations

import html
import os
import sys
from string import Template
from typing import TYPE_CHECKING, Any

from atlas import files
from atlas.errors import PlatformError
from atlas_deploy.platforms.lifecycle import service_data

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_PAGE = Template("""\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<meta http-equiv="Content-Security-Policy"
      content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>$name</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 34rem; margin: 4rem auto; padding: 0 1rem }
label { display: block; margin: 1rem 0 }
input { font: 1rem monospace; width: 60%; padding: .3rem }
button, a.open { font: inherit; padding: .3rem .8rem }
</style>
<h1>$name</h1>
<p>It asks for this user and password. Copy the password, then open the page.</p>
<label>User <input id="user" readonly value="$user"> <button data-of="user">Copy</button></label>
<label>Password <input id="password" type="password" readonly value="$password">
<button data-of="password">Copy</button></label>
<p><a class="open" href="$url" target="_blank" rel="noreferrer noopener">Open $url</a></p>
<script>
for (const button of document.querySelectorAll("button")) {
  button.addEventListener("click", async () => {
    const field = document.getElementById(button.dataset.of);
    try {
      await navigator.clipboard.writeText(field.value);
    } catch {
      field.type = "text";
      field.select();
      document.execCommand("copy");
    }
    button.textContent = "Copied";
  });
}
</script>
</html>
""")


def page_url(name: str, service: Mapping[str, Any]) -> str:
    """Return where a service's page is.

    Raises:
        PlatformError: it has none.
    """
    url = str(service["url"]).rstrip("/")
    if not url.startswith(("http://", "https://")):
        raise PlatformError(f"{name}: has no page; it is {url}")
    return f"{url}{service_data().get(name, {}).get('page', '/')}"


def write_page(state: Path, name: str, url: str, secret: Mapping[str, str]) -> Path:
    """Write the private page (0600) that has a service's user and password; return its path.

    Args:
        state: the state folder.
        name: the service's name.
        url: where the service's own page is.
        secret: its user and password.
    """
    texts = {"name": name, "url": url, "user": secret["username"], "password": secret["password"]}
    path = files.own(state) / "secrets" / f"open-{name}.html"
    files.write(path, _PAGE.substitute({key: html.escape(text) for key, text in texts.items()}))
    return path


def has_display() -> bool:
    """Tell whether a browser can be seen: on Linux and BSD, whether there is a display for it."""
    if sys.platform in ("darwin", "win32"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))


def browse(url: str) -> None:
    """Open a URL in the browser, where one can be seen."""
    import webbrowser

    if has_display():
        webbrowser.open(url)
