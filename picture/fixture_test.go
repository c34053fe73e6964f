package picture

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"testing"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
)

// roomy is what the server gives a workshop.
var roomy = Limits{Memory: 256 << 20}

// corners is an image with another colour in each quarter.
func corners(w, h int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.RGBA{255, 0, 0, 255} // top left
			switch {
			case x >= w/2 && y < h/2:
				c = color.RGBA{0, 255, 0, 255}
			case x < w/2 && y >= h/2:
				c = color.RGBA{0, 0, 255, 255}
			case x >= w/2:
				c = color.RGBA{255, 255, 255, 255}
			}
			m.SetRGBA(x, y, c)
		}
	}
	return m
}

// cornersOf names the colours of a picture's corners: top left, top right, bottom left, bottom right.
func cornersOf(t testing.TB, content []byte) string {
	t.Helper()
	m, _, err := image.Decode(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	b := m.Bounds()
	name := func(x, y int) string {
		r, g, b, _ := m.At(x, y).RGBA()
		bit := func(v uint32) int {
			if v > 0x8000 {
				return 1
			}
			return 0
		}
		return map[int]string{0b100: "red", 0b010: "green", 0b001: "blue", 0b111: "white"}[bit(r)<<2|bit(g)<<1|bit(b)]
	}
	left, right, top, bottom := b.Min.X+b.Dx()/8, b.Max.X-1-b.Dx()/8, b.Min.Y+b.Dy()/8, b.Max.Y-1-b.Dy()/8
	return name(left, top) + " " + name(right, top) + " " + name(left, bottom) + " " + name(right, bottom)
}

func encoded(t testing.TB, format string, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	var err error
	switch format {
	case "jpeg":
		err = jpeg.Encode(&b, m, &jpeg.Options{Quality: 95})
	case "png":
		err = png.Encode(&b, m)
	case "gif":
		err = gif.Encode(&b, m, nil)
	case "bmp":
		err = bmp.Encode(&b, m)
	case "tiff":
		err = tiff.Encode(&b, m, &tiff.Options{Compression: tiff.Deflate})
	default:
		t.Fatalf("nothing writes %s", format)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// dot is a WebP of one pixel.
func dot(t testing.TB) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString("UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// entry is a tag of a directory (TIFF 6.0, section 2).
type entry struct {
	tag, kind    uint16
	count, value uint32
}

// exif is a TIFF of directories that are only tags: the first is at 8. next is where each says that the next one is.
func exif(next uint32, entries ...entry) []byte {
	order := binary.LittleEndian
	b := []byte("II*\x00\x08\x00\x00\x00")
	b = order.AppendUint16(b, uint16(len(entries)))
	for _, e := range entries {
		b = order.AppendUint16(b, e.tag)
		b = order.AppendUint16(b, e.kind)
		b = order.AppendUint32(b, e.count)
		b = order.AppendUint32(b, e.value)
	}
	return order.AppendUint32(b, next)
}

func turned(o int) []byte { return exif(0, entry{0x0112, 3, 1, uint32(o)}) }

// withEXIF puts EXIF into an image.
func withEXIF(t testing.TB, format string, content, block []byte) []byte {
	t.Helper()
	switch format {
	case "jpeg":
		segment := append([]byte("Exif\x00\x00"), block...)
		head := binary.BigEndian.AppendUint16([]byte{0xff, 0xd8, 0xff, 0xe1}, uint16(len(segment)+2))
		return append(append(head, segment...), content[2:]...)
	case "png":
		const afterHeader = 8 + 25
		return append(append(bytes.Clone(content[:afterHeader]), chunk("eXIf", block)...), content[afterHeader:]...)
	}
	t.Fatalf("nothing puts EXIF into %s", format)
	return nil
}

// chunk is a chunk of a PNG.
func chunk(kind string, data []byte) []byte {
	body := append([]byte(kind), data...)
	b := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	return binary.BigEndian.AppendUint32(append(b, body...), crc32.ChecksumIEEE(body))
}

// pngHeader is a PNG's beginning (PNG, section 11.2.1).
func pngHeader(w, h uint32, depth, colours, interlace byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, w)
	b = binary.BigEndian.AppendUint32(b, h)
	return append([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", append(b, depth, colours, 0, 0, interlace))...)
}
