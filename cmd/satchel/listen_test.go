package main

import (
	"testing"

	"github.com/satchelhq/satchel/config"
)

// The start says who may make an account, as the settings have it.
func TestNewcomers(t *testing.T) {
	const issuer = "https://accounts.example.org"
	for _, c := range []struct{ registration, verify, issuer, there, want string }{
		{"open", "none", "", "follow", "anyone"},
		{"open", "email", "", "follow", "anyone with a confirmed e-mail address"},
		{"open", "email", issuer, "follow", "anyone with a confirmed e-mail address, and whoever signs in at " + issuer},
		{"open", "phone", issuer, "follow", "anyone with a confirmed phone number"},
		{"open", "none", issuer, "closed", "anyone"},
		{"invite", "none", issuer, "follow", "the invited (satchel invite create)"},
		{"invite", "phone", "", "follow", "the invited with a confirmed phone number (satchel invite create)"},
		{"closed", "email", "", "open", "nobody by themselves (satchel user add)"},
		{"closed", "none", issuer, "open", "nobody by themselves (satchel user add), and whoever signs in at " + issuer},
	} {
		settings := config.Default()
		settings.Registration, settings.Verify, settings.OIDCIssuer, settings.OIDCRegistration = c.registration, c.verify, c.issuer, c.there
		if got := newcomers(&settings); got != c.want {
			t.Errorf("registration = %s, verify = %s, oidc_issuer = %q, oidc_registration = %s: %q, want %q", c.registration, c.verify, c.issuer, c.there, got, c.want)
		}
	}
}
