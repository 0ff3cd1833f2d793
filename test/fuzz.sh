#!/bin/sh
# fuzz.sh TIME: every fuzz target of the project, TIME each.
set -e
for pkg in $(go list ./...); do
	for target in $(go test -list '^Fuzz' "$pkg" | grep '^Fuzz' || true); do
		echo "== $pkg $target"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "${1:-60s}" "$pkg"
	done
done
