//go:build tools

// Package tools names what tests of Kubeflow build, so that `go mod tidy` keeps its requirements.
package tools

import (
	_ "github.com/argoproj/argo-workflows/v4/cmd/argoexec"
	_ "github.com/argoproj/argo-workflows/v4/cmd/workflow-controller"
)
