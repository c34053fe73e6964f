#!/bin/sh
# deb.sh BINARY FOLDER: makes a Debian package of a binary in FOLDER, and prints its path. VERSION and ARCHITECTURE may say which; by default
# they are those of the commit and of this machine. The same commit makes the same package.
set -eu

binary=$1 folder=$2
here=$(cd "$(dirname "$0")/.." && pwd)
architecture=${ARCHITECTURE:-$(dpkg --print-architecture)}
if commit=$(git -C "$here" log -1 --format=%ct.%h 2>/dev/null); then
	version=${VERSION:-0~$(date -u -d "@${commit%.*}" +%Y%m%d%H%M%S).${commit#*.}}
	export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-${commit%.*}}"
else
	version=${VERSION:-0~unknown}
fi

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
chmod 755 "$tree"
install -D -m 755 "$binary" "$tree/usr/bin/satchel"
install -D -m 644 -t "$tree/lib/systemd/system" "$here"/deploy/systemd/satchel*.service "$here"/deploy/systemd/satchel*.timer "$here/deploy/systemd/satchel.socket"
install -D -m 644 -t "$tree/usr/share/doc/satchel" "$here"/*.md
install -D -m 644 -t "$tree/usr/share/doc/satchel/docs" "$here"/docs/*.md
install -D -m 644 -t "$tree/usr/share/satchel" "$here/deploy/grafana/satchel.json" "$here/deploy/prometheus/satchel.rules.yml"
install -d -m 750 "$tree/etc/satchel"
install -m 640 "$here/deploy/debian/satchel.env" "$tree/etc/satchel/satchel.env"
install -d -m 755 "$tree/DEBIAN"
install -m 755 -t "$tree/DEBIAN" "$here/deploy/debian/postinst" "$here/deploy/debian/prerm" "$here/deploy/debian/postrm"
install -m 644 -t "$tree/DEBIAN" "$here/deploy/debian/conffiles"
size=$(du -k -s "$tree" | cut -f 1)
sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURE@/$architecture/" -e "s/@SIZE@/$size/" "$here/deploy/debian/control" >"$tree/DEBIAN/control"

mkdir -p "$folder"
dpkg-deb --root-owner-group --build "$tree" "$folder/satchel_${version}_$architecture.deb" >&2
echo "$folder/satchel_${version}_$architecture.deb"
