package picture

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/gif"
	"runtime"
	"testing"
)

// jpegFrame is a JPEG of a frame header and the beginning of a scan.
func jpegFrame(marker byte, w, h uint16, sampling ...byte) []byte {
	b := []byte{0xff, 0xd8, 0xff, marker}
	b = binary.BigEndian.AppendUint16(b, uint16(8+3*len(sampling)))
	b = append(b, 8)
	b = binary.BigEndian.AppendUint16(b, h)
	b = binary.BigEndian.AppendUint16(b, w)
	b = append(b, byte(len(sampling)))
	for i, s := range sampling {
		b = append(b, byte(i+1), s, 0)
	}
	return append(b, 0xff, 0xda, 0, 8)
}

// Tiny files that say to be huge are refused by their header.
func TestBombs(t *testing.T) {
	var deflated bytes.Buffer
	z := zlib.NewWriter(&deflated)
	if _, err := z.Write(make([]byte, 20_000*20_001)); err != nil { // 400 MB in 400 kB
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	bitmap := encoded(t, "bmp", corners(8, 8))
	binary.LittleEndian.PutUint32(bitmap[18:], 60_000)
	binary.LittleEndian.PutUint32(bitmap[22:], 60_000)
	screen := encoded(t, "gif", corners(8, 8))
	copy(screen[6:], "\xff\xff\xff\xff")
	webp := []byte("RIFF\x00\x01\x00\x00WEBPVP8X\x0a\x00\x00\x00\x10\x00\x00\x00\xff\xff\xff\xff\xff\xffVP8L\x00\x00\x00\x00")
	for name, content := range map[string][]byte{
		"PNG of 2^31 by 2^31":              pngHeader(1<<31-1, 1<<31-1, 8, 6, 0),
		"PNG of 100,000 by 100,000":        pngHeader(100_000, 100_000, 1, 0, 0),
		"PNG of 7,000 by 7,000 in 64 bits": pngHeader(7000, 7000, 16, 6, 0),
		"PNG of 6,000 by 6,000 interlaced": pngHeader(6000, 6000, 8, 6, 1),
		"PNG that unfolds to 400 MB":       append(pngHeader(20_000, 20_000, 8, 0, 0), chunk("IDAT", deflated.Bytes())...),
		"GIF with a screen of 65,535":      screen,
		"WebP of 2^24 by 2^24":             webp,
		"BMP of 60,000 by 60,000":          bitmap,
		"TIFF of 60,000 by 60,000": exif(0, entry{0x100, 4, 1, 60_000}, entry{0x101, 4, 1, 60_000}, entry{0x102, 3, 1, 8}, entry{0x103, 3, 1, 1},
			entry{0x106, 3, 1, 1}, entry{0x111, 4, 1, 8}, entry{0x117, 4, 1, 1}),
		"JPEG of 65,535 by 65,535":             jpegFrame(0xc0, 65535, 65535, 0x22, 0x11, 0x11),
		"progressive JPEG of 6,000 by 6,000":   jpegFrame(0xc2, 6000, 6000, 0x22, 0x11, 0x11),
		"JPEG in CMYK of 6,000 by 6,000":       jpegFrame(0xc0, 6000, 6000, 0x11, 0x11, 0x11, 0x11),
		"progressive JPEG, 4:4:4, of 4,000":    jpegFrame(0xc2, 4000, 4000, 0x11, 0x11, 0x11),
		"progressive JPEG, long and low":       jpegFrame(0xc2, 16000, 800, 0x11, 0x11, 0x11),
		"JPEG whose samples are fewer than it": jpegFrame(0xc0, 65535, 3000, 0x11, 0x44, 0x44),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		made, err := Thumbnails(content, roomy)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, ErrCostly) && !errors.Is(err, ErrFormat) || made != nil {
			t.Errorf("%s: %v, %v", name, made, err)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 4<<20 {
			t.Errorf("%s: %d bytes were allocated", name, took)
		}
	}
}

// The same sizes are decoded where they cost less: a limit of pixels alone would have refused photos, or let bombs pass.
func TestWhatIsAffordable(t *testing.T) {
	for name, c := range map[string]struct {
		content []byte
		want    bool
	}{
		"JPEG of 100 megapixels":             {jpegFrame(0xc0, 11_600, 8700, 0x22, 0x11, 0x11), true},
		"progressive JPEG of 24 megapixels":  {jpegFrame(0xc2, 6000, 4000, 0x22, 0x11, 0x11), true},
		"progressive JPEG of 100 megapixels": {jpegFrame(0xc2, 11_600, 8700, 0x22, 0x11, 0x11), false},
		"PNG of 40 megapixels":               {pngHeader(8000, 5000, 8, 2, 0), true},
		"PNG of 100 megapixels":              {pngHeader(11_600, 8700, 8, 2, 0), false},
	} {
		f, err := find(c.content)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.affordable(c.content, roomy); (err == nil) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A GIF of very many frames costs one.
func TestGIFOfManyFrames(t *testing.T) {
	frame := image.NewPaletted(image.Rect(0, 0, 64, 32), color.Palette{color.White, color.Black})
	film := gif.GIF{}
	for range 3000 {
		film.Image, film.Delay = append(film.Image, frame), append(film.Delay, 1)
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, &film); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	made, err := Thumbnails(b.Bytes(), roomy)
	runtime.ReadMemStats(&after)
	if err != nil || len(made) != 2 {
		t.Fatalf("%v, %v", made, err)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 4<<20 {
		t.Errorf("%d bytes were allocated", took)
	}
}

// Images that end early, wherever, are refused or seen as far as they go, and none ends the program.
func TestTruncated(t *testing.T) {
	for _, format := range []string{"jpeg", "png", "gif", "bmp", "tiff"} {
		whole := encoded(t, format, corners(40, 30))
		for n := 0; n < len(whole); n += 1 + len(whole)/200 {
			if made, err := Thumbnails(whole[:n], roomy); err != nil && !errors.Is(err, ErrFormat) && !errors.Is(err, ErrCostly) || (err == nil) != (len(made) > 0) {
				t.Errorf("%s cut at %d: %v, %v", format, n, made, err)
			}
		}
	}
}

// The header says one thing, the content another.
func TestLyingHeaders(t *testing.T) {
	taller := encoded(t, "png", corners(20, 20))
	smaller := append(pngHeader(20, 2000, 8, 6, 0), taller[8+25:]...)
	swapped := append([]byte("\x89PNG\r\n\x1a\n"), encoded(t, "jpeg", corners(20, 20))...)
	for name, content := range map[string][]byte{
		"PNG with fewer rows than it says": smaller,
		"JPEG behind PNG's signature":      swapped,
		"HTML":                             []byte("<!doctype html><script>alert(1)</script>"),
		"SVG":                              []byte(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`),
		"GIF89a and script":                []byte("GIF89a=1;alert(1)//"),
		"nothing":                          {},
	} {
		if made, err := Thumbnails(content, roomy); !errors.Is(err, ErrFormat) && !errors.Is(err, ErrCostly) || made != nil {
			t.Errorf("%s: %v, %v", name, made, err)
		}
	}
}

// jpegCost is what decides whether a JPEG is decoded, so its reader of headers sees what the decoder sees.
func FuzzJPEGHeader(f *testing.F) {
	f.Add(jpegFrame(0xc0, 100, 50, 0x22, 0x11, 0x11))
	f.Add(jpegFrame(0xc2, 100, 50, 0x11))
	f.Add(encoded(f, "jpeg", corners(16, 16)))
	f.Fuzz(func(t *testing.T, b []byte) {
		jpegs := formats[0]
		if !jpegs.is(b) {
			return
		}
		c, err := jpegs.config(b)
		if err != nil {
			return
		}
		if h, ok := readJPEGHeader(b); ok && (h.width != c.Width || h.height != c.Height) {
			t.Errorf("%d by %d, the decoder sees %d by %d", h.width, h.height, c.Width, c.Height)
		}
	})
}

// Whatever comes in: an error or thumbnails that are images of the size that was asked for, and no panic.
func FuzzThumbnails(f *testing.F) {
	for _, format := range []string{"jpeg", "png", "gif", "bmp", "tiff"} {
		f.Add(encoded(f, format, corners(20, 10)))
	}
	f.Add(dot(f))
	f.Add(withEXIF(f, "jpeg", encoded(f, "jpeg", corners(20, 10)), turned(6)))
	f.Add(withEXIF(f, "png", encoded(f, "png", corners(20, 10)), exif(8, entry{0x8769, 4, 1, 8})))
	f.Fuzz(func(t *testing.T, b []byte) {
		made, err := Thumbnails(b, Limits{Memory: shrinkCost + 8<<20})
		if (err == nil) != (len(made) > 0) {
			t.Fatalf("%v and %v", made, err)
		}
		for _, thumbnail := range made {
			c, format, err := image.DecodeConfig(bytes.NewReader(thumbnail.Content))
			if err != nil || c.Width > thumbnail.Size || c.Height > thumbnail.Size || "image/"+format != thumbnail.MediaType {
				t.Errorf("a thumbnail of %d by %d as %s: %v", c.Width, c.Height, thumbnail.MediaType, err)
			}
		}
	})
}
