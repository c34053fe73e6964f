package drive

import (
	"fmt"
	"strings"
	"testing"
)

// What a client only announces of its upload's length is set aside from the quota, and completes nothing.
func TestAnnouncedLength(t *testing.T) {
	each(t, Options{Quota: 200, MaxFile: 150}, func(t *testing.T, f *fixture) {
		var u Upload
		begin := func(length int64) func() error {
			return func() (err error) {
				u, err = f.BeginUpload(t.Context(), f.alice, NewUpload{Name: "f", Length: length})
				return err
			}
		}
		send := func(n int) func() error {
			return func() error {
				now, err := f.send(u, u.Offset, strings.NewReader(strings.Repeat("x", n)))
				u = now
				return err
			}
		}
		tell := func(length int64) func() error {
			return func() error {
				now, err := f.setLength(u, length)
				if err == nil {
					u = now
				}
				return err
			}
		}
		drop := func() error { return f.drop(u) }
		for i, step := range []struct {
			what           string
			do             func() error
			want           string
			used, reserved int64
		}{
			{"more than a file holds", begin(AnnouncedLength(151)), "too_large", 0, 0},
			{"an announced length", begin(AnnouncedLength(100)), "", 0, 100},
			{"some of it, in the row", send(10), "", 0, 100},
			{"more of it, in a stage", send(50), "", 0, 100},
			{"all of it", send(40), "", 0, 100},
			{"a sweep", func() error { return f.Sweep(t.Context()) }, "", 0, 100},
			{"what was not announced", send(5), "", 0, 105},
			{"less than is there", tell(104), "invalid", 0, 105},
			{"too much", tell(151), "too_large", 0, 105},
			{"another length", tell(110), "", 0, 110},
			{"the last bytes", send(5), "", 110, 0},

			{"more than the drive holds", begin(AnnouncedLength(91)), "full", 110, 0},
			{"what it holds", begin(AnnouncedLength(90)), "", 110, 90},
			{"one more byte than that", tell(91), "full", 110, 90},
			{"less than announced", tell(20), "", 110, 20},
			{"told twice", tell(20), "invalid", 110, 20},
			{"announced after it was told", tell(AnnouncedLength(30)), "invalid", 110, 20},
			{"the end of it", drop, "", 110, 0},

			{"nothing is known", begin(-1), "", 110, 0},
			{"some bytes", send(30), "", 110, 30},
			{"then it is announced", tell(AnnouncedLength(70)), "", 110, 70},
			{"announced anew", tell(AnnouncedLength(60)), "", 110, 60},
			{"over the quota", tell(AnnouncedLength(91)), "full", 110, 60},
			{"the rest", send(30), "", 110, 60},
			{"and that was all", tell(60), "", 170, 0},

			{"an announced nothing", begin(AnnouncedLength(0)), "", 170, 0},
			{"which it is", tell(0), "", 170, 0},
		} {
			what := fmt.Sprint(i, " ", step.what)
			wantKind(t, what, step.do(), step.want)
			if usage, err := f.Usage(t.Context(), f.alice); err != nil || usage.Used != step.used || usage.Reserved != step.reserved {
				t.Errorf("%s: %+v (%v), want %d used and %d reserved", what, usage, err, step.used, step.reserved)
			}
			f.clean()
		}
		f.run("tree /f (1)=" + strings.Repeat("x", 60) + " /f (2)= /f=" + strings.Repeat("x", 110))
	})
}
