"""The metadata store behind gRPC, asked by ml-metadata's own client."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from atlas_provider.cluster.metadata import SERVER
from atlas_toolchain import kubeflow_programs
from tests.servers import free_port
from tests.tether import tied

pytestmark = [pytest.mark.kubeflow, pytest.mark.timeout(900)]
CLIENT = """
import sys, time
from ml_metadata import errors
from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2 as pb

config = pb.MetadataStoreClientConfig(host="127.0.0.1", port=int(sys.argv[1]))
store = metadata_store.MetadataStore(config)
end = time.monotonic() + 120
while True:
    try:
        store.get_artifact_types()
        break
    except errors.UnavailableError:
        if time.monotonic() > end:
            raise
        time.sleep(0.1)
kind = pb.ArtifactType(name="it", properties={"rows": pb.INT})
identity = store.put_artifact_type(kind)
one = pb.Artifact(type_id=identity, uri="minio://a/b")
one.properties["rows"].int_value = 7
store.put_artifacts([one])
(found,) = store.get_artifacts_by_type("it")
print(found.uri, found.properties["rows"].int_value)
try:
    store.get_artifact_type("none")
except errors.NotFoundError as error:
    print("not found:", error.message[:20])
"""


def test_what_is_put_is_got_and_what_is_not_there_is_refused(tmp_path: Path) -> None:
    python = kubeflow_programs.metadata_python()
    if python is None:
        pytest.skip("no metadata store: `make test-kubeflow-runs` installs it")
    port = free_port()
    command = [str(python), str(SERVER), str(tmp_path / "store.db"), f"127.0.0.1:{port}"]
    quiet = {**os.environ, "GRPC_VERBOSITY": "NONE"}
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(tied(command), stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            asked = subprocess.run(
                [str(python), "-c", CLIENT, str(port)],
                capture_output=True, text=True, check=False, timeout=300, env=quiet,
            )  # fmt: skip
        finally:
            server.kill()
            server.wait(60)
    assert asked.returncode == 0, asked.stderr[-2000:]
    assert asked.stdout == "minio://a/b 7\nnot found: No type found for qu\n"
