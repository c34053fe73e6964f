package preview_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/satchelhq/satchel/preview"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// A workshop that takes more memory than it may dies of the system's limit, which stands behind all that is computed before; only that image
// has no thumbnail.
func TestAWorkshopWithoutMemory(t *testing.T) {
	h := newHouse(t, sqldbtest.OpenSQLite(t), preview.Options{Workers: 1}, asGreedy)
	h.run()
	h.put(h.alice, "/photo.jpg", photo(t, 300, 200, 1))
	if got := h.look(h.alice, "/photo.jpg", 160); got != "no_thumbnail" || h.took() != "failed" {
		t.Error(got)
	}
}

// manyScans is a progressive JPEG of 4,000 by 4,000 pixels that goes over all of them once for every hundred bytes. Each scan says of runs of
// blocks that nothing is in them (ITU-T T.81, section G.1.2.2).
func manyScans(scans int) []byte {
	const side = 4000
	var b bytes.Buffer
	segment := func(marker byte, body ...byte) {
		b.Write([]byte{0xff, marker})
		b.Write(binary.BigEndian.AppendUint16(nil, uint16(len(body)+2)))
		b.Write(body)
	}
	b.Write([]byte{0xff, 0xd8})
	segment(0xdb, append([]byte{0}, bytes.Repeat([]byte{1}, 64)...)...)
	segment(0xc2, 8, side>>8, side&255, side>>8, side&255, 1, 1, 0x11, 0)
	segment(0xc4, append([]byte{0x10, 1}, append(make([]byte, 15), 0xe0)...)...) // one code of one bit: a run of 2^14 blocks, and 14 bits more
	const runs = (side/8*side/8 + 1<<14 - 1) / (1 << 14)
	for range scans {
		segment(0xda, 1, 1, 0, 1, 63, 0)
		b.Write(make([]byte, (15*runs+7)/8)) // all zeros
	}
	b.Write([]byte{0xff, 0xd9})
	return b.Bytes()
}

// An image whose header promises little work may take for ever. Its workshop ends itself, and others are made.
func TestAnImageThatTakesTooLong(t *testing.T) {
	h := newHouse(t, sqldbtest.OpenSQLite(t), preview.Options{Workers: 1, Work: 500 * time.Millisecond}, asWorkshop)
	h.run()
	bomb := manyScans(20_000)
	h.put(h.alice, "/bomb.jpg", bomb)
	if got := h.look(h.alice, "/bomb.jpg", 160); got != "no_thumbnail" || h.took() != "failed" {
		t.Errorf("%d bytes of scans: %s", len(bomb), got)
	}
	h.put(h.alice, "/few scans.jpg", manyScans(2))
	if got := h.look(h.alice, "/few scans.jpg", 160); got != "jpeg 160x160" {
		t.Errorf("two scans: %s", got)
	}
}

// workshopsHere are the processes that this test started.
func workshopsHere(t *testing.T) (pids []int) {
	t.Helper()
	lists, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range lists {
		children, err := os.ReadFile(list)
		if err != nil {
			continue // the thread has ended
		}
		for _, child := range strings.Fields(string(children)) {
			arguments, _ := os.ReadFile("/proc/" + child + "/cmdline")
			if pid, err := strconv.Atoi(child); err == nil && bytes.Contains(arguments, []byte(asWorkshop)) {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// A workshop that the system ended while it had nothing to do is no fault of the image that comes next.
func TestAWorkshopThatWasKilled(t *testing.T) {
	h := newHouse(t, sqldbtest.OpenSQLite(t), preview.Options{Workers: 1}, asWorkshop)
	h.run()
	h.put(h.alice, "/1.jpg", photo(t, 300, 200, 1))
	h.settle()
	killed := workshopsHere(t)
	for _, pid := range killed {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	h.put(h.alice, "/2.jpg", photo(t, 300, 200, 2))
	if got := h.look(h.alice, "/2.jpg", 160); got != "jpeg 160x107" || len(killed) != 1 {
		t.Errorf("%s, after %d workshops were killed", got, len(killed))
	}
	if got := h.took(); got != "made made" {
		t.Error(got)
	}
}
