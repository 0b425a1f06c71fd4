"""`atlas catalog --serve`, as somebody uses it: served behind a password, and gone when interrupted."""

from __future__ import annotations

import html
import re
import signal
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

from atlas.errors import PlatformError
from atlas.http.credentials import basic
from atlas.http.service import Service
from atlas.waiting import wait_until
from tests.projects import ATLAS, Project, environment, project
from tests.retrained import champion

__all__ = ["project"]


def test_the_catalogue_is_served_until_it_is_interrupted(project: Project) -> None:
    champion(project)
    command = [*ATLAS, "catalog", "--serve", "--out", "site"]
    own = environment(DISPLAY="", WAYLAND_DISPLAY="", BROWSER="")
    with subprocess.Popen(
        command, cwd=project.root, env=own, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:  # fmt: skip
        assert process.stdout
        try:
            assert process.stdout.readline().endswith("site/index.html: 1 pipeline\n")
            told = process.stdout.readline()
            found = re.match(r"(\S+) asks for a password; (file://\S+) has it", told)
            assert found, told
            assert process.stdout.readline() == "Ctrl-C ends it\n"
            opener = Path(urlsplit(found[2]).path)
            assert opener.stat().st_mode & 0o077 == 0
            password = re.search(r'type="password" readonly value="([^"]+)"', opener.read_text())
            assert password
            who = basic("atlas", html.unescape(password[1]))
            answer = Service("catalog", found[1], lambda: who).send("GET", "pipelines/houses.html")
            assert answer.status == 200
            assert b"<svg" in answer.content
            assert refused(found[1])
            process.send_signal(signal.SIGINT)
            assert process.wait(120) == 130
        finally:
            process.kill()
    assert not opener.exists()


def refused(url: str) -> bool:
    """Tell whether somebody without the password is turned away."""
    try:
        return Service("catalog", url).send("GET", "").status == 401
    except PlatformError as error:
        return "401" in str(error)


def test_a_port_is_only_of_serving(project: Project) -> None:
    champion(project)
    done = project.atlas("catalog", "--port", "8000")
    assert done.returncode == 2
    assert "is of --serve" in done.stderr


def test_a_pipeline_that_is_wrong_is_left_out_with_a_note(project: Project) -> None:
    champion(project)
    project.write("broken/config.json", '{"version": 1, "name": "broken", "recipes": {}}')
    project.write("unread/config.json", '{"version": 1, "name": "unread", "recipes": }')
    done = project.atlas("catalog", "--out", "site")
    assert done.returncode == 0, done.stderr
    page = (project.root / "site" / "index.html").read_text()
    assert "houses" in page
    assert re.search(r'<p class="fault">\d+ problems[^<]* be read is left out', page)


def test_a_catalogue_of_nothing_right_is_refused(project: Project) -> None:
    project.write("unread/config.json", '{"version": 1, "name": "unread", "recipes": }')
    done = project.atlas("catalog", "--out", "site")
    assert done.returncode == 1
    assert "error D002" in done.stderr


def test_open_shows_the_catalogue_that_was_written(project: Project, tmp_path: Path) -> None:
    champion(project)
    browser = tmp_path / "browser"
    browser.write_text(
        f'#!/bin/sh\necho "$1" > {tmp_path}/opened.new\nmv {tmp_path}/opened.new {tmp_path}/opened\n'
    )
    browser.chmod(0o755)
    display = environment(DISPLAY=":99", WAYLAND_DISPLAY="", BROWSER=str(browser))
    refused = project.atlas("open", "catalog", env=display)
    assert refused.returncode == 1
    assert "there is no catalogue yet; `atlas catalog" in refused.stderr
    (page,) = re.findall(r"file://\S+index.html", project.atlas("catalog").stdout)
    shown = project.atlas("open", "catalog", env=display)
    assert (shown.returncode, shown.stdout) == (0, f"{page}\n"), shown.stderr
    assert wait_until((tmp_path / "opened").exists, 120, 0.05)
    assert (tmp_path / "opened").read_text() == f"{page}\n"
    assert "houses" in Path(urlsplit(page).path).read_text()
