"""The Airflow target: a Plan as one DAG file."""

from atlas.targets.airflow.target import Airflow

__all__ = ["Airflow"]
