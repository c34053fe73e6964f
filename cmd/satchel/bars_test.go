package main

import (
	"io"
	"testing"
	"time"

	"github.com/vbauerster/mpb/v8"

	"github.com/satchelhq/satchel/client"
)

// A file that moves while its bar is drawn holds neither up.
func TestABarIsDrawnWhileItsFileMoves(t *testing.T) {
	b := &bars{columns: barName, begun: time.Now(), area: mpb.New(mpb.WithOutput(io.Discard), mpb.WithAutoRefresh(), mpb.WithRefreshRate(time.Microsecond))}
	const moments = 20_000
	film := b.begin("film.bin", worthABar)
	for i := range moments {
		film.observe(client.Moment{Phase: client.Moving, At: int64(i)})
	}
	film.leave()
	b.area.Wait()
	if moved := b.bytes.Load(); moved != moments-1 {
		t.Errorf("%d bytes were counted, of %d", moved, moments-1)
	}
}
