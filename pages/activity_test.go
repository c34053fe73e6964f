package pages

import (
	"testing"

	"github.com/satchelhq/satchel/pages/catalogue"
)

// The audit log's own phrases are told in the language of the page; what people named is told as it is.
func TestDetailsOfTheActivity(t *testing.T) {
	p := newPages(t, built())
	for _, test := range []struct{ event, detail, english, chinese string }{
		{"sign_in", "passkey", "with a passkey", "通过通行密钥"},
		{"sign_in", "password and code, on the pages", "with password and code, on the pages", "通过密码和验证码，在网页上"},
		{"sign_in_failed", "wrong password, in a session", "wrong password, in a session", "登录后操作时密码错误"},
		{"sessions_ended", "3 ended", "<bdi>3</bdi> ended", "<bdi>3</bdi> 个"},
		{"code_sent", "reset a…@example.org", "for a new password: <bdi>a…@example.org</bdi>", "用于重设密码：<bdi>a…@example.org</bdi>"},
		{"quota_changed", "2000000 bytes", "<bdi>2.0 MB</bdi>", "<bdi>2.0 MB</bdi>"},
		{"quota_changed", "no limit", "no limit", "不限"},
		{"role_changed", "user to admin", "user to administrator", "普通用户改为管理员"},
		{"share_made", "drop of /Our Photos (06h2i)", "to send files to: <bdi>/Our Photos (06h2i)</bdi>", "仅限上传：<bdi>/Our Photos (06h2i)</bdi>"},
		{"user_created", "eve (admin)", "<bdi>eve</bdi>, administrator", "<bdi>eve</bdi>，管理员"},
		{"invitation_created", "06h2i for 12", "<bdi>06h2i</bdi>, for <bdi>12</bdi>", "<bdi>06h2i</bdi>，可注册账户数：<bdi>12</bdi>"},
		{"email_changed", "a…@example.org", "<bdi>a…@example.org</bdi>", "<bdi>a…@example.org</bdi>"},
		{"passkey_added", "passkey", "<bdi>passkey</bdi>", "<bdi>passkey</bdi>"}, // its name
		{"app_password_created", "3 ended <b>", "<bdi>3 ended &lt;b&gt;</bdi>", "<bdi>3 ended &lt;b&gt;</bdi>"},
		{hostile, "", "<bdi></bdi>", "<bdi></bdi>"},
	} {
		for l, want := range map[catalogue.Language]string{catalogue.English: test.english, catalogue.Chinese: test.chinese} {
			if got, err := p.detail(l, test.event, test.detail); err != nil || string(got) != want {
				t.Errorf("%s of %s in %s is %q, %v; want %q", test.detail, test.event, l, got, err, want)
			}
		}
	}
}
