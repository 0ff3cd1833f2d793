#!/usr/bin/env bash
# seen.sh: backup and restore of real input, checked by rsync: Go's own source
# and a home-like tree of at least 1 GB (HOME_MB) with images, archives and
# libraries. init, snapshot, change 1 %, snapshot, restore each version.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
bsv=${BSV:-$here/../bin/bsv}
work=$(mktemp -d "${WORK:-/dev/shm}/bsv-seen.XXXXXX")
trap 'rm -rf "$work"' EXIT
export CORPUS=$work/corpus HOME_MB=${HOME_MB:-1200}
bash "$here/bench/make-corpus.sh" src home
id() { sed -n 's/.*"snapshot": *"\([^"]*\)".*/\1/p'; }
for c in src home; do
	h=$work/$c.home d=$CORPUS/$c
	chown -R "$(command id -u):$(command id -g)" "$d" # owners are no part of a snapshot unless asked for
	"$bsv" --home "$h" -q init >/dev/null
	"$bsv" --home "$h" -q map add /data "$d"
	one=$("$bsv" --home "$h" --json snapshot | id)
	cp -a "$d" "$work/first"
	bash "$here/bench/make-corpus.sh" mutate "$d"
	two=$("$bsv" --home "$h" --json snapshot | id)
	for v in "$one $work/first" "$two $d"; do
		set -- $v
		"$bsv" --home "$h" -q restore "$1:/data" --to "$work/to"
		out=$(rsync -nacO --delete --exclude=/.bsvmap --itemize-changes "$2/" "$work/to/")
		[ -z "$out" ] || { echo "FAILED: $c $1 differs:"; echo "$out" | head; exit 1; }
		echo "$c ${1:0:16}: identical ($(find "$work/to" -type f | wc -l) files, $(du -sm "$work/to" | cut -f1) MB)"
		rm -rf "$work/to"
	done
	rm -rf "$work/first" "$h"
done
