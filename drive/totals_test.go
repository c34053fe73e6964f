package drive

import "testing"

func TestTotalsOfAllDrives(t *testing.T) {
	each(t, Options{}, func(t *testing.T, f *fixture) {
		totals := func() Totals {
			t.Helper()
			all, err := f.Totals(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return all
		}
		if all := totals(); all.Used != 0 || all.Files != 0 || all.Folders != 0 || all.Counted.IsZero() {
			t.Errorf("of nothing: %+v", all)
		}
		if _, err := f.MakeFolder(t.Context(), f.bob, "/in", Guard{}); err != nil {
			t.Fatal(err)
		}
		f.put("/a", "12345")
		f.put("/b", "12345")
		f.begin(NewUpload{Name: "c", Length: 100})
		if all := totals(); all.Used != 10 || all.Uploads != 1 || all.Files != 0 {
			t.Errorf("what is used is told at once, files are not counted each time: %+v", all)
		}
		f.forward(censusFresh)
		if all := totals(); all.Files != 2 || all.Folders != 1 {
			t.Errorf("after a while: %+v", all)
		}
		if _, known, err := f.Space(t.Context()); known || err != nil {
			t.Errorf("the memory knows its room: %v, %v", known, err)
		}
	})
}
