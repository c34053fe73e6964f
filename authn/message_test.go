package authn

import (
	"slices"
	"strings"
	"testing"

	"github.com/satchelhq/satchel/pages/catalogue"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// sentTo empties the office and answers the messages to an address.
func (n *node) sentTo(t *testing.T, o *postOffice, to string) []Message {
	t.Helper()
	return slices.DeleteFunc(slices.Clone(n.delivered(t, o)), func(m Message) bool { return m.To != to })
}

// Each message is in the language of who did what it is about, and whole.
func TestMessagesAreInTheLanguageOfWhoAsked(t *testing.T) {
	for language, says := range map[string]struct {
		is                                                  string
		register, claimed, known, address, elsewhere, reset string
		resetDone, emailGone, phoneGone                     string
	}{
		"": {"en", "to make an account", "loses it", "You have one already", "to add this address", "Another account has it", "new password of the account",
			"has a new password", "no longer has this e-mail address", "no longer has this phone number"},
		"zh-CN": {"zh-CN", "注册账户", "从那个账户中移除", "你已有账户", "添加此地址", "已属于另一个账户", "重设密码", "密码已更改", "不再使用此邮箱", "不再使用此手机号"},
		"zh-TW,zh;q=0.9,en;q=0.5": {"zh-CN", "注册账户", "从那个账户中移除", "你已有账户", "添加此地址", "已属于另一个账户", "重设密码", "密码已更改", "不再使用此邮箱",
			"不再使用此手机号"},
	} {
		sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
			o := &postOffice{}
			n := newNode(t, db, withPost(o, VerifyEmail))
			c := visitor()
			c.Language = language
			last := ""
			ask := func(p Principal, purpose, to, want string) string {
				t.Helper()
				if _, err := n.SendCode(t.Context(), p, CodeRequest{Purpose: purpose, To: to}, c); err != nil {
					t.Fatal(err)
				}
				sent := n.sentTo(t, o, to)
				if len(sent) != 1 || sent[0].Language != says.is || !strings.Contains(sent[0].Text, want) || sent[0].Subject == "" ||
					sent[0].Code != "" && !strings.HasPrefix(sent[0].Text, sent[0].Code+" ") {
					t.Errorf("%s to %s: %+v; want %q in %s", purpose, to, sent, want, says.is)
					return ""
				}
				n.clock.advance(codeMemory)
				last = sent[0].Text
				return sent[0].Code
			}
			told := func(to, want string) {
				t.Helper()
				if sent := n.sentTo(t, o, to); len(sent) != 1 || sent[0].Language != says.is || !strings.Contains(sent[0].Text, want) || !strings.Contains(sent[0].Text, "ann") {
					t.Errorf("%s was told %+v; want %q in %s", to, sent, want, says.is)
				}
			}
			ann, bob := n.verifiedUser(t, o, "ann"), n.verifiedUser(t, o, "bob")
			n.delivered(t, o)
			ask(Principal{}, CodeRegister, "mia@example.org", says.register)
			ask(Principal{}, CodeRegister, "ann@example.org", says.known)
			if _, err := db.Exec(t.Context(), `UPDATE users SET email_verified_at = 0 WHERE username = 'bob'`); err != nil {
				t.Fatal(err)
			}
			ask(Principal{}, CodeRegister, "bob@example.org", says.register)
			if !strings.Contains(last, says.claimed) {
				t.Errorf("nothing of the account that has it: %s", last)
			}
			p := Principal{UserID: ann.User.ID, Username: "ann"}
			ask(p, CodeEmail, "bob@example.org", says.address)
			if !strings.Contains(last, says.claimed) {
				t.Errorf("nothing of the account that has it: %s", last)
			}
			ask(Principal{UserID: bob.User.ID}, CodeEmail, "ann@example.org", says.elsewhere)
			for _, phone := range []string{"+4915112345678", "+4915112345679"} {
				code := n.codeIn(t, o, p, CodeRequest{Purpose: CodePhone, To: phone}, c)
				if _, err := n.ChangePhone(t.Context(), p, phone, code, Proof{Password: password}, c); err != nil {
					t.Fatal(err)
				}
			}
			told("+4915112345678", says.phoneGone)
			code := n.codeIn(t, o, p, CodeRequest{Purpose: CodeEmail, To: "anna@example.org"}, c)
			if _, err := n.ChangeEmail(t.Context(), p, "anna@example.org", code, Proof{Password: password}, c); err != nil {
				t.Fatal(err)
			}
			told("ann@example.org", says.emailGone)
			code = n.codeIn(t, o, Principal{}, CodeRequest{Purpose: CodeReset, To: "anna@example.org"}, c)
			if text := o.sent[len(o.sent)-1].Text; !strings.Contains(text, says.reset) || !strings.Contains(text, "ann") {
				t.Errorf("the code for a new password: %s", text)
			}
			if err := n.ResetPassword(t.Context(), "anna@example.org", code, "another long password", c); err != nil {
				t.Fatal(err)
			}
			told("anna@example.org", says.resetDone)
		})
	}
}

// codeIn is codeFor for a client.
func (n *node) codeIn(t *testing.T, o *postOffice, p Principal, r CodeRequest, c Client) string {
	t.Helper()
	n.delivered(t, o) // what waits is of no matter here
	if _, err := n.SendCode(t.Context(), p, r, c); err != nil {
		t.Fatal(err)
	}
	sent := n.sentTo(t, o, r.To)
	if len(sent) != 1 || sent[0].Code == "" {
		t.Fatalf("a code for %s to %s: %+v", r.Purpose, r.To, sent)
	}
	n.clock.advance(2 * codeResend)
	return sent[0].Code
}

// A message that is not there is an error and no empty letter.
func TestThereIsNoMessageWithoutWords(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		if subject, text, err := n.words(catalogue.Chinese, "nothing"); err == nil {
			t.Errorf("%q, %q", subject, text)
		}
	})
}
