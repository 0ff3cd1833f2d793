package object

import (
	"fmt"
	"strings"
)

// CheckName reports whether a directory may hold the name; the error wraps
// ErrName.
func CheckName(name string) error {
	switch {
	case name == "", name == ".", name == "..":
		return fmt.Errorf("%w: %q", ErrName, name)
	case len(name) > MaxName:
		return fmt.Errorf("%w: %d bytes, above %d", ErrName, len(name), MaxName)
	case strings.IndexByte(name, '/') >= 0, strings.IndexByte(name, 0) >= 0:
		return fmt.Errorf("%w: %q has a slash or NUL", ErrName, name)
	}
	return nil
}

// CleanPath returns the canonical form of a virtual path: a leading slash, no
// empty or "." component, no trailing slash; "/" is the root. ".." and NUL
// are errors wrapping ErrName; so are paths beyond MaxPath or MaxDepth.
func CleanPath(p string) (string, error) {
	if len(p) > MaxPath {
		return "", pathTooLong(len(p))
	}
	var b strings.Builder
	depth := 0
	for part := range strings.SplitSeq(p, "/") {
		if part == "" || part == "." {
			continue
		}
		if err := CheckName(part); err != nil {
			return "", fmt.Errorf("path %q: %w", p, err)
		}
		if depth++; depth > MaxDepth {
			return "", fmt.Errorf("%w: a path of more than %d components", ErrName, MaxDepth)
		}
		b.WriteByte('/')
		b.WriteString(part)
	}
	if b.Len() == 0 {
		return "/", nil
	}
	if b.Len() > MaxPath { // by the slash that p lacked
		return "", pathTooLong(b.Len())
	}
	return b.String(), nil
}

func pathTooLong(n int) error {
	return fmt.Errorf("%w: a path of %d bytes, above %d", ErrName, n, MaxPath)
}

// below is the path of a name in a directory that is depth components deep.
func below(dir string, depth int, name string) (string, error) {
	path := JoinPath(dir, name)
	switch {
	case depth >= MaxDepth:
		return "", fmt.Errorf("%w: a path of more than %d components", ErrLimit, MaxDepth)
	case len(path) > MaxPath:
		return "", fmt.Errorf("%w: a path of %d bytes, above %d", ErrLimit, len(path), MaxPath)
	}
	return path, nil
}

// SplitPath splits a clean path into its directory and last name; the root
// gives "/" and "".
func SplitPath(p string) (dir, name string) {
	i := strings.LastIndexByte(p, '/')
	if i <= 0 {
		return "/", p[i+1:]
	}
	return p[:i], p[i+1:]
}

// JoinPath appends a name to a clean path.
func JoinPath(dir, name string) string {
	if dir == "/" || dir == "" {
		return "/" + name
	}
	return dir + "/" + name
}

// Components returns the names of a clean path; none for the root.
func Components(p string) []string {
	if p == "/" || p == "" {
		return nil
	}
	return strings.Split(strings.TrimPrefix(p, "/"), "/")
}

// Within reports whether path is dir or below it; both are clean.
func Within(path, dir string) bool {
	return dir == "/" || path == dir || strings.HasPrefix(path, dir) && len(path) > len(dir) && path[len(dir)] == '/'
}
