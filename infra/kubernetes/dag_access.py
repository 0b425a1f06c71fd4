"""How Airflow reads DAG files from a git repository that isn't open to all."""

from __future__ import annotations

import json

import pulumi


def connection(config: pulumi.Config) -> pulumi.Output[str] | None:
    """Return Airflow's connection to a private repository; None where none is set.

    Raises:
        pulumi.RunError: DAG files come from no repository, or there is a user without a token.
    """
    user, token = config.get("dagsUser"), config.get_secret("dagsToken")
    if token is None and user is None:
        return None
    if token is None:
        raise pulumi.RunError(
            "atlas:dagsUser: set without atlas:dagsToken; expected a token that reads the "
            "repository: `pulumi config set --secret atlas:dagsToken TOKEN`"
        )
    if not (config.get("dags") or "").startswith("git+"):
        raise pulumi.RunError(
            "atlas:dagsToken: set, and atlas:dags isn't a repository; expected git+https://…#branch"
        )
    plain = {"conn_type": "git", "login": user or "git"}
    return token.apply(lambda known: json.dumps({**plain, "password": known}))
