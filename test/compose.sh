#!/usr/bin/env bash
# compose.sh: docker-compose.yml on a real engine. Three devices of one vault
# find each other by mDNS; a file in one is seen in the others; one is cut off,
# both sides edit, it is connected again, and every version is there.
# Starts an engine of its own when none runs (as root). Needs bin/bsv (make prebuilt).
set -euo pipefail
cd "$(dirname "$0")/.."
export COMPOSE_PROJECT_NAME=bsvtest$$ BSV_BUILD_TARGET=prebuilt
work=$(mktemp -d)
export BSV_WORDS=$work/words.txt
dockerd_pid=
compose() { if docker compose version >/dev/null 2>&1; then docker compose "$@"; else docker-compose "$@"; fi; }
finish() {
	code=$?
	[ $code = 0 ] || compose logs --tail 40 2>&1 | tail -150 || true
	compose down -v --timeout 3 >/dev/null 2>&1 || true
	[ -z "$dockerd_pid" ] || { kill "$dockerd_pid" 2>/dev/null; wait "$dockerd_pid" 2>/dev/null || true; }
	rm -rf "$work"
	exit $code
}
trap finish EXIT
export DOCKER_HOST=${DOCKER_HOST:-unix:///var/run/docker.sock}
if ! docker info >/dev/null 2>&1; then
	[ "$(id -u)" = 0 ] || { echo "skipped: no engine runs, and starting one needs root"; exit 0; }
	dockerd=$(command -v dockerd || echo /usr/sbin/dockerd)
	[ -x "$dockerd" ] || { echo "skipped: no engine is installed (Debian: docker.io docker-compose)"; exit 0; }
	"$dockerd" >"$work/dockerd.log" 2>&1 &
	dockerd_pid=$!
	for _ in $(seq 100); do docker info >/dev/null 2>&1 && break; sleep 0.2; done
	docker info >/dev/null 2>&1 || { tail -20 "$work/dockerd.log"; exit 1; }
fi
[ -x bin/bsv ] || { echo "bin/bsv is missing: make prebuilt"; exit 1; }

./docker/words > "$BSV_WORDS"
[ "$(wc -w < "$BSV_WORDS")" = 24 ] || { echo "no recovery words"; exit 1; }
chmod 644 "$BSV_WORDS"
compose up -d --build

id() { compose ps -q "$1"; }
bsv() { local s=$1; shift; docker exec -i "$(id "$s")" /bsv "$@"; }
state() { bsv "$1" --json status | sed -n 's/.*"state": *"\([^"]*\)".*/\1/p' | head -1; }
within() { # within SECONDS WHAT COMMAND…
	local limit=$1 what=$2 begin; shift 2; begin=$(date +%s%N)
	until "$@" 2>/dev/null; do
		[ $(( ($(date +%s%N) - begin) / 1000000 )) -lt $((limit * 1000)) ] || { echo "FAILED: $what: not within $limit s"; exit 1; }
		sleep 0.1
	done
	echo "$what: $(( ($(date +%s%N) - begin) / 1000000 )) ms"
}
holds() { [ "$(bsv "$1" get "$2" -)" = "$3" ]; }
equal() { local s; s=$(state alpha); [ -n "$s" ] && [ "$s" = "$(state beta)" ] && [ "$s" = "$(state gamma)" ]; }
put() { # put SERVICE NAME TEXT: writes into the mapped directory of a container without a shell
	printf '%s\n' "$3" > "$work/file"
	tar -C "$work" --owner=65532 --group=65532 --transform "s,^file\$,$2," -cf - file | docker cp - "$(id "$1"):/data/"
}
copies() { bsv "$1" ls /data | grep -c both || true; }

for s in alpha beta gamma; do within 30 "$s answers" bsv "$s" status -q; done
put alpha hello.txt "from alpha"
for s in beta gamma; do within 60 "$s has alpha's file" holds "$s" /data/hello.txt "from alpha"; done
within 30 "three devices, one state" equal

net=${COMPOSE_PROJECT_NAME}_lan
docker network disconnect "$net" "$(id gamma)"
put gamma both.txt "by gamma"
put alpha both.txt "by alpha"
within 30 "beta has alpha's edit" holds beta /data/both.txt "by alpha"
within 30 "gamma keeps its own" holds gamma /data/both.txt "by gamma"
sleep 3
docker network connect "$net" "$(id gamma)"
within 60 "one state after the heal" equal
for s in alpha beta gamma; do
	[ "$(copies $s)" = 2 ] || { echo "FAILED: $s does not show both versions"; bsv $s ls /data; exit 1; }
	list=$(bsv $s conflicts)
	[[ $list == *both.txt* ]] || { echo "FAILED: $s lists no conflict: $list"; exit 1; }
done
[ "$(bsv alpha --json conflicts)" = "$(bsv gamma --json conflicts)" ] || { echo "FAILED: conflicts are listed differently"; exit 1; }
all=$(for f in $(bsv alpha ls /data | grep -o 'both[^ ]*'); do bsv alpha get "/data/$f" -; done | sort | tr '\n' ';')
[ "$all" = "by alpha;by gamma;" ] || { echo "FAILED: versions are $all"; exit 1; }
echo "compose: ok"
