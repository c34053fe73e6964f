# Mounts the drive at $1, copies the tree $2 to "tree" in it and back to $3, and works on it. The password comes on standard input.
# Runs within dbus-run-session, whose bus ends with it.
drive=$1 source=$2 back=$3

gio mount "$drive"

# gio takes a URI: what stands for something else in one is escaped.
escape() { printf %s "$1" | sed 's/%/%25/g; s/#/%23/g; s/?/%3F/g; s/ /%20/g'; }

(cd "$source" && find . -type d | sort) | while IFS= read -r folder; do
	gio mkdir "$drive/tree$(escape "${folder#.}")"
done
(cd "$source" && find . -type f | sort) | while IFS= read -r file; do
	gio copy "$source/$file" "$drive/tree$(escape "${file#.}")"
done

# What the drive lists decides what is copied back.
fetch() {
	mkdir -p "$3"
	gio list -a standard::name,standard::type "$1" | while IFS="$(printf '\t')" read -r name size type rest; do
		if [ "$type" = '(directory)' ]; then
			fetch "$1/$(escape "$name")" "$2/$name" "$3/$name"
		else
			gio copy "$1/$(escape "$name")" "$3/$name"
		fi
	done
}
fetch "$drive/tree" tree "$back"

is() { # is PATH TEXT
	[ "$(gio cat "$drive/$1")" = "$2" ] || { echo "$1 holds $(gio cat "$drive/$1"), not $2" >&2; exit 1; }
}
printf 'first' | gio save "$drive/saved.txt"
is saved.txt first
printf 'second' | gio save "$drive/saved.txt"
is saved.txt second
printf 'third' | gio save "$drive/saved.new"
gio move "$drive/saved.new" "$drive/saved.txt"
is saved.txt third
gio mkdir "$drive/folder"
gio move "$drive/saved.txt" "$drive/folder/moved.txt"
gio remove "$drive/tree/empty"
gio rename "$drive/tree/plain.txt" renamed.txt
gio mount -u "$drive"
