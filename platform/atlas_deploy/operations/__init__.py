"""What can be done with deployments: preview, deploy, roll back, status, destroy, purge, list."""
