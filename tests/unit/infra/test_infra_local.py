"""The local platform: pure texts and commands, then the resources that a program declares."""

from __future__ import annotations

import configparser
import json
from pathlib import Path

import pytest
import yaml

from infra.local import (
    airflow,
    alertmanager,
    mlflow,
    prometheus,
    prometheus_server,
    pushgateway,
    registry,
)

PORTS = {"airflow": 1, "mlflow": 2, "prometheus": 3, "pushgateway": 4, "alertmanager": 5}


def test_airflow_listens_on_loopback_and_knows_itself():
    parser = configparser.RawConfigParser()
    parser.read_string(airflow.config(1234, 3))
    assert parser["api"]["host"] == "127.0.0.1"
    assert parser["api"]["base_url"] == "http://127.0.0.1:1234"
    assert parser["api"]["workers"] == "1"
    assert parser["core"]["execution_api_server_url"] == "http://127.0.0.1:1234/execution/"
    assert parser["core"]["parallelism"] == "3"
    assert parser["core"]["max_map_length"] == "1024"
    assert parser["core"]["min_serialized_dag_update_interval"] == "0"
    assert parser["core"]["load_examples"] == "False"
    assert int(parser["dag_processor"]["refresh_interval"]) <= 5
    (bundle,) = json.loads(parser["dag_processor"]["dag_bundle_config_list"])
    assert bundle["kwargs"]["path"] == "{dir}/dags"


def test_airflows_secrets_are_placeholders():
    text = airflow.config(1234, 3)
    for name in ("airflow-jwt", "airflow-fernet", "airflow-api"):
        assert f"{{secret:{name}}}" in text


def test_nothing_of_airflow_is_outside_its_folder():
    text = airflow.config(1234, 3)
    for option in ("sql_alchemy_conn", "base_log_folder", "dag_bundle_storage_path"):
        (line,) = [line for line in text.splitlines() if line.startswith(f"{option} =")]
        assert "{dir}" in line


def test_every_part_of_airflow_has_to_have_said_that_it_is_well():
    assert airflow.expectation("scheduler") == {
        "scheduler.status": "healthy",
        "scheduler.latest_scheduler_heartbeat": "fresh",
    }
    assert airflow.expectation("api-server") == {"metadatabase.status": "healthy"}
    assert set(airflow.PARTS) == {"api-server", "scheduler", "dag-processor", "triggerer"}


def test_prometheus_scrapes_the_pushgateway_and_believes_its_labels():
    config = yaml.safe_load(prometheus.config(PORTS, alertmanager=True))
    jobs = {job["job_name"]: job for job in config["scrape_configs"]}
    assert jobs["pushgateway"]["honor_labels"] is True
    assert jobs["pushgateway"]["static_configs"] == [{"targets": ["127.0.0.1:4"]}]
    (alertmanager,) = config["alerting"]["alertmanagers"]
    assert alertmanager["static_configs"] == [{"targets": ["127.0.0.1:5"]}]


def test_prometheus_takes_rules_from_a_folder():
    config = yaml.safe_load(prometheus.config(PORTS, alertmanager=True))
    assert config["rule_files"] == ["rules/*.yml"]
    assert "atlas deploy" in prometheus.files(PORTS, alertmanager=True)["rules/README"]


def test_prometheus_without_an_alertmanager():
    config = yaml.safe_load(prometheus.config(PORTS, alertmanager=False))
    assert config["alerting"]["alertmanagers"][0]["static_configs"] == [{"targets": []}]


def test_alertmanager_has_a_receiver():
    config = yaml.safe_load(alertmanager.config())
    assert config["route"]["receiver"] == config["receivers"][0]["name"]


FAMILY = [prometheus.command, pushgateway.command, alertmanager.command]


@pytest.mark.parametrize("command", FAMILY)
def test_the_prometheus_family_listens_on_loopback_and_keeps_its_data_at_home(command):
    words = command("/usr/bin/x")
    assert "--web.listen-address=127.0.0.1:{port:http}" in words
    assert any("{dir}" in word for word in words)


def test_the_registry_has_a_user_allows_deletion_and_keeps_its_data_at_home():
    config = yaml.safe_load(registry.files()["config.yml"])
    assert config["http"]["addr"] == "127.0.0.1:{port:http}"
    assert config["storage"]["delete"]["enabled"] is True
    assert "cache" not in config["storage"]
    assert registry.files()["htpasswd"].strip() == "{secret:registry.htpasswd}"


def test_mlflow_has_one_worker_on_loopback():
    words = mlflow.command(["python", "/data/mlflow"])
    assert " ".join(words) == (
        "python -m atlas_provider.quick_exit atlas.tracking.one_process server --app-name atlas "
        "--host 127.0.0.1 --port {port:http} --workers 1 "
        "--allowed-hosts 127.0.0.1:{port:http},localhost:{port:http} --x-frame-options DENY "
        "--backend-store-uri sqlite:////data/mlflow/mlflow.db "
        "--artifacts-destination file:///data/mlflow/artifacts"
    )
    assert mlflow.ENVIRONMENT["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"


def test_mlflow_has_one_user_and_gives_nothing_to_others():
    parser = configparser.ConfigParser()
    parser.read_string(mlflow.users("mlflow"))
    assert parser["mlflow"]["default_permission"] == "NO_PERMISSIONS"
    assert parser["mlflow"]["admin_password"] == "{secret:mlflow}"
    assert parser["mlflow"]["database_uri"] == "sqlite:///../mlflow/users.db"


def test_the_prometheus_family_asks_for_a_password_and_obeys_no_request():
    for command in FAMILY:
        words = command("/usr/bin/x")
        assert "--web.config.file={dir}/web.yml" in words
        assert not [word for word in words if "lifecycle" in word or "admin" in word]
    users = yaml.safe_load(prometheus_server.web_config("pushgateway"))["basic_auth_users"]
    assert users == {"{secret:pushgateway.username}": "{secret:pushgateway.bcrypt}"}


def test_prometheus_signs_in_where_it_asks_and_holds_passwords_in_files_of_their_own():
    files = prometheus.files(PORTS, alertmanager=True)
    config = yaml.safe_load(files.pop("prometheus.yml"))
    asked = [*config["scrape_configs"], *config["alerting"]["alertmanagers"]]
    paths = [Path(one["basic_auth"]["password_file"]) for one in asked]
    assert {path.name for path in paths} == set(files) - {"rules/README"}
    assert {str(path.parent) for path in paths} == {"{dir}"}
    assert files["pushgateway.password"] == "{secret:pushgateway}"
    assert "alertmanager.password" not in prometheus.files(PORTS, alertmanager=False)
