package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// content is what a file of the storm holds: a cut of the storm's noise. A folder has none.
type content struct{ at, size int }

var folderContent = content{-1, -1}

// noisePool is what all contents are cut from, so that none has to be made or kept.
type noisePool []byte

// cut answers content of a size; two cuts of one size are hardly ever the same.
func (p noisePool) cut(random *rand.Rand, size int) content {
	return content{random.IntN(len(p) - size + 1), size}
}

func (p noisePool) bytes(c content) []byte { return p[c.at : c.at+c.size] }

func (p noisePool) sha256(c content) string {
	sum := sha256.Sum256(p.bytes(c))
	return hex.EncodeToString(sum[:])
}

// tree is what is in a client's folder, by path below it.
type tree map[string]content

// with is the tree after a file or folder came to path.
func (t tree) with(path string, c content) tree {
	after := maps.Clone(t)
	after[path] = c
	return after
}

// without is the tree after path and all below it went.
func (t tree) without(path string) tree {
	after := maps.Clone(t)
	maps.DeleteFunc(after, func(p string, _ content) bool { return p == path || strings.HasPrefix(p, path+"/") })
	return after
}

// copied is the tree after path and all below it came to another path, in the place of what was there.
func (t tree) copied(path, to string) tree {
	after := t.without(to)
	for p, c := range t {
		if p == path || strings.HasPrefix(p, path+"/") {
			after[to+p[len(path):]] = c
		}
	}
	return after
}

func (t tree) moved(path, to string) tree { return t.copied(path, to).without(path) }

// children are the names in a folder; "" is the top.
func (t tree) children(folder string) (names []string) {
	for p := range t {
		parent, name := "", p
		if i := strings.LastIndexByte(p, '/'); i >= 0 {
			parent, name = p[:i], p[i+1:]
		}
		if parent == folder {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// paths are those of the files, or of the folders, in order.
func (t tree) paths(folders bool) (paths []string) {
	for p, c := range t {
		if (c == folderContent) == folders {
			paths = append(paths, p)
		}
	}
	slices.Sort(paths)
	return paths
}

func (t tree) size() (bytes int) {
	for _, c := range t {
		bytes += max(c.size, 0)
	}
	return bytes
}

// differs says how what is there differs from what should be, or "".
func (t tree) differs(want tree) string {
	var b strings.Builder
	for _, p := range slices.Sorted(maps.Keys(want)) {
		if c, ok := t[p]; !ok {
			fmt.Fprintf(&b, "%s is missing; ", p)
		} else if c != want[p] {
			fmt.Fprintf(&b, "%s has %d other bytes, want %d; ", p, c.size, want[p].size)
		}
	}
	for _, p := range slices.Sorted(maps.Keys(t)) {
		if _, ok := want[p]; !ok {
			fmt.Fprintf(&b, "%s is too much (%d bytes); ", p, t[p].size)
		}
	}
	return b.String()
}
