"""A Kubernetes on this machine whose pods are processes, in namespaces of its own."""
