#!/usr/bin/env bash
# One run of everything: corpora, backup table, sync table. See README.md.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
export BSV=${BSV:-$here/../../bin/bsv}
export CORPUS=${CORPUS:-/dev/shm/bsv-corpus}
out=${OUT_DIR:-$(mktemp -d)}
mkdir -p "$out" "$CORPUS"
CORPORA=${CORPORA:-src home big many}
REPS=${REPS:-1}
want=()
for c in $CORPORA; do [ -d "$CORPUS/$c" ] || want+=("$c"); done
[ ${#want[@]} = 0 ] || bash "$here/make-corpus.sh" "${want[@]}"
nproc | sed 's/^/cores: /'
for t in "restic version" "borg --version" "rsync --version" "unison -version" "syncthing --version" "$BSV version"; do { $t 2>&1 || true; } | sed -n 1p; done
OUT=$out/backup.csv CORPORA=$CORPORA REPS=$REPS STEPS=backup bash "$here/peers-backup.sh"
OUT=$out/sync.csv CORPORA=${SYNC_CORPORA:-src big} REPS=$REPS TOOLS=${SYNC_TOOLS:-rsync unison syncthing bsv} bash "$here/peers-sync.sh"
echo; echo "## backup"; python3 "$here/summarise.py" "$out/backup.csv"
echo; echo "## sync"; python3 "$here/summarise.py" "$out/sync.csv"
echo "rows: $out"
