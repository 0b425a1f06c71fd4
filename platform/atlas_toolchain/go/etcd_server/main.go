// Command etcd is etcd's server alone: its own module of that name needs all of its siblings.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
