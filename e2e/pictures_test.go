package e2e

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"testing"
)

// The pictures of README.md, as the pages are: `make pictures` takes them anew. They are small enough to be kept with the source.
func TestPicturesOfTheReadme(t *testing.T) {
	t.Parallel()
	s := start(t)
	ann := s.Register(t, "ann")
	for _, folder := range []string{"Photos", "Photos/Lakes 2026", "Photos/Winter"} {
		send(t, ann.Basic, "MKCOL", s.URL+"/dav/"+escaped(folder), nil, nil)
	}
	for i, name := range []string{
		"Dunes", "Evening fog", "First snow", "Harbour at dawn", "Lighthouse", "Meadow", "Northern bay", "Pines", "Ridge", "River bend", "Sand", "Terraces",
	} {
		answer := send(t, ann.Basic, "PUT", s.URL+"/dav/Photos/"+escaped(name)+".jpg", nil, bytes.NewReader(landscape(t, float64(i))))
		if answer.StatusCode != 201 {
			t.Fatal(name, answer.Status)
		}
	}
	folder := t.TempDir()
	scene(t, "pictures.mjs", "readme", s.URL, folder)
	for name, size := range map[string]image.Point{"drive.png": {1280, 800}, "phone.png": {720, 1480}} {
		for _, path := range []string{filepath.Join(folder, name), filepath.Join("../docs", name)} {
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			picture, err := png.DecodeConfig(bytes.NewReader(content))
			if err != nil || (image.Point{picture.Width, picture.Height}) != size || len(content) > 200_000 {
				t.Errorf("%s: %v, %d by %d, %d bytes", path, err, picture.Width, picture.Height, len(content))
			}
		}
	}
}

func escaped(path string) string { return (&url.URL{Path: path}).EscapedPath() }

// landscape is a photo of hills before a sky, another one for each number.
func landscape(t *testing.T, number float64) []byte {
	t.Helper()
	const width, height = 640, 480
	hue := math.Mod(number*0.29, 1)
	shade := func(light float64) color.RGBA {
		c := [3]uint8{}
		for i := range c {
			c[i] = uint8(255 * light * (0.65 + 0.35*math.Cos(2*math.Pi*(hue+float64(i)/3))))
		}
		return color.RGBA{c[0], c[1], c[2], 255}
	}
	picture := image.NewRGBA(image.Rect(0, 0, width, height))
	sun := image.Pt(100+int(number*97)%440, 120)
	for x := range width {
		for y := range height {
			light := 0.7 + 0.3*float64(y)/height
			if dx, dy := float64(x-sun.X), float64(y-sun.Y); math.Hypot(dx, dy) < 34 {
				picture.Set(x, y, color.RGBA{255, 250, 235, 255})
				continue
			}
			for hill := range 5 {
				k := float64(hill)
				if float64(y) > 200+60*k+34*math.Sin(float64(x)/(60+12*k)+number*1.7+k*2.1) {
					light = 0.6 - 0.12*k
				}
			}
			picture.Set(x, y, shade(light))
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, picture, &jpeg.Options{Quality: 80}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
