"""Real images: a base made by debootstrap, podman, a registry with credentials, and runs in them."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import atlas
import atlas_cli
import atlas_deploy
import atlas_provider
from atlas.errors import DeployError
from atlas.http.credentials import read_secret
from atlas.images import ImageRegistry, attached, records, require_pushed
from atlas.images.content import atlas_digest
from atlas.plan import resolve
from atlas.store import open_store
from infra.local import registry as infra_registry
from tests import yard as yards
from tests.images import make_wheel
from tests.projects import Project
from tests.yard import Yard

pytestmark = [
    pytest.mark.stack,
    pytest.mark.containers,
    # The first test makes the base image, where no earlier run has made it.
    pytest.mark.timeout(1200),
    pytest.mark.skipif(bool(yards.why_not()), reason=yards.why_not()),
]

SOURCE = """
import os
from pathlib import Path

class Out(NamedTuple):
    text: str
    user: int

class Greet(Template):
    def run(self) -> Out:
        import atlas_test_greeter
        return Out(f"greeter {atlas_test_greeter.VERSION}", os.getuid())

class Read(Template):
    def run(self, text: str) -> Out:
        try:
            import atlas_test_greeter
            other = "with greeter"
        except ImportError:
            other = "without greeter"
        return Out(f"{text}, {Path('/greeting.txt').read_text().strip()}, {other}", os.getuid())

class Eat(Template):
    def run(self) -> Out:
        return Out(str(len(bytearray(400 << 20))), 0)

class Sleep(Template):
    def run(self) -> Out:
        import time
        time.sleep(600)
"""
DOCKERFILE = (
    "ARG ATLAS_BASE\nFROM ${ATLAS_BASE}\nRUN mkdir /made\nCOPY greeting.txt /greeting.txt\n"
)
STEPS = {
    "first": {"class": "steps:Greet", "image": "base"},
    "second": {"class": "steps:Read", "image": "trees", "inputs": {"text": "first.text"}},
}
IMAGES = {"base": {"requirements": "requirements.txt"}, "trees": {"dockerfile": "trees.Dockerfile"}}


class Words(Project):
    """A project with one pipeline of two images, and the CLI on the yard."""

    def __init__(self, root: Path, yard: Yard) -> None:
        super().__init__(root)
        self.yard = yard
        self.state = yard.state
        self.url = (yard.state / "store").as_uri()
        self.write("pyproject.toml", f'[tool.atlas]\nbase-image = "{yard.base}"\n')
        self.pipeline("words", SOURCE, STEPS, images=IMAGES)
        self.write("words/requirements.txt", "--find-links wheels\natlas-test-greeter\n")
        self.write("words/trees.Dockerfile", DOCKERFILE)
        self.write("words/greeting.txt", "good morning\n")
        self.write("words/.env", "SECRET=hunter2\n")
        make_wheel(root / "words" / "wheels", "atlas_test_greeter")
        # Atlas is part of an image's content: an edit of the tree would be a change to the tests.
        self.frozen = yard.folder / "atlas"
        if not self.frozen.exists():
            ignored = shutil.ignore_patterns("__pycache__")
            for package in (atlas, atlas_cli, atlas_deploy, atlas_provider):
                source = Path(package.__file__).parent
                shutil.copytree(source, self.frozen / source.name, ignore=ignored)

    def cli(self, *words: str, code: int = 0, **more: str) -> subprocess.CompletedProcess[str]:
        own = {name: text for name, text in os.environ.items() if not name.startswith("ATLAS_")}
        fixed = {"ATLAS_STATE": str(self.state), "PYTHONPATH": str(self.frozen)}
        variables = {**own, **self.yard.variables, **fixed, **more}
        done = subprocess.run(
            [sys.executable, "-m", "atlas_cli", *words],
            cwd=self.root,
            env=variables,
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def build(self, *words: str, **more: str) -> dict[str, dict[str, Any]]:
        found = json.loads(self.cli("build", "words", "--json", *words, **more).stdout)
        return {one["image"]: one for one in found["images"]}

    def edit(self, text: str = "# an edit\n") -> None:
        source = self.root / "words" / "steps.py"
        source.write_text(source.read_text() + text)

    def registry(self) -> ImageRegistry:
        secret = self.state / "secrets" / f"{infra_registry.SECRET}.json"
        return ImageRegistry.at(self.yard.host, secret)


@pytest.fixture(scope="module")
def shared(yard: Yard, tmp_path_factory: pytest.TempPathFactory) -> Words:
    """A project whose images are built; tests leave it as it is."""
    project = Words(tmp_path_factory.mktemp("words"), yard)
    project.first = project.build()
    return project


@pytest.fixture
def words(shared: Words, tmp_path: Path) -> Words:
    """A copy of that project to change; what it builds on is there already."""
    shutil.copytree(shared.root, tmp_path / "project")
    project = Words.__new__(Words)
    project.__dict__.update(shared.__dict__, root=tmp_path / "project")
    return project


def inspected(yard: Yard, name: str) -> dict[str, Any]:
    return json.loads(yard.podman("image", "inspect", f"localhost/{name}"))[0]


def test_two_images_of_one_pipeline_are_built_pushed_and_pinned(shared, yard):
    assert {one["state"] for one in shared.first.values()} == {"pushed"}
    base, trees = (shared.first[name]["record"] for name in ("base", "trees"))
    assert base["digest"] != trees["digest"]
    for one in (base, trees):
        assert shared.registry().digest(one["repository"], one["tag"]) == one["digest"]
        assert one["registry"] == yard.host
        assert one["python"].startswith("3.11")
    assert base["base_digest"].startswith("sha256:")


def test_what_an_image_is(shared, yard):
    facts = inspected(yard, shared.first["base"]["name"])
    config = facts["Config"]
    assert config["User"] == "10001:10001"
    assert config["Cmd"] == ["python", "-m", "atlas.step"]
    assert not config.get("Entrypoint")
    assert config["Labels"]["org.atlas.recipe"] == "words-training"
    assert config["Labels"]["org.opencontainers.image.base.name"] == yard.base
    assert facts["Annotations"]["org.atlas.config"] == "words"
    assert facts["Created"].startswith("1980-01-01")


def test_nothing_is_built_when_nothing_has_changed(shared):
    def logs() -> dict[str, int]:
        files = (shared.state / "builds" / "log").iterdir()
        return {file.name: file.stat().st_mtime_ns for file in files}

    before = logs()
    assert before
    again = shared.build()
    assert {one["state"] for one in again.values()} == {"unchanged"}
    assert logs() == before


def test_the_same_content_makes_the_same_bytes(shared, words):
    """Another checkout has another place, other times and other rights."""
    for path in words.root.rglob("*"):
        path.chmod(0o750 if path.is_dir() else 0o640)
        os.utime(path, (1e9, 1e9))
    again = words.build("--again")
    for name, one in again.items():
        assert one["record"]["digest"] == shared.first[name]["record"]["digest"], name


def test_an_edit_of_code_adds_one_layer(shared, words, yard):
    words.edit()
    built = words.build()
    assert {one["state"] for one in built.values()} == {"pushed"}
    for name, one in built.items():
        old = inspected(yard, shared.first[name]["name"])["RootFS"]["Layers"]
        new = inspected(yard, one["name"])["RootFS"]["Layers"]
        assert new[:-1] == old[:-1]
        assert new[-1] != old[-1]


def test_a_run_in_images(shared):
    done = shared.cli("run", "words", "--isolate", "image", "--no-cache", "--json")
    events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    (summary,) = [event for event in events if event.get("event") == "summary"]
    assert summary["status"] == "done"
    store = open_store(shared.url)
    second = store.get("words", summary["run"], "second", "text")
    assert second == "greeter 1.0, good morning, without greeter"
    assert store.get("words", summary["run"], "second", "user") == os.geteuid()
    owners = {path.stat().st_uid for path in (shared.state / "store" / "words").rglob("*")}
    assert owners == {os.geteuid()}
    assert shared.yard.podman("ps", "--all", "--quiet") == ""


def trained(project: Words, *words: str) -> tuple[dict[str, Any], list[tuple[Any, ...]]]:
    """Train, and return the summary and what came of each step."""
    done = project.cli(
        "train", "words", "--json", *words, ATLAS_STORE=(project.root / "store").as_uri()
    )
    events = [json.loads(line) for line in done.stdout.splitlines()]
    told = [one for one in events if one["event"] == "step-done"]
    shutil.rmtree(project.root / "store")
    return events[-1], [(one["step"], one["outcome"]["outputs"]) for one in told]


def test_training_by_kfp_local_gives_the_same_trace_as_here_in_containers(words):
    """The compiled package runs in two images, with a store of its own: nothing is cached."""
    there, trace = trained(words, "--target", "kubeflow")
    assert (there["status"], [step for step, _ in trace]) == ("done", ["first", "second"])
    done = words.cli(
        "run", "words", "--flow", "training", "--isolate", "image", "--no-cache", "--json"
    )
    here = [json.loads(line) for line in done.stdout.splitlines() if '"step-done"' in line]
    assert [(one["step"], one["outcome"]["outputs"]) for one in here] == trace
    assert words.yard.podman("ps", "--all", "--quiet") == ""


def test_one_step_on_a_bridge_network(shared):
    more = {"ATLAS_CONTAINER_NETWORK": "bridge"}
    words = ("run", "words", "--isolate", "image", "--no-cache", "--only", "first")
    assert "done" in shared.cli(*words, **more).stdout


def test_a_step_may_use_no_more_than_it_asked_for(words):
    step = {"class": "steps:Eat", "image": "base", "resources": {"memory": "128Mi"}}
    words.pipeline("words", SOURCE, {"eat": step}, images=IMAGES)
    done = words.cli("run", "words", "--isolate", "image", code=1)
    assert "its container was killed; it may use 128 MiB" in done.stdout + done.stderr


def test_a_step_is_ended_when_its_time_is_up(words):
    step = {"class": "steps:Sleep", "image": "base", "timeout": "4s"}
    words.pipeline("words", SOURCE, {"sleep": step}, images=IMAGES)
    done = words.cli("run", "words", "--isolate", "image", code=1)
    assert "timed out after 4 s" in done.stdout + done.stderr
    assert words.yard.podman("ps", "--all", "--quiet") == ""


def test_a_killed_run_leaves_no_container(words):
    step = {"class": "steps:Sleep", "image": "base"}
    words.pipeline("words", SOURCE, {"sleep": step}, images=IMAGES)
    words.build("--no-push")
    fixed = {"ATLAS_STATE": str(words.state), "PYTHONPATH": str(words.frozen)}
    own = {**os.environ, **words.yard.variables, **fixed}
    command = [sys.executable, "-m", "atlas_cli", "run", "words", "--isolate", "image"]
    run = subprocess.Popen(command, cwd=words.root, env=own, stdout=subprocess.DEVNULL)
    wait_until(lambda: words.yard.podman("ps", "--quiet") != "")
    run.kill()
    run.wait()
    wait_until(lambda: words.yard.podman("ps", "--all", "--quiet") == "")


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 200
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.2)


def test_the_image_of_an_empty_step_adds_little_to_its_base(words, yard):
    source = "class Nothing(Template):\n    def run(self) -> None: ...\n"
    words.pipeline("words", source, {"nothing": {"class": "steps:Nothing"}})
    record = words.build()["default"]["record"]
    base = json.loads(yard.podman("image", "inspect", yard.base))[0]["Size"]
    assert record["unpacked"] - base <= 40 * 10**6


def test_no_secret_is_in_a_layer_or_a_log(shared, yard):
    name = f"localhost/{shared.first['trees']['name']}"
    code = "import os; print([f for t in ('/opt/atlas', '/made') for _, _, n in os.walk(t) for f in n])"
    files = yard.podman("run", "--rm", "--network=none", name, "python", "-c", code)
    assert "steps.py" in files
    assert ".env" not in files
    password = read_secret(shared.state / "secrets", infra_registry.SECRET)["password"]
    for file in [path for path in shared.state.rglob("*") if path.is_file()]:
        if file.parent.name != "secrets":
            content = file.read_bytes()
            assert password.encode() not in content, file
            assert b"hunter2" not in content, file
    blobs = list((shared.state / "platform/local/registry/data").rglob("blobs/sha256/*/*/data"))
    assert blobs
    for blob in blobs:
        content = blob.read_bytes()
        layer = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
        assert password.encode() not in layer, blob
        assert b"SECRET=hunter2" not in layer, blob


def test_the_bill_of_materials(shared):
    (built,) = [one for one in records(shared.store) if one.name == shared.first["base"]["name"]]
    bom = json.loads(shared.store.location.read(built.sbom))
    known = {one["purl"] for one in bom["components"]}
    assert "pkg:pypi/atlas-test-greeter@1.0" in {purl.replace("_", "-") for purl in known}
    assert any(purl.startswith("pkg:deb/debian/libc6@") for purl in known)
    registry = shared.registry()
    (artifact,) = attached(registry, built.repository, built.digest)
    (layer,) = registry.document(built.repository, f"manifests/{artifact['digest']}")["layers"]
    assert registry.document(built.repository, f"blobs/{layer['digest']}") == bom


@pytest.mark.long
def test_a_push_that_finds_no_registry_is_repeated_later(words, yard):
    words.edit("# for the push\n")
    yard.stop_registry()
    try:
        error = words.cli("build", "words", code=1).stderr
        assert "I206" in error
        assert "doesn't answer" in error
    finally:
        yard.start_registry()
    assert {one["state"] for one in words.build().values()} == {"pushed"}


@pytest.mark.long
def test_a_push_that_is_killed_is_taken_up_again(words):
    words.edit("# for the killed push\n")
    fixed = {"ATLAS_STATE": str(words.state), "PYTHONPATH": str(words.frozen)}
    own = {**os.environ, **words.yard.variables, **fixed}
    command = [sys.executable, "-m", "atlas_cli", "build", "words"]
    logs = words.state / "builds" / "log"
    before = set(logs.iterdir())
    build = subprocess.Popen(command, cwd=words.root, env=own, start_new_session=True)
    wait_until(lambda: any(b" push " in new.read_bytes() for new in {*logs.iterdir()} - before))
    os.killpg(build.pid, signal.SIGKILL)
    assert build.wait() == -signal.SIGKILL
    assert {one["state"] for one in words.build().values()} == {"pushed"}
    for one in words.build().values():
        record = one["record"]
        assert one["state"] == "unchanged"
        assert words.registry().digest(record["repository"], record["tag"]) == record["digest"]
        assert attached(words.registry(), record["repository"], record["digest"])


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[None]:
    """Put a disk of a few megabytes at a folder."""
    place.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", place], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", place], check=True)


@pytest.mark.long
def test_a_full_disk(words, tmp_path):
    words.edit("# for the disk\n")
    with small_disk(words.state / "builds" / "work", "1m"):
        error = words.cli("build", "words", code=1).stderr
    assert "I207" in error
    assert "no space left on device; free some space" in error
    graph = tmp_path / "graph"
    storage = tmp_path / "storage.conf"
    storage.write_text(
        f'[storage]\ndriver = "vfs"\ngraphroot = "{graph}"\nrunroot = "{tmp_path}/run"\n'
    )
    with small_disk(graph, "60m"):
        more = {"CONTAINERS_STORAGE_CONF": str(storage)}
        error = words.cli("build", "words", code=1, **more).stderr
    assert "the disk is full; free some space" in error
    assert {one["state"] for one in words.build().values()} == {"pushed"}


def test_wrong_credentials(words, yard, tmp_path):
    words.edit("# for the credentials\n")
    secret = words.state / "secrets" / f"{infra_registry.SECRET}.json"
    right = secret.read_text()
    secret.write_text(json.dumps({"username": "atlas", "password": "wrong-one"}))
    try:
        error = words.cli("build", "words", code=1).stderr
    finally:
        secret.write_text(right)
    assert "I206" in error
    assert "refuses the credentials of 'atlas'" in error
    assert "wrong-one" not in error


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("words/trees.Dockerfile", f"{DOCKERFILE}RUN echo about to && false\n", "I204"),
        pytest.param(
            "words/trees.Dockerfile", "FROM 127.0.0.1:1/none\n", "I204", marks=pytest.mark.long
        ),
        pytest.param(
            "words/trees.Dockerfile",
            "FROM scratch\nCOPY greeting.txt /\n",
            "I203",
            marks=pytest.mark.long,
        ),
        ("words/requirements.txt", "atlas-test-not-there==9\n", "I105"),
        pytest.param("words/requirements.txt", "jsonschema<4\n", "I105", marks=pytest.mark.long),
        ("pyproject.toml", '[tool.atlas]\nbase-image = "127.0.0.1:1/no/base"\n', "I203"),
    ],
)
def test_bad_input(words, file, text, expected):
    words.write(file, text)
    done = words.cli("build", "words", code=1)
    assert expected in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.long
def test_a_failing_dockerfile_shows_its_own_last_lines_and_stops_no_other(words):
    words.write("words/trees.Dockerfile", f"{DOCKERFILE}RUN echo my last words && false\n")
    words.edit("# for the Dockerfile\n")
    done = words.cli("build", "words", "--json", code=1)
    states = {one["image"]: one["state"] for one in json.loads(done.stdout)["images"]}
    assert states == {"base": "pushed", "trees": "failed"}
    assert "my last words" in done.stderr
    log = re.search(r"the whole log is in (\S+)", done.stderr)[1]
    assert "my last words" in Path(log).read_text()


@pytest.mark.long
def test_buildah_builds_the_same(words):
    if shutil.which("buildah") is None:
        pytest.skip("buildah is not installed (make setup gets it on Debian)")
    words.edit("# for buildah\n")
    built = words.build("--builder", "buildah")
    assert {one["state"] for one in built.values()} == {"pushed"}
    assert built["base"]["record"]["builder"].startswith("buildah")


@pytest.mark.long
def test_without_a_registry_a_run_still_has_its_images(words):
    outputs = words.state / "platform" / "local" / "outputs.json"
    text = outputs.read_text()
    outputs.unlink()
    words.edit("# without a registry\n")
    try:
        built = words.build()
        assert {one["state"] for one in built.values()} == {"built"}
        assert "done" in words.cli("run", "words", "--isolate", "image").stdout
    finally:
        outputs.write_text(text)


@pytest.mark.long
def test_pruning_keeps_what_is_referred_to(words, yard):
    first = words.build()["base"]["record"]
    words.store.location.write("deployments/words.json", json.dumps(first).encode())
    for number in range(2):
        words.edit(f"# {number}\n")
        last = words.build()["base"]["record"]
    listed = json.loads(words.cli("images", "list", "words", "--json").stdout)
    assert first["digest"] in {one["image"]["digest"] for one in listed if one["deployed"]}
    doomed = json.loads(words.cli("images", "prune", "--keep", "1", "--dry-run", "--json").stdout)
    assert doomed["removed"]
    before = layers(words)
    assert words.registry().digest(first["repository"], first["digest"])
    done = json.loads(words.cli("images", "prune", "--keep", "1", "--json").stdout)
    gone = {one["digest"] for one in done["removed"]}
    assert first["digest"] not in gone
    assert last["digest"] not in gone
    for one in done["removed"]:
        assert not words.registry().digest(one["repository"], one["digest"])
        assert not attached(words.registry(), one["repository"], one["digest"])
    assert attached(words.registry(), first["repository"], first["digest"])
    for one in (first, last):
        assert words.registry().digest(one["repository"], one["digest"]) == one["digest"]
    assert layers(words) < before, "the space is free"
    words.edit("# pushed again after the collection\n")
    assert words.build()["base"]["state"] == "pushed"


@pytest.mark.long
def test_an_image_that_is_gone_from_the_registry_is_refused_until_it_is_built_again(
    words, monkeypatch
):
    monkeypatch.setenv("ATLAS_STATE", str(words.state))
    words.edit("# to be lost\n")
    # This process has the tree's own Atlas, which is part of an image's content.
    monkeypatch.setattr("atlas.images.content.package_folder", lambda: words.frozen / "atlas")
    atlas_digest.cache_clear()
    lost = words.build()["base"]["record"]
    pipelines = resolve(words.root / "words")
    try:
        require_pushed(pipelines, words.store, words.registry())
        words.registry().delete(lost["repository"], lost["digest"])
        with pytest.raises(DeployError, match=f"I201.*{lost['digest']}"):
            require_pushed(pipelines, words.store, words.registry())
        words.build()
        require_pushed(pipelines, words.store, words.registry())
    finally:
        atlas_digest.cache_clear()


def layers(words):
    place = words.state / "platform" / "local" / "registry" / "data"
    return len([path for path in place.rglob("blobs/sha256/*/*/data") if path.is_file()])


def test_the_platforms_registry_wants_its_credentials(platform):
    secret = platform.state / "secrets" / f"{infra_registry.SECRET}.json"
    ImageRegistry.at(platform.url("registry"), secret).check()
    with pytest.raises(Exception, match="I206"):
        ImageRegistry(platform.url("registry").removeprefix("http://")).check()
