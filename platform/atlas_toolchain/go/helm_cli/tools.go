//go:build tools

// Package tools names what set-up builds, so that `go mod tidy` keeps its requirements.
package tools

import _ "helm.sh/helm/v3/cmd/helm"
