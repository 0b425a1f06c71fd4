"""The platform on a Kubernetes cluster: official manifests, patched, and small services of ours."""
