"""The variables by which steps know the platform: one list, for every target and this machine.

A service that steps speak to is one name in `SERVICES`. The local platform's Airflow sets the same
variables (`infra/local/airflow.py`, which imports nothing of the SDK); a test compares them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

STORE = "ATLAS_STORE"
"""Variable with the URL of the artifact store."""
IMAGE = "ATLAS_IMAGE"
"""Variable of a step's container: the image that it runs in, by digest where one is known."""
SERVICES = ("mlflow", "pushgateway", "openlineage")
"""The services that steps speak to."""
ELSEWHERE = ("openlineage",)
"""Those that no platform of Atlas's brings up: it only names them."""
ADDRESSES: Mapping[str, str] = {name: f"ATLAS_{name.upper()}_URL" for name in SERVICES}
"""Service → variable with its URL."""
CREDENTIALS: Mapping[str, str] = {name: f"ATLAS_{name.upper()}_CREDENTIALS" for name in SERVICES}
"""Service → variable with the path of the private file that opens it."""
VARIABLES = (STORE, *ADDRESSES.values(), *CREDENTIALS.values())
"""All of them."""
STORAGE = ("AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION", "AWS_SHARED_CREDENTIALS_FILE")
"""What clients of S3 read of a store that isn't Amazon's, or isn't opened by a pod's identity.

The keys themselves are in the file that the last one names.
"""
