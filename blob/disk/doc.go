// Package disk keeps blobs as files in a folder.
//
//	DIR/stage/KEY     content still being written
//	DIR/blob/EY/KEY   sealed content, in a folder named by the last two characters of its key
//	DIR/.installation whose it is (mark.go)
//
// Keys are ids that begin with the time, so their ends are what spreads evenly. Both folders
// have to be on one file system: sealing is a rename. Files are 0600 and folders 0700.
//
// What a strict store (the default) promises after kill -9 and after a power cut:
//
//   - a stage holds every byte that was there when its last Sync answered nil;
//   - content whose Seal answered nil can be opened, whole;
//   - nothing that can be opened is half of what was written.
//
// It keeps them by order, which the tests check by cutting the power around every single
// call: content reaches the disk before it is renamed; the folder that it was renamed to, and the
// name of that folder, are synced before Seal answers. A sync that failed is never taken for
// good because a second one succeeds. The file system must not lose both names of a rename in
// a power cut: ext4, XFS, Btrfs, ZFS and APFS do not, ext2 and FAT may.
//
// A store opened relaxed makes no sync call at all and leaves it to the operating system. It
// keeps the promises after kill -9, and none of them after a power cut.
//
// The caller sees to it that a key is written by one open stage at a time, in every process that shares DIR.
package disk
