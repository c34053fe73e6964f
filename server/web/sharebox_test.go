package web

import (
	"fmt"
	"testing"

	"github.com/satchelhq/satchel/fault"
)

// How many send at once is bound for an address, for a share and for the server; who has ended makes room, and who was refused takes none.
func TestHowManySendAtOnce(t *testing.T) {
	for _, c := range []struct {
		what          string
		share, sender func(i int) string
		most          int
	}{
		{"one address", func(i int) string { return fmt.Sprint("share", i) }, func(int) string { return "one" }, maxSendingBy},
		{"one share", func(int) string { return "one" }, func(i int) string { return fmt.Sprint("sender", i) }, maxSendingInto},
		{"the server", func(i int) string { return fmt.Sprint("share", i) }, func(i int) string { return fmt.Sprint("sender", i) }, maxSending},
	} {
		t.Run(c.what, func(t *testing.T) {
			b := newTurns(maxSending, maxSendingInto, maxSendingBy, sendingWait)
			var last func()
			for i := range c.most {
				end, err := b.begin(c.share(i), c.sender(i))
				if err != nil {
					t.Fatalf("the %dth: %v", i+1, err)
				}
				last = end
			}
			for range 3 {
				if _, err := b.begin(c.share(c.most), c.sender(c.most)); !fault.Is(err, fault.Busy) {
					t.Fatalf("one too many: %v", err)
				}
			}
			last()
			end, err := b.begin(c.share(c.most), c.sender(c.most))
			if err != nil {
				t.Errorf("after one has ended: %v", err)
			}
			if _, err := b.begin(c.share(c.most), c.sender(c.most)); !fault.Is(err, fault.Busy) {
				t.Errorf("one too many again: %v", err)
			}
			end()
		})
	}
}
