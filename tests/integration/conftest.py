"""Fixtures of the integration tests: a project in a folder, a store, and an MLflow that all share."""

from tests.projects import project, store
from tests.servers import mlflow_database, mlflow_server

__all__ = ["mlflow_database", "mlflow_server", "project", "store"]
