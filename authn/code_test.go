package authn

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// postOffice is a post office: it keeps what was sent.
type postOffice struct {
	mu    sync.Mutex
	sent  []Message
	tries int
	fail  func(try int) error
}

func (o *postOffice) Send(_ context.Context, m Message) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tries++
	if o.fail != nil {
		if err := o.fail(o.tries); err != nil {
			return err
		}
	}
	o.sent = append(o.sent, m)
	return nil
}

// withPost makes the accounts send to an office, and asks newcomers to prove an address.
func withPost(o *postOffice, verify string) func(*Options) {
	return func(options *Options) {
		options.Mail, options.Texts, options.Verify = o, o, verify
		options.RetryPause = time.Microsecond
	}
}

// delivered sends all that waits, here and now, and answers it.
func (n *node) delivered(t *testing.T, o *postOffice) []Message {
	t.Helper()
	o.mu.Lock()
	before := len(o.sent)
	o.mu.Unlock()
	for len(n.outbox) > 0 {
		n.deliver(t.Context(), <-n.outbox)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.sent[before:]
}

// codeFor asks for a code and answers the one that came.
func (n *node) codeFor(t *testing.T, o *postOffice, p Principal, r CodeRequest) string {
	t.Helper()
	sent, err := n.SendCode(t.Context(), p, r, visitor())
	if err != nil {
		t.Fatalf("a code for %s to %s: %v", r.Purpose, r.To, err)
	}
	if sent != (CodeSent{10 * time.Minute, time.Minute}) {
		t.Errorf("the answer is %+v", sent)
	}
	all := n.delivered(t, o)
	if len(all) != 1 || !regexp.MustCompile(`^\d{6}$`).MatchString(all[0].Code) || !strings.HasPrefix(all[0].Text, all[0].Code+" ") {
		t.Fatalf("a code for %s to %s: sent were %+v", r.Purpose, r.To, all)
	}
	return all[0].Code
}

func visitor() Client { return Client{Address: "198.51.100.7", UserAgent: "test"} }

// other is a code that is not the right one.
func other(code string) string {
	return code[:5] + string('0'+(code[5]-'0'+1)%10)
}

// verifiedUser registers an account whose e-mail address is proven.
func (n *node) verifiedUser(t *testing.T, o *postOffice, name string) SignIn {
	t.Helper()
	email := name + "@example.org"
	code := n.codeFor(t, o, Principal{}, CodeRequest{Purpose: CodeRegister, To: email})
	s := n.register(t, Registration{Username: name, Password: password, Email: email, Code: code})
	n.clock.advance(2 * time.Hour) // past all bounds
	return s
}

func TestACodeProvesTheAddressBeforeTheAccountIsMade(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := &postOffice{}
		n := newNode(t, db, withPost(o, VerifyEmail))
		_, err := n.Register(t.Context(), Registration{Username: "ann", Password: password, Email: "Ann@Example.org"}, visitor())
		refused(t, "no code", err, fault.Invalid, "invalid_fields")
		code := n.codeFor(t, o, Principal{}, CodeRequest{Purpose: CodeRegister, To: "Ann@Example.org"})
		r := Registration{Username: "ann", Password: password, Email: "ann@example.org", Code: other(code)}
		_, err = n.Register(t.Context(), r, visitor())
		refused(t, "a wrong code", err, fault.Invalid, "wrong_code")
		r.Code, r.Email = code, "bob@example.org"
		_, err = n.Register(t.Context(), r, visitor())
		refused(t, "another address", err, fault.Invalid, "wrong_code")
		r.Email, r.Phone = "ann@example.org", "+4915112345678"
		_, err = n.Register(t.Context(), r, visitor())
		refused(t, "an address that is not proven besides", err, fault.Invalid, "invalid_fields")
		r.Phone, r.Code = "", " "+code[:3]+" "+code[3:] // as people type it
		s := n.register(t, r)
		if !s.User.EmailVerified || s.User.PhoneVerified {
			t.Errorf("%+v", s.User)
		}
		if u, err := n.User(t.Context(), s.User.ID); err != nil || u != s.User {
			t.Errorf("stored %+v, %v; answered %+v", u, err, s.User)
		}
		r.Username = "bob"
		_, err = n.Register(t.Context(), r, visitor())
		refused(t, "a code that was used", err, fault.Invalid, "wrong_code")
		for event, want := range map[string]int{AuditCodeSent: 1, AuditRegister: 1} {
			if got := count(t, db, `SELECT COUNT(*) FROM audit WHERE event = $1`, event); got != want {
				t.Errorf("%d lines of %s, want %d", got, event, want)
			}
		}
		if got := count(t, db, `SELECT COUNT(*) FROM audit WHERE detail LIKE '%' || $1 || '%' OR detail LIKE '%nn@%'`, code); got != 0 {
			t.Error("the audit log tells a code or an address")
		}
	})
}

func TestAPhoneIsProvenAsAnEmailAddressIs(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := &postOffice{}
		n := newNode(t, db, withPost(o, VerifyPhone))
		code := n.codeFor(t, o, Principal{}, CodeRequest{Purpose: CodeRegister, To: "+49 151 1234-5678"})
		if m := o.sent[0]; m.To != "+4915112345678" || m.Kind != "phone" {
			t.Errorf("%+v", m)
		}
		s := n.register(t, Registration{Password: password, Phone: "+49 (0)151 12345678", Code: code})
		if !s.User.PhoneVerified || s.User.Phone != "+4915112345678" || strings.ContainsAny(s.User.Username, "12345678") && strings.Contains(s.User.Username, "1512") {
			t.Errorf("%+v", s.User)
		}
		_, err := n.Login(t.Context(), Credentials{Login: "+49 151 12345678", Password: password}, visitor())
		accepted(t, "signing in with the number as it is typed", err)
	})
}

func TestCodeRequestsThatMakeNoSense(t *testing.T) {
	db := sqldbtest.OpenSQLite(t)
	o := &postOffice{}
	n := newNode(t, db, withPost(o, VerifyEmail))
	bare := newNode(t, db)
	for _, c := range []struct {
		n    *node
		r    CodeRequest
		kind fault.Kind
		want string
	}{
		{n, CodeRequest{Purpose: "", To: "a@example.org"}, fault.Invalid, "purpose invalid"},
		{n, CodeRequest{Purpose: CodeReset}, fault.Invalid, "to required"},
		{n, CodeRequest{Purpose: CodeReset, To: "ann"}, fault.Invalid, "to invalid"},
		{n, CodeRequest{Purpose: CodeReset, To: "+1234567"}, fault.Invalid, "to invalid"},
		{n, CodeRequest{Purpose: CodeRegister, To: "+4915112345678"}, fault.Invalid, "to invalid"},
		{n, CodeRequest{Purpose: CodeEmail, To: "a@example.org"}, fault.Unauthenticated, ""},
		{n, CodeRequest{Purpose: CodeRegister, To: "a@example.org", Invitation: "nonsense"}, fault.Forbidden, ""},
		{bare, CodeRequest{Purpose: CodeRegister, To: "a@example.org"}, fault.Invalid, "purpose unsupported"},
		{bare, CodeRequest{Purpose: CodeReset, To: "a@example.org"}, fault.Invalid, "to no_sender"},
		{bare, CodeRequest{Purpose: CodeReset, To: "+4915112345678"}, fault.Invalid, "to no_sender"},
	} {
		_, err := c.n.SendCode(t.Context(), Principal{}, c.r, visitor())
		_, _, fields := fault.Public(err)
		got := ""
		if len(fields) == 1 {
			got = fields[0].Name + " " + fields[0].Code
		}
		if !fault.Is(err, c.kind) || got != c.want {
			t.Errorf("%+v: %v, want %s %q", c.r, err, c.kind, c.want)
		}
	}
	if rows := count(t, db, `SELECT COUNT(*) FROM codes`); rows != 0 || len(n.outbox)+len(bare.outbox) != 0 {
		t.Errorf("%d codes were made", rows)
	}
}

// Attack: who has an account? POST /codes answers the same, writes the same rows and leaves the same amount of work, whoever's the address is.
func TestCodesDoNotTellWhoHasAnAccount(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := &postOffice{}
		n := newNode(t, db, withPost(o, VerifyEmail))
		ann := n.verifiedUser(t, o, "ann")
		n.clock.advance(48 * time.Hour)
		for _, purpose := range []string{CodeRegister, CodeReset} {
			known, knownErr := n.SendCode(t.Context(), Principal{}, CodeRequest{Purpose: purpose, To: "ann@example.org"}, visitor())
			unknown, unknownErr := n.SendCode(t.Context(), Principal{}, CodeRequest{Purpose: purpose, To: "bob@example.org"}, visitor())
			if known != unknown || knownErr != nil || unknownErr != nil {
				t.Errorf("%s: %v %v for an address with an account, %v %v without", purpose, known, knownErr, unknown, unknownErr)
			}
			for _, to := range []string{"ann@example.org", "bob@example.org"} {
				if rows := count(t, db, `SELECT COUNT(*) FROM codes WHERE target = $1 AND purpose = $2 AND used_at = 0`, to, purpose); rows != 1 {
					t.Errorf("%s to %s: %d rows", purpose, to, rows)
				}
				_, err := n.SendCode(t.Context(), Principal{}, CodeRequest{Purpose: purpose, To: to}, visitor())
				refused(t, "again at once, "+purpose+" to "+to, err, fault.TooMany, "too_many_codes")
			}
			if len(n.outbox) != 2 {
				t.Errorf("%s: %d messages wait, one for each", purpose, len(n.outbox))
			}
			sent := n.delivered(t, o)
			switch {
			case purpose == CodeReset && (len(sent) != 1 || sent[0].To != "ann@example.org" || sent[0].Code == ""):
				t.Errorf("a forgotten password: %+v", sent)
			case purpose == CodeRegister && (len(sent) != 2 || sent[0].Code != "" || !strings.Contains(sent[0].Text, ann.User.Username) || sent[1].Code == ""):
				t.Errorf("registering: %+v", sent)
			}
		}
		// What they are used for answers the same, too.
		for _, to := range []string{"ann@example.org", "bob@example.org"} {
			refused(t, "reset of "+to, n.ResetPassword(t.Context(), to, "000000", "another password", visitor()), fault.Invalid, "wrong_code")
			_, err := n.Register(t.Context(), Registration{Username: "new", Password: password, Email: to, Code: "000000"}, visitor())
			refused(t, "registering "+to, err, fault.Invalid, "wrong_code")
		}
	})
}

// Attack: guessing the six digits. After five tries the code is dead, for the right one too.
func TestGuessingACodeKillsIt(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := &postOffice{}
		n := newNode(t, db, withPost(o, VerifyEmail))
		n.verifiedUser(t, o, "ann")
		code := n.codeFor(t, o, Principal{}, CodeRequest{Purpose: CodeReset, To: "ann@example.org"})
		for range codeTries {
			refused(t, "a guess", n.ResetPassword(t.Context(), "ann@example.org", other(code), "another password", visitor()), fault.Invalid, "wrong_code")
		}
		refused(t, "the right one", n.ResetPassword(t.Context(), "ann@example.org", code, "another password", visitor()), fault.Invalid, "wrong_code")
		_, err := n.Login(t.Context(), Credentials{Login: "ann", Password: password}, visitor())
		accepted(t, "the old password", err)
	})
}

// Attack: many guesses at the same moment, on two nodes. They are counted one by one.
func TestParallelGuessesCannotExceedTheTries(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := &postOffice{}
		n := newNode(t, db, withPost(o, VerifyEmail))
		nodes := []*node{n, n.beside(t)}
		n.verifiedUser(t, o, "ann")
		code := n.codeFor(t, o, Principal{}, CodeRequest{Purpose: CodeReset, To: "ann@example.org"})
		of := issued{CodeReset, address{kindEmail, "ann@example.org", "ann@example.org"}, ""}
		together(24, func(i int) error {
			_, err := nodes[i%2].tryCode(t.Context(), of, other(code), Client{Address: fmt.Sprintf("203.0.113.%d", i)})
			return err
		})
		if tries := count(t, db, `SELECT tries FROM codes WHERE purpose = $1`, CodeReset); tries != codeTries {
			t.Errorf("%d tries counted", tries)
		}
		n.clock.advance(time.Minute) // so many failures make wait, for half of it
		refused(t, "the right one", n.ResetPassword(t.Context(), "ann@example.org", code, "another password", visitor()), fault.Invalid, "wrong_code")
	})
}

// A right code that comes several times at once is good once.
func TestACodeIsUsedOnce(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := &postOffice{}
		n := newNode(t, db, withPost(o, VerifyEmail))
		code := n.codeFor(t, o, Principal{}, CodeRequest{Purpose: CodeRegister, To: "ann@example.org"})
		errs := together(codeTries, func(i int) error {
			_, err := n.Register(t.Context(), Registration{Username: fmt.Sprintf("ann%d", i), Password: password, Email: "ann@example.org", Code: code}, visitor())
			return err
		})
		if made := successes(errs); made != 1 || count(t, db, `SELECT COUNT(*) FROM users`) != 1 {
			t.Errorf("%d accounts: %v", made, errs)
		}
	})
}

// Attack: a few guesses at each of many codes, for days. What an address can be guessed at in a day is bounded.
func TestGuessingAcrossManyCodesIsBoundedByTheAddress(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := &postOffice{}
		n := newNode(t, db, withPost(o, VerifyEmail))
		n.verifiedUser(t, o, "ann")
		wrong, client := 0, 0
		for hour := 0; hour < 23; hour++ {
			for range codesPerAddress + 1 {
				client++
				_, err := n.SendCode(t.Context(), Principal{}, CodeRequest{Purpose: CodeReset, To: "ann@example.org"}, Client{Address: fmt.Sprintf("203.0.113.%d", client%250)})
				if fault.Is(err, fault.TooMany) {
					break
				}
				accepted(t, "a code", err)
				for range codeTries {
					if err := n.ResetPassword(t.Context(), "ann@example.org", "not it", "another password", visitor()); publicCode(err) == "wrong_code" {
						wrong++
					}
				}
				n.clock.advance(codeResend)
			}
			n.clock.advance(time.Hour)
		}
		if wrong != maxCodeTries {
			t.Errorf("%d guesses in a day, want %d", wrong, maxCodeTries)
		}
		n.clock.advance(24 * time.Hour)
		n.delivered(t, o)
		code := n.codeFor(t, o, Principal{}, CodeRequest{Purpose: CodeReset, To: "ann@example.org"})
		accepted(t, "the owner, the day after", n.ResetPassword(t.Context(), "ann@example.org", code, "another password", visitor()))
	})
}

// Attack: flooding somebody's mailbox, and running up the bill.
func TestCodesAreNotSentTooOften(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := &postOffice{}
		n := newNode(t, db, withPost(o, VerifyEmail), func(o *Options) { o.CodesPerHour = 40 })
		ask := func(to, from string) error {
			_, err := n.SendCode(t.Context(), Principal{}, CodeRequest{Purpose: CodeRegister, To: to}, Client{Address: from})
			return err
		}
		accepted(t, "the first", ask("ann@example.org", "192.0.2.1"))
		err := ask("ANN@example.org", "192.0.2.2")
		refused(t, "again within the minute, from elsewhere", err, fault.TooMany, "too_many_codes")
		if wait := fault.RetryAfter(err); wait <= 0 || wait > codeResend {
			t.Errorf("try again after %v", wait)
		}
		for i := 1; i < codesPerAddress; i++ {
			n.clock.advance(codeResend)
			accepted(t, "another one", ask("ann@example.org", fmt.Sprintf("192.0.2.%d", 10+i)))
		}
		n.clock.advance(codeResend)
		refused(t, "too many for the address", ask("ann@example.org", "192.0.2.99"), fault.TooMany, "too_many_codes")
		for i := range codesPerClient {
			accepted(t, "from one network", ask(fmt.Sprintf("u%d@example.org", i), fmt.Sprintf("2001:db8:0:1::%x", i)))
		}
		refused(t, "too many from the network", ask("another@example.org", "2001:db8:0:1:ffff::"), fault.TooMany, "too_many_codes")
		accepted(t, "the network beside it", ask("another@example.org", "2001:db8:0:2::1"))
		for i := 0; ; i++ {
			if err := ask(fmt.Sprintf("v%d@example.org", i), fmt.Sprintf("192.0.2.%d", 100+i)); err != nil {
				refused(t, "too many in all", err, fault.TooMany, "too_many_codes")
				break
			}
		}
		if rows := count(t, db, `SELECT COUNT(*) FROM codes`); rows != 40 {
			t.Errorf("%d codes", rows)
		}
		n.clock.advance(time.Hour)
		accepted(t, "an hour later", ask("ann@example.org", "192.0.2.1"))
		n.clock.advance(25 * time.Hour)
		accepted(t, "sweep", n.Sweep(t.Context()))
		if rows := count(t, db, `SELECT COUNT(*) FROM codes`); rows != 0 {
			t.Errorf("%d codes are left after a day", rows)
		}
	})
}

// Attack: asking many times at once, on two nodes.
func TestParallelRequestsGetOneCode(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db, withPost(&postOffice{}, VerifyEmail))
		second := newNode(t, db, withPost(&postOffice{}, VerifyEmail), func(o *Options) { o.Now = n.clock.now })
		errs := together(12, func(i int) error {
			_, err := []*node{n, second}[i%2].SendCode(t.Context(), Principal{}, CodeRequest{Purpose: CodeRegister, To: "ann@example.org"}, visitor())
			return err
		})
		if sent := successes(errs); sent != 1 || len(n.outbox)+len(second.outbox) != 1 {
			t.Errorf("%d codes: %v", sent, errs)
		}
	})
}

func TestACodeEndsAfterTenMinutesAndWhenANewOneIsSent(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := &postOffice{}
		n := newNode(t, db, withPost(o, VerifyEmail))
		ask := CodeRequest{Purpose: CodeRegister, To: "ann@example.org"}
		register := func(code string) error {
			_, err := n.Register(t.Context(), Registration{Password: password, Email: "ann@example.org", Code: code}, visitor())
			return err
		}
		first := n.codeFor(t, o, Principal{}, ask)
		n.clock.advance(codeResend)
		second := n.codeFor(t, o, Principal{}, ask)
		if first != second {
			refused(t, "the one before", register(first), fault.Invalid, "wrong_code")
		}
		n.clock.advance(codeTTL)
		refused(t, "after ten minutes", register(second), fault.Invalid, "wrong_code")
		third := n.codeFor(t, o, Principal{}, ask)
		n.clock.advance(codeTTL - time.Second)
		accepted(t, "just before", register(third))
	})
}

// A code is good for what it was sent for, and for nobody else.
func TestACodeIsGoodForOnePurpose(t *testing.T) {
	o := &postOffice{}
	n := newNode(t, sqldbtest.OpenSQLite(t), withPost(o, VerifyEmail))
	ann, bob := n.verifiedUser(t, o, "ann"), n.verifiedUser(t, o, "bob")
	reset := n.codeFor(t, o, Principal{}, CodeRequest{Purpose: CodeReset, To: "ann@example.org"})
	_, err := n.ChangeEmail(t.Context(), Principal{UserID: bob.User.ID}, "ann@example.org", reset, Proof{Password: password}, visitor())
	refused(t, "a reset code for a change", err, fault.Invalid, "wrong_code")
	change := n.codeFor(t, o, Principal{UserID: bob.User.ID}, CodeRequest{Purpose: CodeEmail, To: "new@example.org"})
	_, err = n.ChangeEmail(t.Context(), Principal{UserID: ann.User.ID}, "new@example.org", change, Proof{Password: password}, visitor())
	refused(t, "another account's code", err, fault.Invalid, "wrong_code")
}

// Nobody who reads the table learns a code, and equal codes do not look equal.
func TestCodesAreStoredUnderAKey(t *testing.T) {
	of := issued{CodeReset, address{kindEmail, "a@example.org", "a@example.org"}, ""}
	key := []byte("key")
	seen := map[string]bool{}
	for _, mac := range [][]byte{
		codeMAC(key, "1", of, "123456"), codeMAC(key, "2", of, "123456"), codeMAC([]byte("other"), "1", of, "123456"),
		codeMAC(key, "1", issued{CodeEmail, of.at, ""}, "123456"), codeMAC(key, "1", issued{CodeReset, of.at, "u"}, "123456"),
	} {
		if len(mac) != 32 || seen[string(mac)] {
			t.Errorf("%x", mac)
		}
		seen[string(mac)] = true
	}
}

func TestAMessageIsSentAgainUntilItIsTaken(t *testing.T) {
	for _, c := range []struct {
		name  string
		fail  func(try int) error
		tries int
		sent  int
	}{
		{"at the third try", func(try int) error {
			if try < 3 {
				return errors.New("the line is busy")
			}
			return nil
		}, 3, 1},
		{"never", func(int) error { return errors.New("the line is dead") }, sendTries, 0},
		{"rejected", func(int) error { return fmt.Errorf("no such mailbox: %w", ErrRejected) }, 1, 0},
		{"panic", func(int) error { panic("broken sender") }, 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := &postOffice{fail: c.fail}
			n := newNode(t, sqldbtest.OpenSQLite(t), withPost(o, VerifyEmail))
			_, err := n.SendCode(t.Context(), Principal{}, CodeRequest{Purpose: CodeRegister, To: "ann@example.org"}, visitor())
			accepted(t, "asking", err)
			if sent := n.delivered(t, o); len(sent) != c.sent || o.tries != c.tries {
				t.Errorf("%d sent in %d tries, want %d in %d", len(sent), o.tries, c.sent, c.tries)
			}
		})
	}
}

func TestDeliverRunsUntilItIsEnded(t *testing.T) {
	o := &postOffice{}
	n := newNode(t, sqldbtest.OpenSQLite(t), withPost(o, VerifyEmail))
	ctx, end := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- n.Deliver(ctx) }()
	_, err := n.SendCode(t.Context(), Principal{}, CodeRequest{Purpose: CodeRegister, To: "ann@example.org"}, visitor())
	accepted(t, "asking", err)
	for range 10_000 {
		o.mu.Lock()
		sent := len(o.sent)
		o.mu.Unlock()
		if sent == 1 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	end()
	accepted(t, "the end", <-done)
	if len(o.sent) != 1 {
		t.Errorf("%d messages were sent", len(o.sent))
	}
}

func TestAFullOutboxIsSaid(t *testing.T) {
	n := newNode(t, sqldbtest.OpenSQLite(t), withPost(&postOffice{}, VerifyEmail))
	for n.post(parcel{}) {
	}
	_, err := n.SendCode(t.Context(), Principal{}, CodeRequest{Purpose: CodeReset, To: "ann@example.org"}, visitor())
	refused(t, "asking", err, fault.Busy, "codes_busy")
}

// Attack: line ends in an address, for headers of one's own in the message or lines of one's own in the log.
func TestAddressesThatInjectHeadersAreRefused(t *testing.T) {
	n := newNode(t, sqldbtest.OpenSQLite(t), withPost(&postOffice{}, VerifyEmail))
	for _, to := range []string{
		"ann@example.org\r\nBcc: bob@example.org", "ann@example.org\nSubject: x", "a\rb@example.org", "ann@example.org\x00", "ann@example.org>\r\nRCPT TO:<bob@example.org",
		`"a\r\n"@example.org`, "ann@example.org\u2028Bcc: x", "ann@example.org\u0085", "ann@example.org,bob@example.org", "Ann <ann@example.org>", "=?utf-8?q?=0A?= <a@example.org>",
		"+49151\r\n12345678", "+4915112345678\nBcc: x",
	} {
		for _, purpose := range []string{CodeRegister, CodeReset} {
			_, err := n.SendCode(t.Context(), Principal{}, CodeRequest{Purpose: purpose, To: to}, visitor())
			refused(t, fmt.Sprintf("%s to %q", purpose, to), err, fault.Invalid, "invalid_fields")
		}
	}
	if len(n.outbox) > 0 {
		t.Errorf("%d messages wait", len(n.outbox))
	}
}
