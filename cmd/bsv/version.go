package main

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// Version is what `bsv version` prints.
const Version = "0.1.0"

type versionInfo struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
	Format  int    `json:"format"`
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{Use: "version", Short: "Print the version", Args: exactly(0), RunE: func(*cobra.Command, []string) error { return a.printVersion() }}
}

func (a *app) printVersion() error {
	v := versionInfo{Version: Version, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, Format: 1}
	if b, ok := debug.ReadBuildInfo(); ok {
		for _, s := range b.Settings {
			if s.Key == "vcs.revision" {
				v.Commit = s.Value
			}
		}
	}
	return a.result(v, func() { a.printf("bsv %s (%s, %s/%s, format %d)\n", v.Version, v.Go, v.OS, v.Arch, v.Format) })
}
