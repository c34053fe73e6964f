#!/bin/sh
# Installs the programs that the tests run, where it can: on Debian and its kin, as root or with sudo.
# Where it can't it says in one line what is missing. It does nothing when all is there.
set -eu

missing=
need() { # need PACKAGE TEST...: PACKAGE is missing unless the test succeeds
	package=$1
	shift
	"$@" >/dev/null 2>&1 || missing="$missing $package"
}

postgres_here() {
	[ -n "${SATCHEL_TEST_POSTGRES:-}" ] || command -v initdb || ls /usr/lib/postgresql/*/bin/initdb
}

gvfs_here() {
	ls /usr/libexec/gvfsd-dav /usr/lib/gvfs/gvfsd-dav /usr/lib/*/gvfs/gvfsd-dav 2>/dev/null | grep .
}

need postgresql postgres_here
need rclone command -v rclone
need cadaver command -v cadaver
need chromium command -v chromium
need curl command -v curl
need gvfs-backends gvfs_here
need libglib2.0-bin command -v gio
need dbus-daemon command -v dbus-run-session

[ -z "$missing" ] && exit 0

root=
if [ "$(id -u)" -ne 0 ]; then
	if sudo -n true 2>/dev/null; then root='sudo -n'; else root=no; fi
fi
if [ "$root" = no ] || ! command -v apt-get >/dev/null; then
	echo "the tests need more programs: apt-get install --no-install-recommends$missing" >&2
	exit 1
fi

echo "installing what the tests need:$missing" >&2
export DEBIAN_FRONTEND=noninteractive
$root apt-get update -qq
$root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing </dev/null
