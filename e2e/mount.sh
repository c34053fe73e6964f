# Works in the mounted folder $1 with ordinary tools, as people do, and copies the tree $2 to it. The first thing that is not as it
# should be ends it.
drive=$1 source=$2
cd "$drive"

# What was closed may be on its way for a moment more: gvfs does not wait for it.
soon() { # soon COMMAND...
	for try in $(seq 100); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.1
	done
	"$@"
}
reads() { # reads FILE TEXT
	[ "$(cat "$1")" = "$2" ]
}
is() { # is FILE TEXT
	soon reads "$1" "$2" || { echo "$1 holds $(cat "$1"), not $2" >&2; exit 1; }
}
gone() {
	[ ! -e "$1" ] || { echo "$1 is still there" >&2; exit 1; }
}
holds() { # holds FOLDER NAMES: what ls says, sorted
	[ "$(LC_ALL=C ls -A "$1" | grep -v '^lost+found$' | tr '\n' ' ')" = "$2 " ] || { echo "$1 holds $(ls -A "$1"), not $2" >&2; exit 1; }
}

# Write, read, save over, and save over as editors do: a new file that takes the old one's place.
printf 'one' >note.txt
is note.txt one
printf 'two and more' >note.txt
is note.txt 'two and more'
printf 'three' >note.txt.tmp
is note.txt.tmp three
mv note.txt.tmp note.txt
is note.txt three
gone note.txt.tmp
: >empty
is empty ''

# Folders, renaming, moving between folders, odd names.
mkdir folder folder/inner
mv note.txt 'folder/a note #1 100%.txt'
mv 'folder/a note #1 100%.txt' 'folder/inner/ü.txt'
is folder/inner/ü.txt three
mv folder renamed
is renamed/inner/ü.txt three
gone folder
holds renamed inner
cp renamed/inner/ü.txt copy.txt
is copy.txt three

# Trees: there, back, beside, and away.
cp -r "$source" tree
soon diff -r "$source" tree
cp -r tree twin
soon diff -r "$source" twin
mv twin renamed/twin
diff -r "$source" renamed/twin
rm -r renamed/twin
gone renamed/twin
rm empty
gone empty
mkdir short
rmdir short
gone short
holds . 'copy.txt renamed tree'
