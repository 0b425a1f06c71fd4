"""The programs of a control plane, and Pulumi's plugin: found, built, or refused with a reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas_toolchain import cluster_tests, plugin, setup, tools
from atlas_toolchain.catalog import PULUMI

from .conftest import Programs

BUILDS = """
case "$1 $2" in
  "mod download" | "mod edit") exit;;
  "list -m") echo {sources}; exit;;
esac
echo "$@" >> {sources}/calls
while [ "$1" != "-o" ]; do shift; done
target=$2
shift 2
for package in "$@"; do
  if [ -d "$target" ]; then file=$target/$(basename "$package"); else file=$target; fi
  case "$(basename "$file")" in
    etcd) version=3.6.7;;
    kwok) version=0.7.0;;
    versitygw) version=1.8.0;;
    kube-scheduler) version={scheduler};;
    pulumi-resource-kubernetes) grep -q '"version": "4.25.0"' schema.json && version=4.25.0;;
    *) version=1.36.3;;
  esac
  printf "#!/bin/sh\\necho v$version\\n" > "$file"
  chmod 755 "$file"
done
"""


CONSTRUCTORS = """package provider

import (
	"fmt"
	providerhelmv4 "example.org/provider/helm/v4"
	providerkustomizev2 "example.org/provider/kustomize/v2"
	provideryamlv2 "example.org/provider/yaml/v2"
)

var resourceProviders = map[string]func() error{
	"kubernetes:yaml/v2:ConfigGroup":    provideryamlv2.New,
	"kubernetes:helm.sh/v4:Chart":       providerhelmv4.New,
	"kubernetes:kustomize/v2:Directory": providerkustomizev2.New,
}
"""


@pytest.fixture(autouse=True)
def pulumi_home(machine: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PULUMI_HOME", str(machine / "pulumi"))
    return machine / "pulumi"


def go(program: Programs, machine: Path, scheduler: str = "1.36.3") -> None:
    sources = machine / "sources"
    folder = sources / "cmd" / plugin.NAME
    folder.mkdir(parents=True)
    (folder / "schema.json").write_text('{"name": "kubernetes"}')
    (folder / "terraform-mapping.json").write_text("{}")
    constructors = sources / "pkg" / "provider" / "provider_construct.go"
    constructors.parent.mkdir(parents=True)
    constructors.write_text(CONSTRUCTORS)
    program("go", BUILDS.format(sources=sources, scheduler=scheduler))


def test_what_is_missing_is_built_once(machine: Path, program: Programs, said: list[str]) -> None:
    go(program, machine)
    assert cluster_tests.find("etcd") is None
    assert cluster_tests.get(said.append) == {one.name: "" for one in cluster_tests.PROGRAMS}
    assert cluster_tests.find("etcd") == cluster_tests.folder() / "etcd"
    assert cluster_tests.get(said.append) == {}
    assert cluster_tests.get(said.append, with_plugin=True).keys() == {plugin.TOOL}


def test_programs_of_one_module_are_built_at_once_and_kwok_after_the_plugin(
    machine: Path, program: Programs, said: list[str]
) -> None:
    go(program, machine)
    tried = cluster_tests.get(said.append, cluster_tests.CONTROL_PLANE, with_plugin=True)
    assert tried == dict.fromkeys((*cluster_tests.CONTROL_PLANE, plugin.TOOL), "")
    assert cluster_tests.find("versitygw") is None
    calls = (machine / "sources" / "calls").read_text().splitlines()
    assert len(calls) == 4
    (of_kubernetes,) = [call for call in calls if "cmd/kube-apiserver" in call]
    assert of_kubernetes.count("k8s.io/kubernetes/cmd/") == 3
    plugins = [number for number, call in enumerate(calls) if call.endswith(f"/{plugin.NAME} .")]
    (kwok,) = [number for number, call in enumerate(calls) if call.endswith("kwok/cmd/kwok")]
    assert plugins[0] < kwok
    assert not list(cluster_tests.cache.root().glob(".new-*"))


def test_the_plugin_is_built_for_objects_alone(machine: Path, program: Programs) -> None:
    go(program, machine)
    made = machine / "made"
    made.mkdir()
    plugin.build(made)
    (left,) = made.glob("provider/pkg/provider/provider_construct.go")
    assert "provideryamlv2" not in left.read_text()
    assert left.read_text().split() == [
        *("package", "provider", "import", "(", '"fmt"', ")"),
        *("var", "resourceProviders", "=", "map[string]func()", "error{", "}"),
    ]
    source = machine / "sources" / "pkg" / "provider" / "provider_construct.go"
    assert source.read_text() == CONSTRUCTORS


def test_a_plugin_whose_sources_name_no_components_is_refused(
    machine: Path, program: Programs
) -> None:
    go(program, machine)
    source = machine / "sources" / "pkg" / "provider" / "provider_construct.go"
    source.write_text(CONSTRUCTORS.replace("providerhelmv4", "helm"))
    (machine / "made").mkdir()
    with pytest.raises(OSError, match="doesn't name providerhelmv4"):
        plugin.build(machine / "made")


def test_a_program_on_path_comes_first_when_its_version_will_do(
    machine: Path, program: Programs
) -> None:
    program("etcd", "echo etcd Version: 3.4.23")
    assert cluster_tests.find("etcd") is None
    path = program("etcd", "echo etcd Version: 3.6.9")
    assert cluster_tests.find("etcd") == path


def test_what_does_not_run_as_its_version_is_not_kept(
    machine: Path, program: Programs, said: list[str]
) -> None:
    go(program, machine, scheduler="1.20.0")
    tried = cluster_tests.get(said.append)
    assert "doesn't run here as 1.36.3" in tried.pop("kube-scheduler")
    assert set(tried.values()) == {""}
    assert cluster_tests.find("kube-scheduler") is None


def test_without_go_each_says_what_is_missing(said: list[str]) -> None:
    for why in cluster_tests.get(said.append).values():
        assert why.endswith("no go to build it with")


def test_the_plugin_is_built_where_pulumi_can_not_download_it(
    machine: Path, program: Programs, said: list[str]
) -> None:
    go(program, machine)
    program("pulumi", f'[ "$1" = version ] && echo v{PULUMI} || exit 1')
    assert not plugin.finding().ok
    assert plugin.get(said.append) == {plugin.TOOL: ""}
    assert plugin.cached() == [plugin.folder() / plugin.NAME]
    found = plugin.finding()
    assert (found.found, found.origin) == (plugin.BUILT, str(plugin.cached()[0]))
    assert plugin.get(said.append) == {}


def test_the_plugin_is_pulumis_own_download_where_that_works(
    machine: Path, program: Programs, said: list[str], pulumi_home: Path
) -> None:
    go(program, machine)
    kept = pulumi_home / "plugins" / f"resource-kubernetes-v{plugin.VERSION}"
    installs = f"mkdir -p {kept}; touch {kept / plugin.NAME}"
    program("pulumi", f'[ "$1" = version ] && echo v{PULUMI} || {{ {installs}; }}')
    assert plugin.get(said.append) == {plugin.TOOL: ""}
    assert plugin.cached() == []
    assert plugin.finding().found == plugin.VERSION


def test_without_a_way_to_the_plugin_it_says_why(said: list[str]) -> None:
    (why,) = plugin.get(said.append).values()
    assert why == "download: no pulumi engine; build: no go on PATH"
    assert plugin.finding().why == why


def test_platforms_on_clusters_get_the_plugin_with_what_renders(
    program: Programs, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools.rendering, "get", lambda say: {"helm": ""})
    assert set(tools.obtain_for_clusters(said.append)) == {"helm", plugin.TOOL}


def test_the_plugins_version_is_that_of_the_locked_sdk() -> None:
    lock = (Path(__file__).parents[3] / "requirements.lock").read_text("utf-8")
    assert f"\npulumi-kubernetes=={plugin.VERSION} " in lock


def test_set_up_gets_them_only_when_it_is_told_to() -> None:
    assert setup._options([]).cluster_tests is None
    assert setup._options(["--cluster-tests", "main"]).cluster_tests == "main"


@pytest.mark.parametrize("folder", ["", "/manifests"], ids=["none", "a folder"])
def test_what_renders_is_not_needed_where_manifests_are(
    machine: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    rendered: list[str] = []
    monkeypatch.setenv(setup.MANIFESTS, folder)
    monkeypatch.setattr(setup.rendering, "get", lambda say: rendered.append("tools") or {})
    monkeypatch.setattr(setup.cluster_tests, "get", lambda say, names, with_plugin: {"etcd": ""})
    own = setup.Tree(machine / "tree")
    monkeypatch.setattr(setup.tree, "link", lambda tree, files: None)
    assert setup._set_up_cluster_tests(own, with_long=False) == 0
    assert rendered == ([] if folder else ["tools"])
