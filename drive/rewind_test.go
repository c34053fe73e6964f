package drive

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/fault"
)

// present is alice's drive's moment.
func (f *fixture) present() Instant {
	f.t.Helper()
	m, err := f.Present(f.t.Context(), f.alice)
	if err != nil {
		f.t.Fatal(err)
	}
	return Instant{Moment: m}
}

// tell spells what a rewind did or would do.
func tell(r Rewound) string {
	var words []string
	for _, c := range []struct {
		name string
		Rewinding
	}{{"restored", r.Restored}, {"moved", r.Moved}, {"removed", r.Removed}, {"rewritten", r.Rewritten}, {"displaced", r.Displaced}, {"gone", r.Gone}, {"stale", r.Stale}} {
		if c.Count == 0 {
			continue
		}
		words = append(words, c.name)
		for _, i := range c.Some {
			word := string(i.Path)
			if i.Folder {
				word += "/"
			}
			if i.From != "" {
				word += "<" + string(i.From)
			}
			words = append(words, word)
		}
		if c.Count != len(c.Some) {
			words = append(words, fmt.Sprint("of ", c.Count))
		}
	}
	return strings.Join(words, " ")
}

// Each script makes a drive, wrecks it, and tells what a rewind does and what is there then. The preview says the same before, and a rewind
// to the moment before takes it back.
func TestRewind(t *testing.T) {
	const long = "what is longer than sixteen bytes and not in a row"
	const made = "mkdir /d\nmkdir /d/e\nput /d/e/1 one\nput /d/2 " + long + "\nmkdir /o\nput /x first\n"
	const tree = "/d/ /d/2=" + long + " /d/e/ /d/e/1=one /o/ /x=first"
	for _, c := range []struct{ name, folder, wreck, does, tree string }{
		{"nothing happened", "/", "touch /x\ntouch /d", "", tree},
		{"removed", "/", "rm /x\nrm /d", "restored /d/ /x", tree},
		{"removed from the inside out", "/", "rm /d/e/1\nrm /d/e\nrm /d", "restored /d/ /d/e/ /d/e/1", tree},
		{"made since", "/", "put /new 1\nmkdir /o/n\nput /o/n/1 1\ncp /d /o/d", "removed /new /o/d/ /o/n/", tree},
		{"renamed and moved", "/", "mv /x /y\nmv /d/e /o/f\nmv /d /c", "moved /d/</c /d/e/</o/f /x</y", tree},
		{"renamed by two steps and back", "/", "mv /x /y\nmv /y /x", "", tree},
		{"names exchanged", "/", "mv /d/2 /t\nmv /x /d/2\nmv /t /x", "moved /d/2</x /x</d/2", tree},
		{"folders turned inside out", "/", "mv /d/e /e\nmv /d /e/d\nmv /o /e/d/o", "moved /d/</e/d /d/e/</e /o/</e/d/o", tree},
		{"overwritten", "/", "put /x second\nput /x third\nput /d/2 short", "rewritten /d/2 /x", tree},
		{"overwritten with nothing, and what was empty", "/", "put /x", "rewritten /x", tree},
		{"overwritten, moved and removed", "/", "put /x second\nmv /x /d/x\nrm /d", "restored /d/ /x rewritten /x", tree},
		{"made in a folder, which was removed", "/", "put /d/n 1\nrm /d", "restored /d/ removed /d/n", tree},
		{"encrypted: a new file beside each, and the old one removed", "/", "put /x.locked zzz\nrm /x\nput /d/2.locked zzz\nrm /d/2\nput /d/READ_ME pay",
			"restored /d/2 /x removed /d/2.locked /d/READ_ME /x.locked", tree},
		{"removed and made anew by another sync", "/", "rm /d\nmkdir /d\nput /d/2 other", "restored /d/ removed /d/", tree},
		{"a file in the place of a folder", "/", "rm /d\nput /d file", "restored /d/ removed /d", tree},
		{"moved into a folder that was made since", "/", "mkdir /n\nmv /x /n/x\nmv /d /n/d\nput /n/d/e/1 two", "moved /d/</n/d /x</n/x removed /n/ rewritten /d/e/1</n/d/e/1", tree},
		{"moved into a folder, which was removed", "/", "mkdir /n\nmv /x /n/x\nrm /n", "restored /x", tree},
		{"moved over another file", "/", "mv! /x /d/2", "restored /x rewritten /d/2", tree},
		{"saved by moving a new file over the old one", "/", "put /tmp new\nmv! /tmp /x", "rewritten /x", tree},
		{"copied over", "/", "cp! /x /d/2", "rewritten /d/2", tree},
		{"removed for good", "/", "rm /d/e\nrm /x\nempty-trash /", "gone /d/e/ /x", "/d/ /d/2=" + long + " /o/"},
		{"removed for good, and a copy is there", "/", "cp /x /o/x\nrm /x\nempty-trash /", "restored /x removed /o/x", tree},
		{"out of a folder that was removed for good", "/", "mv /d/2 /o/2\nrm /d\nempty-trash /", "restored /d/ moved /d/2</o/2 gone /d/", "/d/ /d/2=" + long + " /o/ /x=first"},
		{"out of what was below a folder that was removed for good", "/", "mv /d/e/1 /o/1\nrm /d\nempty-trash /", "displaced /o/1</o/1 gone /d/", "/o/ /o/1=one /x=first"},
		{"of the same, in the trash", "/", "rm /d/e/1\nrm /d\nput /1 taken", "restored /d/ /d/e/1 removed /1", tree},
		{"what desktops scatter", "/", "put /.DS_Store 1\nput /.DS_Store 2\nput /d/._2 1\nrm /d/._2", "removed /.DS_Store", tree},

		{"a folder alone", "/d", "put /x second\nput /d/2 other\nrm /d/e", "restored /d/e/ rewritten /d/2",
			"/d/ /d/2=" + long + " /d/e/ /d/e/1=one /o/ /x=second"},
		{"a folder that was renamed stays", "/c", "mv /d /c\nput /c/2 other\nput /c/n 1", "removed /c/n rewritten /c/2",
			"/c/ /c/2=" + long + " /c/e/ /c/e/1=one /o/ /x=first"},
		{"out of a folder and into it", "/d", "mv /d/e /o/e\nmv /x /d/x\nput /o/y 1", "moved /d/e/</o/e /x</d/x",
			"/d/ /d/2=" + long + " /d/e/ /d/e/1=one /o/ /o/y=1 /x=first"},
		{"what goes back finds its name taken", "/d", "mv /x /d/x\nput /x other", "moved /x (1)</d/x",
			"/d/ /d/2=" + long + " /d/e/ /d/e/1=one /o/ /x (1)=first /x=other"},
		{"what was made in a folder that had left", "/d", "mv /d/e /e\nput /e/n 1", "moved /d/e/</e removed /e/n",
			tree},
		{"it came into what was in it", "/o/d/e/d", "mv /d/e /e\nmv /e /o/e\nmkdir /o/d\nmv /o/e /o/d/e\nmv /d /o/d/e/d\nput /o/d/e/d/2 other", "rewritten /o/d/e/d/2 displaced /o/d/e/</o/d/e",
			"/o/ /o/d/ /o/d/e/ /o/d/e/1=one /o/d/e/d/ /o/d/e/d/2=" + long + " /x=first"},
		{"what goes back to a folder that is in the trash", "/d", "mkdir /n\nmv /x /n/x\nrm /o\nput /d/2 other", "rewritten /d/2",
			"/d/ /d/2=" + long + " /d/e/ /d/e/1=one /n/ /n/x=first"},
		{"a folder above it was in it", "/d/e", "mv /d/2 /d/e/2\nmv /d/e /e\nmv /d /e/d\nmv /e /d2\nmkdir /d\nmv /d2 /d/e", "moved /d (1)/</d/e/d /d (1)/2</d/e/2",
			"/d (1)/ /d (1)/2=" + long + " /d/ /d/e/ /d/e/1=one /o/ /x=first"},
		{"a folder that was removed", "/d", "put /x second\nrm /d", "restored /d/",
			"/d/ /d/2=" + long + " /d/e/ /d/e/1=one /o/ /x=second"},
		{"a folder that was removed and made anew", "/d", "rm /d\nmkdir /d\nput /d/2 other\nput /x second", "restored /d/ removed /d/",
			"/d/ /d/2=" + long + " /d/e/ /d/e/1=one /o/ /x=second"},
	} {
		t.Run(c.name, func(t *testing.T) {
			each(t, Options{}, func(t *testing.T, f *fixture) {
				f.t = t
				ctx := t.Context()
				f.run(made)
				then := f.present()
				f.run(c.wreck)
				wrecked := f.tree()
				seen, err := f.PreviewRewind(ctx, f.alice, Path(c.folder), then)
				if err != nil || seen.Obstacle != nil {
					t.Fatal(err, seen.Obstacle)
				}
				if f.tree() != wrecked {
					t.Error("the preview changed something")
				}
				r, err := f.Rewind(ctx, f.alice, Path(c.folder), then, &seen.Before)
				if err != nil {
					t.Fatal(err)
				}
				if tell(r) != c.does {
					t.Errorf("it says that it did\n     %s\nwant %s", tell(r), c.does)
				}
				if free := strings.ReplaceAll(tell(r), " (1)", ""); tell(seen) != free { // which name is free then, only the rewind finds out
					t.Errorf("the preview said\n%s, and it did\n%s", tell(seen), free)
				}
				f.clean()
				f.run("tree " + c.tree)
				if r.Nothing() && f.present() != (Instant{Moment: r.Before}) {
					t.Error("there was nothing to do, and something changed")
				}
				if _, err := f.Rewind(ctx, f.alice, Root, Instant{Moment: r.Before}, nil); err != nil {
					t.Fatal(err)
				}
				if got := f.tree(); got != wrecked {
					t.Errorf("taken back\n got %s\nwant %s", got, wrecked)
				}
			})
		})
	}
}

// What stands in the way of a rewind, and what cannot be put back.
func TestRewindRefused(t *testing.T) {
	each(t, Options{ChangesExpiry: time.Hour, Versions: 2, Quota: 100}, func(t *testing.T, f *fixture) {
		ctx := t.Context()
		f.run("mkdir /d\nput /d/f one\nput /x first")
		start, then := f.now, f.present()
		f.run("put /d/f two")
		rewind := func(path Path, to Instant, seen *Moment) error {
			_, previewed := f.PreviewRewind(ctx, f.alice, path, to)
			_, err := f.Rewind(ctx, f.alice, path, to, seen)
			if previewed != nil && fault.KindOf(previewed) != fault.KindOf(err) {
				t.Errorf("the preview is refused with %v, and the rewind with %v", previewed, err)
			}
			return err
		}
		wantKind(t, "nothing there", rewind("/none", then, nil), "not_found")
		wantKind(t, "a file", rewind("/x", then, nil), "invalid")
		wantKind(t, "of another history", rewind("/", Instant{Moment: Moment{then.Moment.Sequence, then.Moment.At + 1}}, nil), "gone")
		wantKind(t, "not yet", rewind("/", Instant{Moment: Moment{then.Moment.Sequence + 9, then.Moment.At}}, nil), "gone")
		wantKind(t, "before the drive", rewind("/", Instant{Time: start.Add(-time.Hour)}, nil), "gone")
		f.run("mkdir /new")
		wantKind(t, "a folder that was not there", rewind("/new", then, nil), "not_found")
		seen := f.present().Moment
		f.run("touch /x")
		wantKind(t, "changed since somebody looked", rewind("/", then, &seen), "precondition_failed")
		for _, lock := range []Lock{{Path: "/d/f"}, {Path: "/", Deep: true}, {Path: "/d", Deep: true}} {
			lock.UserID = f.alice
			l, _, err := f.LockNode(ctx, f.alice, lock, Guard{})
			if err != nil {
				t.Fatal(err)
			}
			r, err := f.PreviewRewind(ctx, f.alice, "/d", then)
			if err != nil || !fault.Is(r.Obstacle, fault.Locked) {
				t.Errorf("%s is locked; the preview says %v, %v", l.Path, r.Obstacle, err)
			}
			wantKind(t, "locked", rewind("/d", then, nil), "locked")
			if err := f.Unlock(ctx, f.alice, f.alice, l.Path, l.Token); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := f.LockNode(ctx, f.alice, Lock{Path: "/x", UserID: f.alice}, Guard{}); err != nil {
			t.Fatal(err)
		}
		wantKind(t, "with a lock elsewhere", rewind("/d", then, nil), "")
		f.run("tree /d/ /d/f=one /new/ /x=first")

		f.run("put /d/f 2\nput /d/f 3\nput /d/f 4\nput /d/f 5")
		r, err := f.Rewind(ctx, f.alice, "/d", then, nil)
		if got := tell(r); err != nil || got != "stale /d/f" {
			t.Errorf("without the version: %q, %v", got, err)
		}
		f.put("/big", strings.Repeat("b", 40))
		then = f.present()
		f.put("/other", strings.Repeat("o", 40))
		f.run("mv! /big /other")
		r, err = f.PreviewRewind(ctx, f.alice, "/", then)
		if err != nil || !fault.Is(r.Obstacle, fault.Full) {
			t.Errorf("there is no room; the preview says %v, %v", r.Obstacle, err)
		}
		wantKind(t, "no room", rewind("/", then, nil), "full")

		if reach, err := f.Reach(ctx, f.alice); err != nil || reach.After(start) {
			t.Errorf("reach %v, %v; it began at %v", reach, err, start)
		}
		f.forward(2 * time.Hour)
		f.run("mkdir /late")
		late := f.now
		f.run("mkdir /later")
		if err := f.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
		wantKind(t, "what is forgotten", rewind("/", then, nil), "gone")
		wantKind(t, "a time that is forgotten", rewind("/", Instant{Time: start}, nil), "gone")
		reach, err := f.Reach(ctx, f.alice)
		if err != nil || reach.Before(late.Add(-time.Minute)) {
			t.Errorf("reach %v, %v", reach, err)
		}
		wantKind(t, "a time", rewind("/", Instant{Time: late}, nil), "")
		if _, err := f.Stat(ctx, f.alice, "/late"); err != nil {
			t.Error(err)
		}
		_, err = f.Stat(ctx, f.alice, "/later")
		wantKind(t, "made after it", err, "not_found")
		if _, err := f.Rewind(ctx, f.bob, "/", then, nil); !fault.Is(err, fault.Gone) {
			t.Errorf("bob rewinds his drive by alice's moment: %v", err)
		}
	})
}

// A rewind makes no path longer than paths may be, also not for what it makes anew: a file that ended by being moved over another one comes back to its
// folder, which is further down by now.
func TestRewindTooDeep(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		f.t = t
		ctx := t.Context()
		deepest := "/d" + strings.Repeat("/a", MaxDepth-2)
		for i := range MaxDepth - 1 {
			f.run("mkdir " + deepest[:2*(i+1)])
		}
		f.run("mkdir /o\nput /x other\nput " + deepest + "/f one")
		then := f.present()
		f.run("mv! " + deepest + "/f /x\nmv /d /o/d")
		_, err := f.Rewind(ctx, f.alice, "/o/d", then, nil)
		wantKind(t, "below what went deeper", err, "too_large")
		if _, err := f.Rewind(ctx, f.alice, "/", then, nil); err != nil {
			t.Error(err)
		}
		if _, err := f.Stat(ctx, f.alice, Path(deepest+"/f")); err != nil {
			t.Error(err)
		}
	})
}

// What comes back to the top folder from folders that are gone gets the next free names, past those that others have.
func TestRewindNumbersWhatHasOneName(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		f.t = t
		const many = 12
		f.run("mkdir /t\nmkdir /o\nput /f.txt x")
		f.put("/f (3).txt", "x")
		for i := range many {
			f.run(fmt.Sprintf("mkdir /t/%d\nput /t/%d/f.txt x\nput /t/%d/g x", i, i, i))
		}
		then := f.present()
		for i := range many {
			f.run(fmt.Sprintf("mv /t/%d/f.txt /o/f%d\nmv /t/%d/g /o/g%d", i, i, i, i))
		}
		f.run("rm /t\nempty-trash /\nrm /o")
		r, err := f.Rewind(t.Context(), f.alice, "/", then, nil)
		if err != nil || r.Displaced.Count != 2*many {
			t.Fatalf("%v: %s", err, tell(r))
		}
		want := []string{"/", "/f.txt", "/f (3).txt", "/o", "/g"}
		for i := 1; i <= many+1; i++ {
			if i != 3 {
				want = append(want, fmt.Sprintf("/f (%d).txt", i))
			}
			if i < many {
				want = append(want, fmt.Sprintf("/g (%d)", i))
			}
		}
		slices.Sort(want)
		if got := slices.Sorted(maps.Keys(f.snapshot().files)); !slices.Equal(got, want) {
			t.Errorf("there is %q\nwant     %q", got, want)
		}
	})
}

// Whatever happened, a rewind brings back what was there at a moment, or says of each path that it cannot. A rewind to the moment before takes
// it back to the last file. Syncs follow it (TestSyncConverges).
func TestRewindToAnyMoment(t *testing.T) {
	rounds := 12 // as many as SATCHEL_TEST_REWINDS says in `make soak`
	if setting := os.Getenv("SATCHEL_TEST_REWINDS"); setting != "" {
		var err error
		if rounds, err = strconv.Atoi(setting); err != nil {
			t.Fatalf("SATCHEL_TEST_REWINDS=%q is not a count", setting)
		}
	}
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			each(t, Options{Versions: 3, MaxChanges: 1 << 30, ChangesExpiry: -1}, func(t *testing.T, f *fixture) {
				f.t = t
				random := rand.New(rand.NewPCG(seed, 2))
				var known []snapshot
				counts := map[string]int{}
				for range rounds {
					known = append(known[max(0, len(known)-5):], f.snapshot())
					for range 1 + random.IntN(40) {
						f.randomStep(random)
					}
					then := known[random.IntN(len(known))]
					before := f.snapshot()
					folder := Root
					if folders := then.folders(); random.IntN(3) == 0 && len(folders) > 0 {
						folder = folders[random.IntN(len(folders))]
					}
					r, err := f.Rewind(t.Context(), f.alice, folder, then.at, nil)
					if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Invalid) {
						continue // there is a file now
					}
					if err != nil {
						t.Fatal(err)
					}
					f.clean()
					for _, c := range []Rewinding{r.Restored, r.Moved, r.Removed, r.Rewritten, r.Displaced, r.Gone, r.Stale} {
						if c.Count > len(c.Some) {
							t.Fatal("too much to compare")
						}
					}
					counts["gone"] += r.Gone.Count
					counts["stale"] += r.Stale.Count
					counts["back"] += r.Restored.Count + r.Moved.Count
					if folder == Root {
						then.compare(f.snapshot(), r)
					}
					if random.IntN(2) == 0 {
						if _, err := f.Rewind(t.Context(), f.alice, Root, Instant{Moment: r.Before}, nil); err != nil {
							t.Fatal(err)
						}
						if again := f.snapshot(); !maps.Equal(again.files, before.files) {
							t.Fatalf("taken back (%s)\n got %v\nwant %v", folder, again.files, before.files)
						}
					}
				}
				if counts["back"] == 0 {
					t.Error("nothing ever came back")
				}
				t.Log(counts)
			})
		})
	}
}

// snapshot is what is in alice's drive at a moment.
type snapshot struct {
	f     *fixture
	at    Instant
	files map[string]string // by the key of the path; "/" for a folder
}

func (f *fixture) snapshot() snapshot {
	f.t.Helper()
	s := snapshot{f, f.present(), map[string]string{}}
	err := f.Walk(f.t.Context(), f.alice, Root, 100_000, func(n Node) error {
		s.files[nameKey(string(n.Path))] = "/"
		if !n.Folder {
			s.files[nameKey(string(n.Path))] = n.ETag()
		}
		return nil
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return s
}

func (s snapshot) folders() (all []Path) {
	for _, path := range slices.Sorted(maps.Keys(s.files)) {
		if s.files[path] == "/" && path != "/" {
			all = append(all, Path(path))
		}
	}
	return all
}

// compare holds what is there after a rewind against what was there, but for what the rewind said that it could not do.
func (s snapshot) compare(now snapshot, r Rewound) {
	s.f.t.Helper()
	under := func(path string, c Rewinding) bool {
		return slices.ContainsFunc(c.Some, func(i RewindItem) bool { return Path(path).Within(i.Path) })
	}
	for path, want := range s.files {
		got, there := now.files[path]
		switch {
		case there && got == want, under(path, r.Gone) && (!there || under(path, r.Displaced)), there && under(path, r.Stale):
		default:
			s.f.t.Errorf("%s is %q after the rewind, and was %q", path, got, want)
		}
	}
	for path, got := range now.files {
		if _, was := s.files[path]; !was && !under(path, r.Displaced) {
			s.f.t.Errorf("%s is %q after the rewind, and was not there", path, got)
		}
	}
	if s.f.t.Failed() {
		s.f.t.Fatalf("was %v\nis  %v\n%s", s.files, now.files, tell(r))
	}
}
