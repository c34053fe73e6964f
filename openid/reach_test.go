package openid

import (
	"net/url"
	"testing"
)

// A provider names the addresses at which we send it our secret. Those must not be services of our own machine, which listen there because nobody
// else gets to them.
func TestAttackProviderThatSendsUsToOurOwnMachine(t *testing.T) {
	for _, c := range []struct {
		issuer, address string
		want            bool
	}{
		{"https://accounts.example.org", "https://accounts.example.org/token", true},
		{"https://accounts.example.org", "https://oauth2.example.com/token", true},
		{"https://accounts.example.org", "http://oauth2.example.com/token", false},
		{"https://accounts.example.org", "http://localhost:9100/token", false},
		{"https://accounts.example.org", "http://LOCALHOST./token", false},
		{"https://accounts.example.org", "http://127.0.0.1:9100/token", false},
		{"https://accounts.example.org", "http://127.8.8.8/token", false},
		{"https://accounts.example.org", "http://[::1]/token", false},
		{"https://accounts.example.org", "http://[::ffff:127.0.0.1]/token", false},
		{"https://accounts.example.org", "https://127.0.0.1/token", false},
		{"https://accounts.example.org", "javascript:alert(1)", false},
		{"http://127.0.0.1:8080", "http://127.0.0.1:8080/token", true},
		{"http://localhost:8080", "http://127.0.0.1:8080/token", true},
		{"http://localhost:8080", "http://accounts.example.org/token", false},
	} {
		issuer, err := url.Parse(c.issuer)
		if err != nil {
			t.Fatal(err)
		}
		address, err := url.Parse(c.address)
		if err != nil {
			t.Fatal(err)
		}
		if got := mayName(issuer, address); got != c.want {
			t.Errorf("%s names %s: %v", c.issuer, c.address, got)
		}
	}
}
