package object

import (
	"strings"
	"testing"
)

func TestCleanPathTwice(t *testing.T) {
	p := strings.TrimSuffix(strings.Repeat(strings.Repeat("a", 254)+"/", MaxPath/255+1)[:MaxPath], "/")
	c, err := CleanPath(p)
	if err != nil {
		return
	}
	if again, err := CleanPath(c); err != nil || again != c {
		t.Error("a clean path is not clean:", len(c), err)
	}
}
