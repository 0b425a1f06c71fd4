"""An Airflow that doesn't answer: what the message says."""

from __future__ import annotations

import pytest

from atlas.errors import UnreachableError
from atlas.http.service import Patience
from atlas.targets.airflow.api import AirflowApi
from atlas_provider import vault


def test_how_to_bring_it_back_is_said_once(tmp_path, monkeypatch):
    monkeypatch.setattr("atlas.targets.airflow.api._PATIENCE", Patience(0.0, 0.0))
    vault.ensure(tmp_path, "airflow")
    away = AirflowApi("http://127.0.0.1:9", tmp_path.as_uri(), "airflow")
    with pytest.raises(UnreachableError) as raised:
        away.dags(["a"])
    assert str(raised.value).count("brings it back") == 1
