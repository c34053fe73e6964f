package e2e

import "testing"

// A person walks through the pages of the own account.
func TestAccountPages(t *testing.T) {
	t.Parallel()
	eachView(t, chinese, func(t *testing.T, size, language string) {
		scene(t, "accountpages.mjs", size, start(t).URL, t.TempDir(), language)
	})
}
