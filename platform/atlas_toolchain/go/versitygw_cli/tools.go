//go:build tools

// Package tools names what is built for tests of clusters, so that `go mod tidy` keeps its requirements.
package tools

import _ "github.com/versity/versitygw/cmd/versitygw"
