package e2e

import (
	"bytes"
	byteorder "encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"
)

// What people see: images with keys and fingers, sound with seeking, text, Markdown and the rest, light and dark.
func TestLookingAtFiles(t *testing.T) {
	t.Parallel()
	s := start(t)
	ann := s.Register(t, "ann")
	for i, name := range []string{"1 beach.jpg", "2 forest.jpg", "4 glass.png"} {
		ann.Put(t, name, scenery(t, i, strings.HasSuffix(name, "png")))
	}
	ann.Put(t, "3 notes between.txt", "Plain text.\n\n"+strings.Repeat("A line that is rather long, so that a phone would have to be scrolled sideways if it were not wrapped.\n", 40))
	ann.Put(t, "drawing.svg", `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 50"><rect width="100" height="50" fill="#8a4b2a"/></svg>`)
	ann.Put(t, "readme.md", "# A title\n\nSome *text* with a [link](3%20notes%20between.txt), `code` and 熊.\n\n- one\n- two\n\n> quoted\n\n| Name | Size |\n|---|---:|\n| a | 1 |\n\n```go\nfunc main() { println(\"a line of code that is longer than a phone is wide, or so one hopes\") }\n```\n")
	ann.Put(t, "main.go", "package main\n\nfunc main() {\n\tprintln(\"<b>hello</b>\")\n}\n")
	ann.Put(t, "song.wav", sound())
	ann.Put(t, "paper.pdf", strings.ReplaceAll(scriptedPDF, "ELSEWHERE", s.URL))
	ann.Put(t, "archive.zip", "PK\x05\x06"+strings.Repeat("\x00", 18))
	eachView(t, chinese, func(t *testing.T, size, language string) {
		scene(t, "viewer.mjs", "look", s.URL, t.TempDir(), size, language)
	})
}

// scenery is an image that is as large as a photo.
func scenery(t *testing.T, kind int, glass bool) string {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, 1600, 1000+kind*400))
	for y := range m.Rect.Dy() {
		for x := range m.Rect.Dx() {
			c := color.NRGBA{uint8(200 - y/8), uint8(120 + 40*kind), uint8(x / 8), 255}
			if glass && (x/200+y/200)%2 == 0 {
				c.A = 0
			}
			m.SetNRGBA(x, y, c)
		}
	}
	var b bytes.Buffer
	var err error
	if glass {
		err = png.Encode(&b, m)
	} else {
		err = jpeg.Encode(&b, m, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// sound is a minute of silence as a WAV file of 10 MB.
func sound() string {
	const rate, frame, seconds = 44100, 4, 60
	order := byteorder.LittleEndian
	b := order.AppendUint32([]byte("RIFF"), 36+rate*frame*seconds)
	b = order.AppendUint32(append(b, "WAVEfmt "...), 16)
	b = order.AppendUint16(order.AppendUint16(b, 1), 2)
	b = order.AppendUint32(order.AppendUint32(b, rate), rate*frame)
	b = order.AppendUint16(order.AppendUint16(b, frame), 16)
	b = order.AppendUint32(append(b, "data"...), rate*frame*seconds)
	return string(b) + strings.Repeat("\x00", rate*frame*seconds)
}
