//go:build tools

package main

// What is built for tests of clusters, of the same packages as the plugin: `go mod tidy` keeps it.
import _ "sigs.k8s.io/kwok/cmd/kwok"
