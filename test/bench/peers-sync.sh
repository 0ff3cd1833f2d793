#!/usr/bin/env bash
# Side-by-side sync benchmark between two roots on one machine. One CSV row per step:
#   tool,corpus,round,step,wall_s,cpu_a_s,cpu_b_s,rss_a_kib,rss_b_kib      (a = source/client, b = destination/daemon)
# rsync: client -> rsync --daemon on 127.0.0.1 (no encryption). unison: local, one process for both ends.
# syncthing: two instances on 127.0.0.1 over TLS, discovery/relays/NAT off (st_bench.py).
# Usage: [CORPUS=dir WORK=dir OUT=file.csv TOOLS="rsync unison syncthing" CORPORA="src big many" REPS=1] peers-sync.sh
#        peers-sync.sh floors        cp -a, cat, sha256sum, disk write, loopback TCP
# WORK defaults to tmpfs on purpose: on ext4 every tree deleted in the last minutes makes creating files several
# times slower (measured: rsync of src 8.4 s on ext4 after deletions, 0.8 s on tmpfs), which would punish whoever runs later.
# Pass WORK=/disk/dir to measure a disk; then compare only tools run in a rotated order.
set -uo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
CORPUS=${CORPUS:-${TMPDIR:-/tmp}/corpus}; WORK=${WORK:-/dev/shm/bench-sync}; OUT=${OUT:-$WORK/sync.csv}
TOOLS=${TOOLS:-rsync unison syncthing}; CORPORA=${CORPORA:-src big many}; REPS=${REPS:-1}; ROUND0=${ROUND0:-1}
RSYNC=${RSYNC:-rsync}; UNISON=${UNISON:-unison}; SYNCTHING=${SYNCTHING:-syncthing}
RSYNC_PORT=${RSYNC_PORT:-28730}; STEP_TIMEOUT=${STEP_TIMEOUT:-300}; LATENCY=${LATENCY:-1}
mkdir -p "$WORK"; A=$WORK/a; B=$WORK/b; DPID=
export UNISON_DIR=$WORK/unison
trap '[ -n "$DPID" ] && kill $DPID 2>/dev/null' EXIT
link() { ln -f "$1" "$2" 2>/dev/null || cp "$1" "$2"; }   # WORK may be on another file system
mutate() { if [ $corpus = big ]; then link "$CORPUS/big.v2/big.bin" "$A/big.bin"; cat "$A/big.bin" >/dev/null; else bash "$HERE/make-corpus.sh" mutate "$A"; fi; }
fresh() {
  rm -rf "$A" "$B" "$UNISON_DIR"; mkdir -p "$B" "$UNISON_DIR"
  if [ $corpus = big ]; then mkdir -p "$A"; link "$CORPUS/big/big.bin" "$A/big.bin"; else cp -a "$CORPUS/$corpus" "$A"; fi
  find "$A" -type f -print0 | xargs -0 cat > /dev/null
}
step() { # step NAME CMD...
  local n=$1 r; shift; sync
  r=$(python3 "$HERE/meter.py" ${DPID:+--daemon $DPID} -- timeout "$STEP_TIMEOUT" "$@" 2>"$WORK/step.log")
  read -r w ca cb ra rb rc <<<"$r"
  [ "$rc" = 0 ] || { echo "FAILED rc=$rc $tool $corpus $n: $(tail -3 "$WORK/step.log" | tr '\n' ' ')" >&2; n="$n(rc=$rc)"; }
  echo "$tool,$corpus,$round,$n,$w,$ca,$cb,$ra,$rb" | tee -a "$OUT"
}
run_cmd() { case $tool in
  rsync)  set -- $RSYNC -a --delete "$A/" "rsync://127.0.0.1:$RSYNC_PORT/b/";;
  unison) set -- env UNISON="$UNISON_DIR" $UNISON "$A" "$B" -ui text -batch -auto -silent -times -confirmbigdel=false;; esac
  step "$STEP" "$@"; }
floors() {
  local F=${FLOORS_OUT:-$WORK/floors.csv}; echo "what,seconds,detail" > "$F"
  t() { local n=$1; shift; sync; local s=$(date +%s.%N); "$@" > "$WORK/f.log" 2>&1; local e=$(date +%s.%N); echo "$n,$(echo "$e - $s" | bc),$(tail -1 "$WORK/f.log" | tr ',' ';')" | tee -a "$F"; }
  for c in $CORPORA; do
    t "read $c (find|xargs cat >/dev/null) warm-up" bash -c "find '$CORPUS/$c' -type f -print0 | xargs -0 cat > /dev/null"
    t "read $c (find|xargs cat >/dev/null)" bash -c "find '$CORPUS/$c' -type f -print0 | xargs -0 cat > /dev/null"
    t "stat $c (find -printf %s)" bash -c "find '$CORPUS/$c' -printf '%s %T@\n' > /dev/null"
    t "sha256sum $c (1 process)" bash -c "find '$CORPUS/$c' -type f -print0 | xargs -0 sha256sum > /dev/null"
    rm -rf "$WORK/cp"; t "cp -a $c" cp -a "$CORPUS/$c" "$WORK/cp"; t "sync after cp -a $c" true; rm -rf "$WORK/cp"
    t "cp -a $c + sync" bash -c "cp -a '$CORPUS/$c' '$WORK/cp'; sync"; rm -rf "$WORK/cp"
  done
  for i in 1 2 3; do t "small-file cost, 5000 x 512 B" python3 - "$WORK/mk" <<'PY'
import os,sys,time,shutil
d=sys.argv[1]; b=os.urandom(512); out=[]
for mode in ('write','write+rename','write+fsync+rename'):
    shutil.rmtree(d,ignore_errors=True); os.makedirs(d); n=500 if 'fsync' in mode else 5000; t=time.perf_counter(); c=time.process_time()
    for i in range(n):
        p=f'{d}/{i}'; q=p+'.tmp' if 'rename' in mode else p
        f=os.open(q,os.O_CREAT|os.O_WRONLY,0o644); os.write(f,b)
        if 'fsync' in mode: os.fsync(f)
        os.close(f)
        if 'rename' in mode: os.rename(q,p)
    out.append(f'{mode}: {(time.perf_counter()-t)/n*1e6:.0f} us wall {(time.process_time()-c)/n*1e6:.0f} us cpu per file')
shutil.rmtree(d); print('; '.join(out))
PY
  done
  for i in 1 2 3; do t "dd 1 GiB conv=fdatasync" dd if=/dev/zero of="$WORK/dd" bs=1M count=1024 conv=fdatasync; rm -f "$WORK/dd"; done
  for a in sha256 blake2b512 sha512 sha1; do t "openssl speed $a 16k" openssl speed -seconds 1 -bytes 16384 $a; done
  for a in aes-256-gcm aes-256-ctr chacha20-poly1305; do t "openssl speed $a 16k" openssl speed -seconds 1 -bytes 16384 -evp $a; done
  for i in 1 2 3; do t "tcp loopback 4 GiB" python3 - <<'PY'
import socket,threading,time
s=socket.socket(); s.bind(('127.0.0.1',0)); s.listen(1); N=4<<30
def send():
    c=socket.create_connection(s.getsockname()); b=bytes(1<<18); n=0
    while n<N: n+=c.send(b)
    c.close()
threading.Thread(target=send).start(); c,_=s.accept(); m=memoryview(bytearray(1<<18)); n=0; t=time.time()
while (k:=c.recv_into(m)): n+=k
print(f'{n/(time.time()-t)/1e6:.0f} MB/s')
PY
  done
}
[ "${1:-}" = floors ] && { floors; exit; }
[ -s "$OUT" ] || echo tool,corpus,round,step,wall_s,cpu_a_s,cpu_b_s,rss_a_kib,rss_b_kib > "$OUT"
for round in $(seq "$ROUND0" $((ROUND0+REPS-1))); do for corpus in $CORPORA; do for tool in $TOOLS; do
  if [ $tool = syncthing ]; then
    rm -rf "$A" "$B"; v2=-; [ $corpus = big ] && v2=$CORPUS/big.v2
    python3 "$HERE/st_bench.py" "$SYNCTHING" "$WORK/st" "$CORPUS/$corpus" $corpus $round "$HERE/make-corpus.sh" "$v2" "$OUT" "$LATENCY" "$STEP_TIMEOUT"
    rm -rf "$WORK/st/a" "$WORK/st/b"; continue
  fi
  if [ $tool = bsv ]; then
    rm -rf "$A" "$B"; v2=-; [ $corpus = big ] && v2=$CORPUS/big.v2
    python3 "$HERE/bsv_bench.py" "$BSV" "$WORK/bsv" "$CORPUS/$corpus" $corpus $round "$HERE/make-corpus.sh" "$v2" "$OUT" "$LATENCY" "$STEP_TIMEOUT"
    rm -rf "$WORK/bsv"; continue
  fi
  fresh
  if [ $tool = rsync ]; then
    printf 'address = 127.0.0.1\nport = %s\nuse chroot = no\n%s\n[b]\npath = %s\nread only = no\n' "$RSYNC_PORT" "$([ "$(id -u)" = 0 ] && printf 'uid = root\ngid = root')" "$B" > "$WORK/rsyncd.conf"
    $RSYNC --daemon --no-detach --config="$WORK/rsyncd.conf" --log-file="$WORK/rsyncd.log" & DPID=$!; sleep 0.5
  fi
  STEP=1-initial run_cmd; STEP=2-unchanged run_cmd; mutate; STEP=3-changed1pct run_cmd
  diff -rq "$A" "$B" > "$WORK/diff.log" || echo "NOT IN SYNC $tool $corpus: $(head -2 "$WORK/diff.log")" >&2
  if [ "$LATENCY" = 1 ]; then for i in 1 2 3; do sleep 1.1; echo "$i" > "$A/latency.txt"; STEP="4-latency(one run)" run_cmd; done; fi
  [ -n "$DPID" ] && { kill $DPID; wait $DPID 2>/dev/null; DPID=; }
done; done; done
rm -rf "$A" "$B"
