package pages

import (
	"fmt"
	"testing"
)

// A folder's page with a hundred rows.
func BenchmarkDrive(b *testing.B) {
	p, err := New(Options{Bundle: built()})
	if err != nil {
		b.Fatal(err)
	}
	v := sample()
	file := v.Entries[1]
	for i := range 98 {
		file.Name = fmt.Sprintf("clip %d.mp4", i)
		v.Entries = append(v.Entries, file)
	}
	for b.Loop() {
		if _, err := p.In("zh-CN").Drive(v); err != nil {
			b.Fatal(err)
		}
	}
}
