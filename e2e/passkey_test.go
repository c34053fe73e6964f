package e2e

import (
	"encoding/json"
	"testing"
)

// The second factor with a person's browser and a virtual authenticator in it.
func TestPasskeyInABrowser(t *testing.T) {
	chromium := program(t, "chromium", "chromium")
	for _, scenario := range []string{"passkey", "app", "look"} { // of passkey.mjs
		t.Run(scenario, func(t *testing.T) {
			s := start(t)
			folder := t.TempDir()
			var done bool
			script := node(t, "passkey.mjs", scenario, chromium, s.URL, folder)
			defer keepScreenshots(t, folder)
			lines(t, script, func(line string) {
				var event struct{ Event string }
				if err := json.Unmarshal([]byte(line), &event); err != nil {
					t.Fatalf("%v: %s", err, line)
				}
				done = done || event.Event == "done"
				t.Log(line)
			})
			if !done {
				t.Fatal("the script ended before its end")
			}
		})
	}
}
