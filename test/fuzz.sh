#!/bin/sh
# fuzz.sh TIME: every fuzz target of the project, TIME each.
set -e
n=0
for pkg in $(go list ./...); do
	listed=$(go test -list '^Fuzz' "$pkg") # outside of the loop's head, so that a package that does not build ends this
	for target in $(echo "$listed" | grep '^Fuzz' || true); do
		echo "== $pkg $target"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "${1:-60s}" "$pkg"
		n=$((n + 1))
	done
done
echo "$n fuzz targets"
