package keyring

import (
	"bytes"
	"strconv"
)

// formatVersion is the version of all files of this package.
const formatVersion = 1

// isNewer reports whether a file begins as one of a newer version does: with a
// whole line of prefix and number. Less than that is damage, for which a newer
// bsv is no help.
func isNewer(b []byte, prefix string) bool {
	line, _, ok := bytes.Cut(b[:min(len(b), 64)], []byte("\n"))
	num, named := bytes.CutPrefix(line, []byte(prefix))
	n, err := strconv.ParseUint(string(num), 10, 32)
	return ok && named && err == nil && n > formatVersion && string(num) == strconv.FormatUint(n, 10)
}
