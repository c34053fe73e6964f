package authn

import "testing"

func TestPrincipalNamed(t *testing.T) {
	for _, c := range []struct {
		username, name string
		want           bool
	}{
		{"ann", "ann", true},
		{"ann", "ANN", true},
		{"Jos\u00e9", "jose\u0301", true},
		{"ann", "bob", false},
		{"ann", "an", false},
		{"ann", "annn", false},
		{"ann", "", false},
		{"ann", "ann/", false},
		{"", "/", false},
	} {
		if got := (Principal{Username: c.username}).Named(c.name); got != c.want {
			t.Errorf("%q named %q: %v", c.username, c.name, got)
		}
	}
}
