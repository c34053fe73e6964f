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

chinese_here() { # or Chinese pages are as wide as boxes are
	command -v fc-list && fc-list :lang=zh | grep .
}

gvfs_here() {
	ls /usr/libexec/gvfsd-dav /usr/lib/gvfs/gvfsd-dav /usr/lib/*/gvfs/gvfsd-dav 2>/dev/null | grep .
}

need postgresql postgres_here
need caddy command -v caddy
need nginx test -x /usr/sbin/nginx
need prometheus command -v prometheus
need systemd command -v systemd-socket-activate
need fakeroot command -v fakeroot
need rclone command -v rclone
need cadaver command -v cadaver
need litmus command -v litmus
need chromium command -v chromium
need chromium-headless-shell test -x /usr/lib/chromium/chromium-headless-shell
need fonts-noto-cjk chinese_here
need curl command -v curl
need unzip command -v unzip
need tmux command -v tmux
need gvfs-backends gvfs_here
need libglib2.0-bin command -v gio
need dbus-daemon command -v dbus-run-session

gvfs_fuse_here() {
	ls /usr/libexec/gvfsd-fuse /usr/lib/gvfs/gvfsd-fuse /usr/lib/*/gvfs/gvfsd-fuse 2>/dev/null | grep .
}

# Mounting needs the kernel's part of it, which a container may not have.
if [ -r /dev/fuse ] && [ -w /dev/fuse ]; then
	need gvfs-fuse gvfs_fuse_here
	need fuse3 command -v fusermount3
	if [ "$(id -u)" -eq 0 ]; then
		need davfs2 test -x /sbin/mount.davfs
	else
		echo "left out, since only root mounts with davfs2: TestDavfs2Mount" >&2
	fi
else
	echo "left out, since there is no /dev/fuse: TestGvfsMount, TestDavfs2Mount" >&2
fi

[ -z "$missing" ] && exit 0
exec sh "$(dirname "$0")/install-packages.sh" 'the tests' $missing
