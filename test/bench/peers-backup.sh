#!/usr/bin/env bash
# Side-by-side backup benchmark. One CSV row per step:
#   tool,corpus,round,step,wall_s,cpu_s(user+sys),peak_rss_kib,repo_bytes
# A contestant is five functions: T_first T_backup T_restore T_check T_prune (see below); add one (bsv) and name it in TOOLS.
# Usage: [CORPUS=dir WORK=dir OUT=file.csv TOOLS="restic kopia borg bup bsv" CORPORA="src home big many" REPS=1] peers-backup.sh
# Everything runs on a warm page cache, with no network. Encryption is each tool's default (bup has none).
# The repository and the data sit on the same disk (WORK); `sync` is called between steps, outside the timing.
# WORK defaults to tmpfs on purpose: on ext4 every tree deleted in the last minutes makes creating files several
# times slower (measured: rsync of src 8.4 s on ext4 after deletions, 0.8 s on tmpfs), which would punish whoever runs later.
# Pass WORK=/disk/dir to measure a disk; then compare only tools run in a rotated order.
set -uo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
CORPUS=${CORPUS:-${TMPDIR:-/tmp}/corpus}
WORK=${WORK:-/dev/shm/bench-backup}
OUT=${OUT:-$WORK/backup.csv}
TOOLS=${TOOLS:-restic borg bsv}
CORPORA=${CORPORA:-src home big many}
REPS=${REPS:-1}; ROUND0=${ROUND0:-1}
STEP_TIMEOUT=${STEP_TIMEOUT:-600}
RESTIC=${RESTIC:-restic}; KOPIA=${KOPIA:-kopia}; BORG=${BORG:-borg}; BUP=${BUP:-bup}; BSV=${BSV:-bsv}
mkdir -p "$WORK"; export HOME=$WORK/home; mkdir -p "$HOME"
export RESTIC_PASSWORD=bench KOPIA_PASSWORD=bench BORG_PASSPHRASE=bench BORG_BASE_DIR=$HOME BORG_RELOCATED_REPO_ACCESS_IS_OK=yes
export KOPIA_CHECK_FOR_UPDATES=false RESTIC_CACHE_DIR=$HOME/restic-cache
R=$WORK/repo; D=$WORK/data; X=$WORK/restored

# --- contestants: each function is run as its own process under `time`; $R repository, $D data, $X restore target
restic_first()   { $RESTIC -q -r "$R" init && $RESTIC -q -r "$R" backup "$D"; }
restic_backup()  { $RESTIC -q -r "$R" backup "$D"; }
restic_restore() { $RESTIC -q -r "$R" restore latest --target "$X"; }
restic_check()   { $RESTIC -q -r "$R" check --read-data; }
restic_prune()   { $RESTIC -q -r "$R" forget --keep-last 1 --prune; }

kopia_first()   { $KOPIA --no-progress repository create filesystem --path "$R" && $KOPIA --no-progress snapshot create "$D"; }
kopia_backup()  { $KOPIA --no-progress snapshot create "$D"; }
kopia_restore() { $KOPIA --no-progress snapshot restore "$(kopia_ids | tail -1)" "$X"; }
kopia_check()   { $KOPIA --no-progress snapshot verify --verify-files-percent=100; }
kopia_ids()     { $KOPIA snapshot list --json "$D" | jq -r 'sort_by(.startTime)[].id'; }
kopia_prune()   { $KOPIA snapshot delete $(kopia_ids | head -n -1) --delete && $KOPIA --no-progress maintenance run --full --safety=none; }
# the same with a compression policy
kopiazstd_first()   { $KOPIA --no-progress repository create filesystem --path "$R" && $KOPIA policy set --global --compression=zstd && $KOPIA --no-progress snapshot create "$D"; }
kopiazstd_backup()  { kopia_backup; }; kopiazstd_restore() { kopia_restore; }; kopiazstd_check() { kopia_check; }; kopiazstd_prune() { kopia_prune; }

borg_first()   { $BORG init -e repokey-blake2 "$R" && $BORG create --compression zstd "$R::s1" "$D"; }
borg_backup()  { $BORG create --compression zstd "$R::s$(date +%s%N)" "$D"; }
borg_restore() { mkdir -p "$X" && cd "$X" && $BORG extract "$R::$($BORG list --last 1 --short "$R")"; }
borg_check()   { $BORG check --verify-data "$R"; }
borg_prune()   { $BORG prune --keep-last 1 "$R" && $BORG compact "$R"; }

bup_first()   { $BUP -d "$R" init && $BUP -d "$R" index "$D" && $BUP -d "$R" save -q -n main "$D"; }
bup_backup()  { $BUP -d "$R" index "$D" && $BUP -d "$R" save -q -n main "$D"; }
bup_restore() { $BUP -d "$R" restore -q -C "$X" "/main/latest$D"; }
bup_check()   { $BUP -d "$R" fsck --quick; }
bup_prune()   { $BUP -d "$R" rm --unsafe $($BUP -d "$R" ls /main | grep -v latest | head -n -1 | sed 's,^,/main/,'); $BUP -d "$R" gc --unsafe; }

# the home is the repository: keys, index and packs together
bsv_first()   { $BSV --home "$R" init && $BSV --home "$R" map add /data "$D" && $BSV --home "$R" snapshot; }
bsv_backup()  { $BSV --home "$R" snapshot; }
bsv_restore() { $BSV --home "$R" restore latest:/data --to "$X"; }

# --- machinery
if [ "${1:-}" = --step ]; then shift; "$@"; exit; fi
step() { # step NAME FUNCTION
  sync; local t="$WORK/time.txt" rc=0
  timeout "$STEP_TIMEOUT" /usr/bin/time -o "$t" -f '%e %U %S %M' bash "$0" --step "$2" > "$WORK/step.log" 2>&1 || rc=$?
  read -r e u s m < <(tail -1 "$t")
  local size; size=$(du -s --apparent-size -B1 "$R" | cut -f1)
  [ $rc = 0 ] || { echo "FAILED rc=$rc $tool $corpus $1: $(tail -3 "$WORK/step.log" | tr '\n' ' ')" >&2; [ $rc = 124 ] && e=timeout; }
  echo "$tool,$corpus,$round,$1$([ $rc = 0 ] || echo "(rc=$rc)"),$e,$(echo "$u + $s" | bc),$m,$size" | tee -a "$OUT"
}
link() { ln -f "$1" "$2" 2>/dev/null || cp "$1" "$2"; }   # WORK may be on another file system
reset_data() {
  mkdir -p "$D"
  if [ $corpus = big ]; then rm -rf "$D"; mkdir -p "$D"; link "$CORPUS/big/big.bin" "$D/big.bin"
  else rsync -a --delete "$CORPUS/$corpus/" "$D/"; fi
  find "$D" -type f -print0 | xargs -0 cat > /dev/null     # warm
}
mutate_data() {
  if [ $corpus = big ]; then link "$CORPUS/big.v2/big.bin" "$D/big.bin"; cat "$D/big.bin" > /dev/null
  else bash "$HERE/make-corpus.sh" mutate "$D"; fi
}
able() { declare -F "${tool}_$1" > /dev/null; } # bsv has no check and no prune yet
tally() { find "$1" -type f ! -name .bsvmap -printf '%s\n' | awk '{n++;b+=$1} END{print n, b}'; }
export R D X WORK HERE CORPUS RESTIC KOPIA BORG BUP BSV
[ -s "$OUT" ] || echo tool,corpus,round,step,wall_s,cpu_s,peak_rss_kib,repo_bytes > "$OUT"
for round in $(seq "$ROUND0" $((ROUND0+REPS-1))); do for corpus in $CORPORA; do
  [ "${FRESH:-1}" = 1 ] && rm -rf "$D"
  for tool in $TOOLS; do
    rm -rf "$R" "$X" "$HOME"; mkdir -p "$HOME"; reset_data
    step 1-first ${tool}_first
    step 2-unchanged ${tool}_backup
    mutate_data
    step 3-changed1pct ${tool}_backup
    step 4-restore ${tool}_restore
    [ "$(tally "$D")" = "$(tally "$X")" ] || echo "RESTORE MISMATCH $tool $corpus: $(tally "$D") vs $(tally "$X")" >&2
    rm -rf "$X"
    [ "${STEPS:-all}" = backup ] || { if able check; then step 5-check-data ${tool}_check; fi; if able prune; then step 6-prune ${tool}_prune; fi; }
  done
done; done
rm -rf "$R" "$X"
