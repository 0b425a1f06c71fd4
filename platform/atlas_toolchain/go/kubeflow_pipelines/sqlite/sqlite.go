// Package sqlite3 has what Kubeflow's API server names of SQLite, and no SQLite, which would need a
// C compiler: the server keeps its data in MySQL, and only its own tests in SQLite.
package sqlite3

import "fmt"

// ErrNo is the number of an error.
type ErrNo int

// ErrConstraint is the number of a constraint that is violated.
const ErrConstraint ErrNo = 19

// Error is an error of SQLite's.
type Error struct{ Code ErrNo }

// Error returns it as text.
func (e Error) Error() string { return fmt.Sprintf("SQLite: error %d", e.Code) }
