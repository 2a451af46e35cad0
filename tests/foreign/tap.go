// SPDX-License-Identifier: Apache-2.0

// Package tap prints what runtime-tools' validation has found out, as TAP. It has the calls of the package that the suite was written for.
package tap

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

type T struct {
	n      int
	todo   bool
	Writer io.Writer
}

func New() *T { return &T{} }
func (t *T) w() io.Writer {
	if t.Writer == nil {
		return os.Stdout
	}
	return t.Writer
}
func (t *T) p(f string, a ...interface{}) { fmt.Fprintf(t.w(), f, a...) }
func (t *T) Header(n int) {
	t.p("TAP version 13\n")
	if n > 0 {
		t.p("1..%d\n", n)
	}
}
func (t *T) Ok(good bool, d string) {
	t.n++
	todo := ""
	if t.todo {
		todo = " # TODO"
	}
	if good {
		t.p("ok %d - %s%s\n", t.n, d, todo)
	} else {
		t.p("not ok %d - %s%s\n", t.n, d, todo)
	}
}
func (t *T) Pass(d string) { t.Ok(true, d) }
func (t *T) Fail(d string) { t.Ok(false, d) }
func (t *T) Skip(n int, d string) {
	for i := 0; i < n; i++ {
		t.n++
		t.p("ok %d # SKIP %s\n", t.n, d)
	}
}
func (t *T) Todo() *T {
	u := *t
	u.todo = true
	return &u
}
func (t *T) AutoPlan()                                  { t.p("1..%d\n", t.n) }
func (t *T) Diagnostic(s string)                        { t.p("# %s\n", strings.ReplaceAll(s, "\n", "\n# ")) }
func (t *T) Diagnosticf(f string, a ...interface{})     { t.Diagnostic(fmt.Sprintf(f, a...)) }
func (t *T) YAML(v interface{}) error {
	b, err := json.MarshalIndent(v, "  ", "  ")
	if err != nil {
		return err
	}
	t.p("  ---\n  %s\n  ...\n", b)
	return nil
}
