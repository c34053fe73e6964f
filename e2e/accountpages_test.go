package e2e

import "testing"

// A person walks through the pages of the own account, on a phone and on a desktop, in English and in Chinese.
func TestAccountPages(t *testing.T) {
	t.Parallel()
	for _, size := range []string{"360x740", "1280x800"} {
		for _, locale := range []string{"en-GB", "zh-CN"} {
			t.Run(size+" "+locale, func(t *testing.T) {
				t.Parallel()
				scene(t, "accountpages.mjs", size, start(t).URL, t.TempDir(), locale)
			})
		}
	}
}
