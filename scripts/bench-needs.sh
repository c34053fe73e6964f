#!/bin/sh
# Installs the servers that `make bench` measures beside Satchel's WebDAV, where it can: on Debian and its kin, as root or with
# sudo. Where it can't it says in one line what is missing. It does nothing when all is there.
#
# apache2-bin is Debian's Apache without its service; nginx starts its own where the machine's policy is to start what is installed.
set -eu

missing=
need() { # need PACKAGE FILE: PACKAGE is missing unless there is FILE
	[ -e "$2" ] || missing="$missing $1"
}

need nginx /usr/sbin/nginx
need libnginx-mod-http-dav-ext /usr/lib/nginx/modules/ngx_http_dav_ext_module.so
need apache2-bin /usr/sbin/apache2
need rclone /usr/bin/rclone

[ -z "$missing" ] && exit 0
exec sh "$(dirname "$0")/install-packages.sh" 'the rows of WebDAV' $missing
