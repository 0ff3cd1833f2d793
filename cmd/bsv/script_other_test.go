//go:build !linux

package main

import (
	"os/exec"

	"github.com/rogpeppe/go-internal/testscript"
)

func asNobody(*exec.Cmd) {}

func canMount() bool { return false }

func smallDiskCommand(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Fatalf("no small disk on this system")
}

func remountCommand(ts *testscript.TestScript, _ bool, _ []string) { ts.Fatalf("cannot mount") }
