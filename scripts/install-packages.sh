#!/bin/sh
# install-packages.sh WHO PACKAGE...: installs Debian packages that WHO needs, as root or with sudo, or says in one line how to.
set -eu

who=$1
shift

root=
if [ "$(id -u)" -ne 0 ]; then
	if sudo -n true 2>/dev/null; then root='sudo -n'; else root=no; fi
fi
if [ "$root" = no ] || ! command -v apt-get >/dev/null; then
	echo "$who need more programs: apt-get install --no-install-recommends $*" >&2
	exit 1
fi

echo "installing what $who need: $*" >&2
export DEBIAN_FRONTEND=noninteractive
$root apt-get update -qq
$root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" </dev/null
