"""Manifests rendered by the real Helm and Kustomize, from sources that the test has made."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pulumi import RunError

from infra.manifests import programs, update
from infra.manifests.objects import digest
from infra.manifests.rendering import Manifests, render
from infra.manifests.sources import Rendering, renderings

CHART = {
    "Chart.yaml": "apiVersion: v2\nname: shop\nversion: 1.0.0\n",
    "values.yaml": "colour: red\n",
    "crds/order.yaml": (
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
        "metadata: {name: orders.shop}\n"
    ),
    "templates/all.yaml": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}, "
        "namespace: {{ .Release.Namespace }}}\ndata: {colour: {{ .Values.colour }}, "
        "kubernetes: {{ .Capabilities.KubeVersion.Version }}}\n"
    ),
    "templates/hook.yaml": (
        "apiVersion: batch/v1\nkind: Job\nmetadata: {name: hook, annotations: "
        "{helm.sh/hook: pre-install}}\n"
    ),
}
BASE = {
    "base/kustomization.yaml": "resources: [shop.yaml]\nnamespace: shop\n",
    "base/shop.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shop}\n",
}


NEW = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: new}\n"


def needs(tool: str) -> None:
    try:
        programs.find(tool)
    except RunError as error:
        pytest.skip(str(error))


def written(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.fixture
def helm(tmp_path: Path) -> Rendering:
    needs("helm")
    written(tmp_path / "charts" / "shop", CHART)
    values = tmp_path / "values.yaml"
    values.write_text("colour: blue\n")
    return Rendering(
        service="shop", name="all", tool="helm", source=str(tmp_path / "charts"), chart="shop",
        version="1.0.0", release="mine", namespace="market", kubernetes="1.33.0", values=values,
        sha256="0" * 64,
    )  # fmt: skip


@pytest.fixture
def kustomize(tmp_path: Path) -> Rendering:
    needs("kustomize")
    repository = written(tmp_path / "repository", BASE)
    return Rendering(
        service="shop", name="all", tool="kustomize", source=str(repository), chart="base",
        version="1.0.0", namespace="shop", sha256="0" * 64,
    )  # fmt: skip


def test_a_chart_is_rendered_with_its_kinds_and_without_its_hooks(helm: Rendering) -> None:
    found = {one["kind"]: one for one in render(helm)}
    assert set(found) == {"CustomResourceDefinition", "ConfigMap"}
    assert found["ConfigMap"]["metadata"] == {"name": "mine", "namespace": "market"}
    assert found["ConfigMap"]["data"] == {"colour": "blue", "kubernetes": "v1.33.0"}


def test_what_differs_from_its_pin_is_refused_and_not_kept(helm: Rendering, tmp_path: Path) -> None:
    manifests = Manifests(cache=tmp_path / "cache")
    with pytest.raises(RunError, match=r"shop 1\.0\.0 \(all\): found objects of sha256"):
        manifests.objects(helm)
    assert not (tmp_path / "cache").exists()


def test_what_is_rendered_is_kept_and_not_rendered_again(
    kustomize: Rendering, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pinned = replace(kustomize, sha256=digest(render(kustomize)))
    manifests = Manifests(cache=tmp_path / "cache")
    first = manifests.objects(pinned)
    assert first[0]["metadata"] == {"name": "shop", "namespace": "shop"}
    monkeypatch.setenv("PATH", "")
    assert manifests.objects(pinned) == first


def test_a_program_that_fails_is_reported_with_the_file_that_a_mirror_would_have(
    helm: Rendering, kustomize: Rendering
) -> None:
    for rendering in (replace(helm, chart="gone"), replace(kustomize, chart="gone")):
        with pytest.raises(RunError) as caught:
            render(rendering)
        assert f"{rendering.tool} failed: " in str(caught.value)
        assert "atlas:manifests that has shop-1.0.0/all.yaml" in str(caught.value)


def test_without_a_program_it_says_what_gets_it(
    helm: Rendering, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    with pytest.raises(RunError, match=r"helm: not on PATH.*doctor --install --cluster"):
        render(helm)


def git(folder: Path, *words: str) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


def test_a_file_of_a_repository_is_taken_at_its_tag(tmp_path: Path) -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: first}\n"
    repository = written(tmp_path / "repository", {"releases/shop-1.0.0.yaml": text})
    git(repository, "init")
    commit(repository, "v1.0.0")
    written(repository, {"releases/shop-1.0.0.yaml": text.replace("first", "changed")})
    commit(repository, "v1.1.0")
    rendering = Rendering(
        service="shop", name="all", tool="git", source=repository.as_uri(), version="v1.0.0",
        chart="releases/shop-{number}.yaml", namespace="shop", sha256="0" * 64,
    )  # fmt: skip
    (found,) = render(rendering)
    assert found["metadata"]["name"] == "first"
    assert update.newest_version(rendering) == "v1.1.0"
    with pytest.raises(RunError, match=r"git failed: .*atlas:manifests that has shop-v9"):
        render(replace(rendering, version="v9.0.0"))


def test_a_newer_version_is_found_rendered_compared_and_pinned(
    kustomize: Rendering, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    repository = Path(kustomize.source)
    git(repository, "init")
    commit(repository, "1.0.0")
    written(repository, {"base/shop.yaml": f"{BASE['base/shop.yaml']}data: {{colour: blue}}\n"})
    commit(repository, "1.10.0")
    for tag in ("1.9.0", "sdk-9.0.0"):
        git(repository, "tag", tag)
    pins = {
        "tool": "kustomize", "source": repository.as_uri(), "version": "1.0.0",
        "namespace": "shop", "renderings": {"all": {"chart": "base", "sha256": "0" * 64}},
    }  # fmt: skip
    folder = tmp_path / "services" / "shop"
    file = folder / "service.json"
    written(folder, {"service.json": json.dumps({"version": "1.0.0", "manifests": pins})})
    assert update.main([], folder.parent) == 0
    assert capsys.readouterr().out == "shop 1.0.0: 1.10.0 is there\n"
    known = Manifests(cache=tmp_path / "cache")
    with pytest.raises(RunError, match="expected 0000"):
        update.pin(folder, "1.10.0", known)
    assert renderings(folder)["all"].version == "1.0.0", "nothing is pinned"
    file.write_text(file.read_text().replace("0" * 64, digest(render(renderings(folder)["all"]))))
    assert update.pin(folder, "1.10.0", known) == [
        "shop all: 1.0.0 -> 1.10.0", "  ~ ConfigMap shop/shop",
    ]  # fmt: skip
    assert json.loads(file.read_text())["version"] == "1.0.0", "what is local stays"
    new = renderings(folder)["all"]
    assert new.version == "1.10.0"
    assert known.objects(new)[0]["data"] == {"colour": "blue"}
    assert update.main([], folder.parent) == 0
    assert capsys.readouterr().out == "shop 1.10.0: nothing newer\n"


def commit(repository: Path, tag: str) -> None:
    git(repository, "add", ".")
    git(repository, "commit", "-m", tag)
    git(repository, "tag", tag)


class Silent(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def repository(helm: Rendering, tmp_path: Path) -> Iterator[str]:
    """A chart repository over HTTP, with two versions of the chart."""
    program, folder = programs.find("helm"), tmp_path / "repository"
    chart = Path(helm.source) / "shop"
    for version in ("1.0.0", "1.2.0"):
        written(chart, {"Chart.yaml": CHART["Chart.yaml"].replace("1.0.0", version)})
        subprocess.run([program, "package", chart, "-d", folder], check=True, capture_output=True)
        written(chart, {"values.yaml": "colour: red\n", "templates/new.yaml": NEW})
    subprocess.run([program, "repo", "index", folder], check=True, capture_output=True)
    handler = partial(Silent, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


def pinned_chart(folder: Path, name: str, url: str) -> Path:
    own = {"tool": "helm", "source": url, "chart": "shop", "version": "1.0.0", "release": "mine"}
    more = {"namespace": "market", "kubernetes": "1.33.0"}
    pins = {**own, **more, "renderings": {"all": {"sha256": "0" * 64}}}
    written(folder / name, {"service.json": json.dumps({"version": "1.0.0", "manifests": pins})})
    return folder / name


def test_a_newer_chart_of_a_repository_is_found_and_pinned(
    repository: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    services = tmp_path / "services"
    folder = pinned_chart(services, "shop", repository)
    assert update.main([], services) == 0
    assert capsys.readouterr().out == "shop 1.0.0: 1.2.0 is there\n"
    file = folder / "service.json"
    file.write_text(file.read_text().replace("0" * 64, digest(render(renderings(folder)["all"]))))
    known = Manifests(cache=tmp_path / "cache")
    assert update.pin(folder, "1.2.0", known)[1:] == ["  + ConfigMap new"]
    assert known.objects(renderings(folder)["all"])


def test_a_repository_that_can_not_be_reached_hides_no_other_one(
    repository: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    services = tmp_path / "services"
    gone = pinned_chart(services, "gone", f"{repository}/nowhere")
    pinned_chart(services, "shop", repository)
    before = (gone / "service.json").read_text()
    assert update.main([], services) == 1
    told = capsys.readouterr()
    assert told.out == "shop 1.0.0: 1.2.0 is there\n"
    assert told.err.startswith(f"gone 1.0.0 (all): {repository}/nowhere: Error: looks like")
    assert update.main(["gone", "1.2.0"], services) == 1
    assert "gone 1.2.0 (all): helm failed: Error: looks like" in capsys.readouterr().err
    assert (gone / "service.json").read_text() == before
    for wrong in ("cart", "../services/shop"):
        assert update.main([wrong, "1.2.0"], services) == 1
        said = capsys.readouterr().err
        assert said == f"found service '{wrong}'; expected one of gone, shop\n"
