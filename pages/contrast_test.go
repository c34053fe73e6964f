package pages

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var variable = regexp.MustCompile(`--([a-z-]+):\s*(#[0-9a-f]{6});`)

// Text on its ground has a contrast of at least 4.5:1 (WCAG 2.2, success criterion 1.4.3), edges of inputs and
// bars 3:1 (1.4.11), in light and dark.
func TestContrast(t *testing.T) {
	css, err := sourceFiles.ReadFile("src/satchel.css")
	if err != nil {
		t.Fatal(err)
	}
	light, dark, found := strings.Cut(string(css), "@media (prefers-color-scheme: dark)")
	if !found {
		t.Fatal("there is no dark scheme")
	}
	dark, _, _ = strings.Cut(dark, "/* The top */")
	for scheme, text := range map[string]string{"light": light, "dark": dark} {
		colours := map[string]string{}
		for _, m := range variable.FindAllStringSubmatch(text, -1) {
			colours[m[1]] = m[2]
		}
		for _, c := range []struct {
			front, ground string
			least         float64
		}{
			{"ink", "paper", 4.5}, {"ink", "sheet", 4.5}, {"ink", "sunken", 4.5}, {"ink", "wash", 4.5}, {"ink", "bad-wash", 4.5},
			{"soft", "paper", 4.5}, {"soft", "sheet", 4.5}, {"soft", "sunken", 4.5},
			{"accent", "paper", 4.5}, {"accent", "sheet", 4.5}, {"accent-strong", "paper", 4.5}, {"on-accent", "accent", 4.5}, {"on-accent", "accent-strong", 4.5},
			{"bad", "sheet", 4.5}, {"sheet", "bad", 4.5}, {"good", "sheet", 4.5},
			{"edge", "sheet", 3}, {"accent", "line", 3}, {"bad", "bad-wash", 3},
		} {
			if got := contrast(t, colours[c.front], colours[c.ground]); got < c.least {
				t.Errorf("%s: %s on %s is %.2f:1, want %.1f:1", scheme, c.front, c.ground, got, c.least)
			}
		}
	}
}

func contrast(t *testing.T, a, b string) float64 {
	x, y := luminance(t, a), luminance(t, b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// luminance is WCAG's relative luminance of "#rrggbb".
func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	n, err := strconv.ParseUint(strings.TrimPrefix(colour, "#"), 16, 32)
	if err != nil {
		t.Fatal(fmt.Errorf("a colour is missing: %w", err))
	}
	linear := func(shift uint) float64 {
		c := float64(n>>shift&0xff) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(16) + 0.7152*linear(8) + 0.0722*linear(0)
}
