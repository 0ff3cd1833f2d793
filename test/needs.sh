#!/bin/sh
# needs.sh PACKAGE…: installs what is missing from Debian's packages when it may (root, apt-get), otherwise says what is missing.
# Never fails: the tests that need a missing program skip themselves and say so.
command_of() {
	case $1 in
	iproute2) echo ip ;;
	borgbackup) echo borg ;;
	docker.io) echo dockerd ;;
	*) echo "$1" ;;
	esac
}
missing=
for p in "$@"; do
	c=$(command_of "$p")
	PATH=$PATH:/usr/sbin:/sbin command -v "$c" >/dev/null 2>&1 || missing="$missing $p"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
	echo "installing:$missing"
	export DEBIAN_FRONTEND=noninteractive
	# shellcheck disable=SC2086
	{ apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing; } >/dev/null 2>&1 && exit 0
	echo "could not install:$missing"
fi
echo "missing:$missing (the tests that need them are skipped and say so)"
exit 0
