package merge

import (
	"crypto/sha256"
	"encoding/base32"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/bsvsync/bsv/object"
)

const copyMark = ".conflict-"

// copyLengths are the characters of the digest in a copy's name: more when
// other content has taken the shorter name.
var copyLengths = [...]int{8, 13, 26}

// CopyName is the name of a conflict copy: a function of the name in dispute
// and the content alone, so that every device chooses the same. taken says
// that other content has a name; it decides only the length of the name, and
// when all lengths are taken, which digest of the digest it shows: a copy
// never overwrites anything.
func CopyName(name string, digest object.ID, taken ...func(string) bool) string {
	if orig, ok := Original(name); ok {
		name = orig
	}
	free := func(n string) bool {
		return !slices.ContainsFunc(taken, func(f func(string) bool) bool { return f(n) })
	}
	for _, n := range copyLengths {
		if s := copyName(name, digest, n); free(s) {
			return s
		}
	}
	for {
		digest = sha256.Sum256(digest[:])
		if s := copyName(name, digest, copyLengths[len(copyLengths)-1]); free(s) {
			return s
		}
	}
}

func copyName(name string, digest object.ID, n int) string {
	stem, ext := splitExt(name)
	suffix := copyMark + base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").EncodeToString(digest[:])[:n] + ext
	if room := object.MaxName - len(suffix); len(stem) > room {
		valid := utf8.ValidString(stem) // raw bytes are cut anywhere
		cut := max(room, 0)
		for valid && cut > 0 && !utf8.RuneStart(stem[cut]) {
			cut--
		}
		stem = stem[:cut]
	}
	return stem + suffix
}

// splitExt splits an extension off; a leading dot is none, ".tar.gz" and its
// like are one. Extensions beyond 32 bytes are part of the name.
func splitExt(name string) (stem, ext string) {
	ext = path.Ext(name)
	stem = strings.TrimSuffix(name, ext)
	if stem == "" || len(ext) > 32 {
		return name, ""
	}
	if path.Ext(stem) == ".tar" && len(stem) > len(".tar") {
		ext = ".tar" + ext
		stem = strings.TrimSuffix(stem, ".tar")
	}
	return stem, ext
}

// Original returns the name that a conflict copy was made of.
func Original(name string) (string, bool) {
	i := strings.LastIndex(name, copyMark)
	if i < 0 {
		return name, false
	}
	rest := name[i+len(copyMark):]
	n := 0
	for n < len(rest) && (rest[n] >= 'a' && rest[n] <= 'z' || rest[n] >= '2' && rest[n] <= '7') {
		n++
	}
	for _, want := range copyLengths {
		if n == want && (n == len(rest) || rest[n] == '.') && i+len(rest)-n > 0 {
			return name[:i] + rest[n:], true
		}
	}
	return name, false
}
