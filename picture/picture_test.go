package picture

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"math/rand/v2"
	"testing"
)

func TestEveryFormat(t *testing.T) {
	for _, format := range []string{"jpeg", "png", "gif", "bmp", "tiff"} {
		made, err := Thumbnails(encoded(t, format, corners(900, 600)), roomy)
		if err != nil || len(made) != 2 {
			t.Errorf("%s: %d, %v", format, len(made), err)
			continue
		}
		for i, want := range []image.Point{{160, 107}, {480, 320}} {
			c, _, err := image.DecodeConfig(bytes.NewReader(made[i].Content))
			if err != nil || c.Width != want.X || c.Height != want.Y || made[i].MediaType != "image/jpeg" || made[i].Size != max(want.X, want.Y) {
				t.Errorf("%s: %d by %d pixels of %s in %d, want %v (%v)", format, c.Width, c.Height, made[i].MediaType, made[i].Size, want, err)
			}
			if got := cornersOf(t, made[i].Content); got != "red green blue white" {
				t.Errorf("%s: %s", format, got)
			}
		}
	}
	if made, err := Thumbnails(dot(t), roomy); err != nil || len(made) != 2 {
		t.Errorf("webp: %v", err)
	}
}

// All eight ways of EXIF, by pixels: what is shown at the corners of an image that holds red, green, blue and white there.
func TestOrientations(t *testing.T) {
	for o, want := range map[int]string{
		1: "red green blue white",
		2: "green red white blue",
		3: "white blue green red",
		4: "blue white red green",
		5: "red blue green white",
		6: "blue red white green",
		7: "white green blue red",
		8: "green white red blue",
	} {
		for _, format := range []string{"jpeg", "png"} {
			made, err := Thumbnails(withEXIF(t, format, encoded(t, format, corners(600, 300)), turned(o)), roomy)
			if err != nil {
				t.Fatal(err)
			}
			for _, thumbnail := range made {
				if got := cornersOf(t, thumbnail.Content); got != want {
					t.Errorf("%s, orientation %d, %d pixels: %s, want %s", format, o, thumbnail.Size, got, want)
				}
				c, _, err := image.DecodeConfig(bytes.NewReader(thumbnail.Content))
				if err != nil || (c.Width > c.Height) != (o <= 4) {
					t.Errorf("%s, orientation %d: %d by %d pixels", format, o, c.Width, c.Height)
				}
			}
		}
	}
}

// EXIF that is broken, or made to keep its reader busy, leaves the image upright.
func TestHostileEXIF(t *testing.T) {
	for name, block := range map[string][]byte{
		"an orientation that is none":        turned(9),
		"orientation 0":                      turned(0),
		"a directory that is its own next":   exif(8, entry{0x0100, 3, 1, 1}),
		"a directory that holds itself":      exif(0, entry{0x8769, 4, 1, 8}, entry{0x8825, 4, 1, 8}, entry{0xa005, 4, 1, 8}),
		"a value behind the end":             exif(0, entry{0x0112, 3, 100, 0xfffffff0}),
		"as many values as there are":        exif(0, entry{0x0112, 3, 0xffffffff, 8}),
		"a text of 4 GiB":                    exif(0, entry{0x010e, 2, 0xffffffff, 8}),
		"a type that is none":                exif(0, entry{0x0112, 99, 1, 6}),
		"more tags than bytes":               append([]byte("II*\x00\x08\x00\x00\x00\xff\xff"), make([]byte, 100)...),
		"a directory behind the end":         []byte("II*\x00\xff\xff\xff\x7f"),
		"a directory in front of the header": []byte("MM\x00*\x00\x00\x00\x00"),
		"nothing":                            {},
		"noise":                              bytes.Repeat([]byte{0xff, 0x12, 1}, 300),
	} {
		for _, format := range []string{"jpeg", "png"} {
			made, err := Thumbnails(withEXIF(t, format, encoded(t, format, corners(64, 32)), block), roomy)
			if err != nil {
				t.Errorf("%s, %s: %v", format, name, err)
				continue
			}
			if got := cornersOf(t, made[0].Content); got != "red green blue white" {
				t.Errorf("%s, %s: %s", format, name, got)
			}
		}
	}
}

// What is transparent stays so, and has no say in the colours beside it.
func TestTransparency(t *testing.T) {
	m := image.NewNRGBA(image.Rect(0, 0, 1000, 1000))
	for y := range 1000 {
		for x := range 1000 {
			c := color.NRGBA{0, 255, 0, 0} // green that nobody sees
			if x < 500 {
				c = color.NRGBA{255, 0, 0, 255}
			}
			m.SetNRGBA(x, y, c)
		}
	}
	made, err := Thumbnails(encoded(t, "png", m), roomy)
	if err != nil || len(made) != 2 || made[1].MediaType != "image/png" {
		t.Fatalf("%v, %v", made, err)
	}
	seen, _, err := image.Decode(bytes.NewReader(made[1].Content))
	if err != nil {
		t.Fatal(err)
	}
	for x, want := range map[int]color.NRGBA{10: {255, 0, 0, 255}, 470: {}} {
		if got := color.NRGBAModel.Convert(seen.At(x, 240)); got != want {
			t.Errorf("at %d: %v, want %v", x, got, want)
		}
	}
	for x := range 480 {
		if c := color.NRGBAModel.Convert(seen.At(x, 240)).(color.NRGBA); c.A > 0 && c.G > 8 {
			t.Errorf("at %d the hidden green shows: %v", x, c)
		}
	}
}

// Any shape: no side is lost, and none is longer than it may be.
func TestShapes(t *testing.T) {
	for _, c := range []struct{ w, h, wantW, wantH int }{
		{1, 1, 1, 1}, {480, 480, 480, 480}, {481, 481, 480, 480}, {20000, 1, 480, 1}, {1, 20000, 1, 480}, {3000, 7, 480, 1}, {959, 961, 479, 480}, {2000, 1000, 480, 240},
	} {
		made, err := Thumbnails(encoded(t, "png", image.NewGray(image.Rect(0, 0, c.w, c.h))), roomy)
		if err != nil {
			t.Errorf("%d by %d: %v", c.w, c.h, err)
			continue
		}
		got, _, err := image.DecodeConfig(bytes.NewReader(made[len(made)-1].Content))
		if err != nil || got.Width != c.wantW || got.Height != c.wantH {
			t.Errorf("%d by %d became %d by %d, want %d by %d (%v)", c.w, c.h, got.Width, got.Height, c.wantW, c.wantH, err)
		}
	}
}

// A small file that unfolds into noise does not become thumbnails that take many times its space.
func TestThumbnailsAreNoWayAroundTheQuota(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for name, m := range map[string]image.Image{"opaque": noise(random, 255), "transparent": noise(random, 254)} {
		content := encoded(t, "png", m)
		made, err := Thumbnails(content, roomy)
		sum := 0
		for _, thumbnail := range made {
			sum += len(thumbnail.Content)
		}
		if sum > max(freeSpace, len(content)) || (err != nil && !errors.Is(err, ErrCostly)) {
			t.Errorf("%s: %d bytes became thumbnails of %d (%v)", name, len(content), sum, err)
		}
		if len(content) > freeSpace {
			t.Errorf("%s: the file of %d bytes is not small", name, len(content))
		}
		t.Logf("%s: %d bytes became %d thumbnails of %d", name, len(content), len(made), sum)
	}
}

// noise repeats rows, which deflate finds and JPEG does not.
func noise(random *rand.Rand, alpha uint8) image.Image {
	m := image.NewNRGBA(image.Rect(0, 0, 480, 480))
	row := make([]byte, 4*480)
	for i := range row {
		row[i] = uint8(random.Uint32())
		if i%4 == 3 {
			row[i] = alpha
		}
	}
	for y := range 480 {
		copy(m.Pix[y*m.Stride:], row[y%7*4:])
		copy(m.Pix[y*m.Stride+4*480-y%7*4:], row)
	}
	for i := 3; i < len(m.Pix); i += 4 {
		m.Pix[i] = alpha
	}
	return m
}
