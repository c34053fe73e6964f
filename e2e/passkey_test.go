package e2e

import "testing"

// The second factor with a person's browser and a virtual authenticator in it.
func TestPasskeyInABrowser(t *testing.T) {
	t.Parallel()
	for _, scenario := range []string{"passkey", "app", "look"} { // of passkey.mjs
		t.Run(scenario, func(t *testing.T) {
			eachView(t, chinese, func(t *testing.T, size, language string) {
				scene(t, "passkey.mjs", scenario, start(t).URL, t.TempDir(), size, language)
			})
		})
	}
}
