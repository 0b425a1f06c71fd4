"""What Atlas has recorded in the store: deployments, who owns names, fingerprints."""
