# Mounts the drive at $1 where programs that know nothing of gvfs see it, and runs mount.sh, which is $2, there with the tree $3. The
# password comes on standard input. Runs within dbus-run-session, whose bus ends with it.
drive=$1 work=$2 source=$3
mounts=$XDG_RUNTIME_DIR/gvfs
trap 'fusermount3 -u -z "$mounts"' EXIT

gio mount "$drive"
set -- "$mounts"/*/dav # it shows the folder above the drive, too
[ -d "$1" ] || { echo "nothing is mounted in $mounts" >&2; exit 1; }
(sh -eu "$work" "$1" "$source")
gio mount -u "$drive"
