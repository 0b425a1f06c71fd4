"""Fixtures of the contract tests: an MLflow that all share."""

from tests.servers import mlflow_database, mlflow_server

__all__ = ["mlflow_database", "mlflow_server"]
