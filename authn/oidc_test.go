package authn

import (
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/openid"
	"github.com/satchelhq/satchel/openid/openidtest"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

const callback = "https://files.example.org/login/oidc/sso/callback"

// federation is a node, and a provider where its people may sign in.
type federation struct {
	*node
	*testing.T
	there *openidtest.Provider
}

// provider is what a node knows of a running provider.
func provider(t *testing.T, id string, there *openidtest.Provider) *openid.Provider {
	t.Helper()
	p, err := openid.New(openid.Options{ID: id, Name: "Acme", Issuer: there.URL, ClientID: openidtest.ClientID,
		ClientSecret: openidtest.ClientSecret, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// federate runs fn on both engines.
func federate(t *testing.T, fn func(f *federation), set ...func(*Options)) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		there := openidtest.New(t, callback)
		there.People["mia"] = jwt.MapClaims{"sub": "m-1", "email": "mia@example.org", "email_verified": true, "preferred_username": "mia"}
		there.People["bob"] = jwt.MapClaims{"sub": "b-1", "email": "ann@example.org", "email_verified": false, "preferred_username": "bob"}
		set := append([]func(*Options){func(o *Options) { o.Providers = []*openid.Provider{provider(t, "sso", there)} }}, set...)
		fn(&federation{newNode(t, db, set...), t, there})
	})
}

// trip is a browser on its way to the provider and back.
type trip struct {
	f      *federation
	cookie string
	who    Principal
	answer OIDCAnswer
}

var traveller = Client{Address: "192.0.2.7", UserAgent: "a browser"}

func (f *federation) begin(cookie, next string) (*trip, OIDCBegun) {
	f.Helper()
	b, err := f.BeginOIDC(f.Context(), OIDCStart{Provider: "sso", Callback: callback, Next: next, Cookie: cookie, Client: traveller})
	if err != nil {
		f.Fatal(err)
	}
	return &trip{f: f, cookie: b.Cookie}, b
}

// at signs in at the provider.
func (tr *trip) at(b OIDCBegun, login string) *trip {
	tr.f.Helper()
	q := tr.f.there.SignIn(tr.f, b.Address, login).Query()
	tr.answer = OIDCAnswer{Provider: "sso", State: q.Get("state"), Cookie: tr.cookie,
		Answer: openid.Answer{Code: q.Get("code"), Issuer: q.Get("iss"), Error: q.Get("error")}}
	return tr
}

func (tr *trip) back() (OIDCEnd, error) {
	return tr.f.FinishOIDC(tr.f.Context(), tr.answer, tr.who, traveller)
}

// come signs in at the provider from a fresh browser.
func (f *federation) come(login string) (OIDCEnd, error) {
	f.Helper()
	tr, b := f.begin("", "")
	return tr.at(b, login).back()
}

// comes is come for who must get in.
func (f *federation) comes(login string) (User, Principal) {
	f.Helper()
	end, err := f.come(login)
	if err != nil {
		f.Fatalf("%s does not get in: %v", login, err)
	}
	who, err := f.Cookie(f.Context(), end.Session.Cookie)
	if err != nil || who.UserID != end.Session.User.ID {
		f.Fatalf("%s gets a cookie of %+v: %v", login, who, err)
	}
	return end.Session.User, who
}

// links links login's account at the provider to who's.
func (f *federation) links(who Principal, pass, login string) error {
	f.Helper()
	b, err := f.BeginLink(f.Context(), who, pass, OIDCStart{Provider: "sso", Callback: callback, Next: "/account/identities", Client: traveller})
	if err != nil {
		return err
	}
	tr := (&trip{f: f, cookie: b.Cookie, who: who}).at(b, login)
	end, err := tr.back()
	if !end.Linking || end.Next != "/account/identities" || end.Session.Cookie != "" {
		f.Errorf("linking ended as %+v", end)
	}
	return err
}

// page is a page session of an account with a password.
func (f *federation) page(login string) Principal {
	f.Helper()
	p, err := f.LoginPage(f.Context(), login, password, traveller)
	if err != nil {
		f.Fatal(err)
	}
	who, err := f.Cookie(f.Context(), p.Cookie)
	if err != nil {
		f.Fatal(err)
	}
	return who
}

func (f *federation) told(event, detail string) int {
	f.Helper()
	return count(f.T, f.db, `SELECT COUNT(*) FROM audit WHERE event = $1 AND detail LIKE $2`, event, "%"+detail+"%")
}

func TestSigningInElsewhereMakesAnAccountOnce(t *testing.T) {
	federate(t, func(f *federation) {
		u, _ := f.comes("mia")
		if u.Username != "mia" || u.Email != "mia@example.org" || !u.EmailVerified || u.Role != RoleUser {
			f.Errorf("made %+v", u)
		}
		f.there.Set(func(p *openidtest.Provider) { // another name and address are still the same person
			p.People["mia"] = jwt.MapClaims{"sub": "m-1", "email": "mia@elsewhere.example", "email_verified": true, "preferred_username": "maria"}
		})
		again, who := f.comes("mia")
		if again.ID != u.ID || again.Username != "mia" || again.Email != "mia@example.org" {
			f.Errorf("the second time it is %+v", again)
		}
		all, err := f.Identities(f.Context(), who)
		if err != nil || len(all) != 1 || all[0].Issuer != f.there.URL || all[0].Provider != "Acme" || all[0].Label != "mia@elsewhere.example" {
			f.Errorf("identities %+v, %v", all, err)
		}
		if f.told(AuditRegister, f.there.URL) != 1 || f.told(AuditSignIn, f.there.URL) != 2 {
			f.Error("the audit log does not tell of one account and two sign-ins")
		}
		if f.events.count(EventRegister) != 1 || f.events.count(EventLoginOK) != 1 {
			f.Errorf("the metrics were told %v", f.events.seen)
		}
	})
}

func TestManyTabsOfOneNewcomerMakeOneAccount(t *testing.T) {
	federate(t, func(f *federation) {
		tabs := make([]*trip, 6)
		for i := range tabs {
			tr, b := f.begin("", "")
			tabs[i] = tr.at(b, "mia")
		}
		users := make([]string, len(tabs))
		errs := together(len(tabs), func(i int) error {
			end, err := tabs[i].back()
			users[i] = end.Session.User.ID
			return err
		})
		for i, err := range errs {
			if err != nil || users[i] != users[0] {
				f.Errorf("tab %d: %s, %v", i, users[i], err)
			}
		}
		if n := count(f.T, f.db, `SELECT COUNT(*) FROM users`); n != 1 {
			f.Errorf("%d accounts", n)
		}
	})
}

func TestUsernamesFromElsewhere(t *testing.T) {
	for _, c := range []struct {
		person openid.Person
		want   string
	}{
		{openid.Person{PreferredUsername: "mia", Email: "x@example.org"}, "mia"},
		{openid.Person{PreferredUsername: "Mia.B_7@corp.example"}, "Mia.B_7"},
		{openid.Person{Email: "mia+files@example.org"}, "mia-files"},
		{openid.Person{Name: "Mia  van der Berg"}, "Mia-van-der-Berg"},
		{openid.Person{PreferredUsername: "..//..", Email: "@", Name: "\x00\u200b"}, "user"},
		{openid.Person{PreferredUsername: "李雷"}, "李雷"},
		{openid.Person{PreferredUsername: "mi\u200ba\u3164"}, "mi-a"},
		{openid.Person{PreferredUsername: "-mia-"}, "mia"},
		{openid.Person{PreferredUsername: "\"; DROP TABLE users"}, "DROP-TABLE-users"},
		{openid.Person{PreferredUsername: strings.Repeat("a", 5000)}, strings.Repeat("a", 55)},
		{openid.Person{PreferredUsername: "ﬁonä"}, "fionä"},
		{openid.Person{}, "user"},
	} {
		got := usernameFrom(c.person)
		if _, _, ok := usernameKey(got + "-abcdefgh"); got != c.want || !ok {
			t.Errorf("%+v is called %q (possible: %v), want %q", c.person, got, ok, c.want)
		}
	}
	federate(t, func(f *federation) {
		for i, want := range []string{"MIA", "MIA-2", "MIA-3", "MIA-4", "MIA-5", "MIA-6", "MIA-7", "MIA-8", "MIA-9"} {
			f.there.Set(func(p *openidtest.Provider) {
				p.People["x"] = jwt.MapClaims{"sub": strings.Repeat("s", i+1), "preferred_username": "MIA"}
			})
			if u, _ := f.comes("x"); u.Username != want {
				f.Errorf("number %d is called %q, want %q", i, u.Username, want)
			}
		}
		f.there.Set(func(p *openidtest.Provider) {
			p.People["x"] = jwt.MapClaims{"sub": "other", "preferred_username": "mia"}
		})
		if u, _ := f.comes("x"); !strings.HasPrefix(u.Username, "mia-") || len(u.Username) != 12 {
			f.Errorf("the tenth is called %q", u.Username)
		}
	})
}

func TestWhoMayComeFromElsewhere(t *testing.T) {
	for _, c := range []struct {
		registration, oidc string
		welcome            bool
	}{
		{RegistrationOpen, "", true}, {RegistrationClosed, "", false}, {RegistrationInvite, "", false},
		{RegistrationClosed, RegistrationOpen, true}, {RegistrationOpen, RegistrationClosed, false},
	} {
		federate(t, func(f *federation) {
			end, err := f.come("mia")
			if c.welcome {
				accepted(f.T, "a newcomer", err)
			} else {
				refused(f.T, "a newcomer", err, fault.Forbidden, "registration_closed")
				if end.Session.Cookie != "" || count(f.T, f.db, `SELECT COUNT(*) FROM users`) != 0 {
					f.Error("an account was made all the same")
				}
				if f.told(AuditSignInFailed, "registration_closed") != 1 {
					f.Error("the audit log does not know")
				}
			}
			// Whoever is linked gets in anyway.
			if _, err := f.CreateUser(f.Context(), ann(), RoleUser); err != nil {
				f.Fatal(err)
			}
			accepted(f.T, "linking", f.links(f.page("ann"), password, "bob"))
			if u, _ := f.comes("bob"); u.Username != "Ann" {
				f.Errorf("bob at the provider is %s here", u.Username)
			}
		}, func(o *Options) { o.Registration, o.OIDCRegistration = c.registration, c.oidc })
	}
}

// Where an address must be proven before there is an account, a provider proves one too or brings nobody.
func TestAProviderProvesWhatACodeWould(t *testing.T) {
	for _, c := range []struct {
		verify, oidc, login, code string
	}{
		{VerifyEmail, "", "mia", ""}, {VerifyEmail, "", "bob", "email_unverified"}, {VerifyEmail, RegistrationOpen, "bob", ""},
		{VerifyPhone, "", "mia", "registration_closed"}, {VerifyPhone, RegistrationOpen, "mia", ""},
	} {
		federate(t, func(f *federation) {
			if _, err := f.come(c.login); c.code == "" {
				accepted(f.T, c.verify, err)
			} else {
				refused(f.T, c.verify, err, fault.Forbidden, c.code)
			}
		}, func(o *Options) { o.Verify, o.OIDCRegistration = c.verify, c.oidc })
	}
}

func TestAttackTakeoverByEmail(t *testing.T) {
	federate(t, func(f *federation) {
		annsID := f.register(f.T, ann()).User.ID
		// The provider does not vouch for the address: it is worth nothing.
		u, _ := f.comes("bob")
		if u.ID == annsID || u.Email != "" || u.EmailVerified {
			f.Errorf("an unverified address made %+v", u)
		}
		// It does: still nobody is let in to what was here before.
		f.there.Set(func(p *openidtest.Provider) {
			p.People["eve"] = jwt.MapClaims{"sub": "e-1", "email": "ANN@example.org", "email_verified": true}
		})
		users := count(f.T, f.db, `SELECT COUNT(*) FROM users`)
		end, err := f.come("eve")
		refused(f.T, "a verified address that an account here has", err, fault.Exists, "email_taken")
		if end.Session.Cookie != "" || count(f.T, f.db, `SELECT COUNT(*) FROM users`) != users {
			f.Error("it opened something all the same")
		}
		// Who owns both links them, and then it does open.
		accepted(f.T, "linking", f.links(f.page("ann"), password, "eve"))
		if u, _ := f.comes("eve"); u.ID != annsID {
			f.Errorf("it opens %s", u.Username)
		}
	})
}

func TestAttackStates(t *testing.T) {
	federate(t, func(f *federation) {
		notBegun := func(what string, tr *trip) {
			f.Helper()
			end, err := tr.back()
			refused(f.T, what, err, fault.Invalid, "sign_in_not_begun")
			if end != (OIDCEnd{}) {
				f.Errorf("%s: answered %+v", what, end)
			}
		}
		changed := func(change func(a *OIDCAnswer)) *trip {
			f.Helper()
			tr, b := f.begin("", "")
			tr.at(b, "mia")
			change(&tr.answer)
			return tr
		}
		foreign, _ := newSecret()
		notBegun("no state", changed(func(a *OIDCAnswer) { a.State = "" }))
		notBegun("a state that nobody made", changed(func(a *OIDCAnswer) { a.State = foreign }))
		notBegun("an endless state", changed(func(a *OIDCAnswer) { a.State = strings.Repeat("x", 1<<20) }))
		notBegun("a code injected into a browser without the cookie", changed(func(a *OIDCAnswer) { a.Cookie = "" }))
		notBegun("a code injected into another browser", changed(func(a *OIDCAnswer) { a.Cookie = foreign }))
		notBegun("a state sent to the callback with an error", changed(func(a *OIDCAnswer) { a.Cookie, a.Error = foreign, "access_denied" }))
		if n := f.there.Asks("/token"); n != 0 {
			f.Errorf("%d codes were sent on", n)
		}

		tr, b := f.begin("", "")
		tr.at(b, "mia")
		if _, err := tr.back(); err != nil {
			f.Fatal(err)
		}
		notBegun("a state that was used", tr)

		late, b := f.begin("", "")
		late.at(b, "mia")
		f.clock.advance(OIDCTTL)
		notBegun("a state of eleven minutes ago", late)
		accepted(f.T, "sweeping", f.Sweep(f.Context()))
		if n := count(f.T, f.db, `SELECT COUNT(*) FROM oidc_sign_ins`); n != 0 {
			f.Errorf("%d rows are left", n)
		}
		// A code that is refused uses the state up as well.
		tr, b = f.begin("", "")
		tr.at(b, "mia").answer.Code = "guessed"
		_, err := tr.back()
		refused(f.T, "a guessed code", err, fault.Unauthenticated, "provider_refused")
		notBegun("and again", tr)
	})
}

// Of two sign-ins in one browser, and of two browsers, each answer belongs to its own.
func TestAttackCodeOfAnotherSignIn(t *testing.T) {
	federate(t, func(f *federation) {
		one, b := f.begin("", "")
		one.at(b, "mia")
		two, b := f.begin(one.cookie, "")
		two.at(b, "bob")
		if two.cookie != one.cookie {
			f.Error("a browser with a cookie was given another")
		}
		one.answer.Code, two.answer.Code = two.answer.Code, one.answer.Code
		for _, tr := range []*trip{one, two} {
			_, err := tr.back()
			refused(f.T, "a code of the other tab", err, fault.Unauthenticated, "provider_refused")
		}
		evil, b := f.begin("", "")
		evil.at(b, "bob")
		victim, b := f.begin("", "")
		victim.at(b, "mia")
		victim.answer.Code = evil.answer.Code
		_, err := victim.back()
		refused(f.T, "the attacker's code in the victim's sign-in", err, fault.Unauthenticated, "provider_refused")
	})
}

// An ID token that was made for one sign-in does not end another.
func TestAttackNonceReplay(t *testing.T) {
	federate(t, func(f *federation) {
		var seen string
		f.there.Set(func(p *openidtest.Provider) {
			p.Sign = func(p *openidtest.Provider, c jwt.MapClaims) string {
				if seen == "" {
					seen = p.RS256(c)
				}
				return seen
			}
		})
		f.comes("mia")
		_, err := f.come("bob")
		refused(f.T, "the ID token of another sign-in", err, fault.Unauthenticated, "provider_refused")
		if f.told(AuditSignInFailed, "provider_refused") != 1 || f.events.count(EventLoginFailed) != 1 {
			f.Error("nobody was told")
		}
	})
}

// A provider that is not trusted with another's people passes their codes on.
func TestAttackMixUpOfTwoProviders(t *testing.T) {
	evil := openidtest.New(t, callback)
	federate(t, func(f *federation) {
		asked := evil.Asks("/token")
		tr, b := f.begin("", "")
		tr.at(b, "mia").answer.Provider = "evil"
		_, err := tr.back()
		refused(f.T, "an answer at the address of another provider", err, fault.Invalid, "sign_in_not_begun")
		tr.answer.Provider, tr.answer.Issuer = "sso", evil.URL
		_, err = tr.back()
		refused(f.T, "an answer that names another issuer", err, fault.Unauthenticated, "provider_refused")
		tr.answer.Provider = "nobody"
		_, err = tr.back()
		refused(f.T, "a provider that there is not", err, fault.NotFound, "not_found")
		if evil.Asks("/token") != asked || f.there.Asks("/token") != 0 {
			f.Error("the code was sent on")
		}
		// The same subject at another issuer is somebody else.
		u, _ := f.comes("mia")
		evil.Set(func(p *openidtest.Provider) { p.People["mia"] = jwt.MapClaims{"sub": "m-1"} })
		begun, err := f.BeginOIDC(f.Context(), OIDCStart{Provider: "evil", Callback: callback})
		if err != nil {
			f.Fatal(err)
		}
		q := evil.SignIn(f, begun.Address, "mia").Query()
		end, err := f.FinishOIDC(f.Context(), OIDCAnswer{Provider: "evil", State: q.Get("state"), Cookie: begun.Cookie,
			Answer: openid.Answer{Code: q.Get("code"), Issuer: q.Get("iss")}}, Principal{}, traveller)
		if err != nil || end.Session.User.ID == u.ID {
			f.Errorf("m-1 at another issuer is %s, %v", end.Session.User.Username, err)
		}
	}, func(o *Options) { o.Providers = append(o.Providers, provider(t, "evil", evil)) })
}

func TestAttackCopyOfTheDatabase(t *testing.T) {
	federate(t, func(f *federation) {
		tr, b := f.begin("", "")
		u, err := url.Parse(b.Address)
		if err != nil {
			f.Fatal(err)
		}
		var state, browser []byte
		if err := f.db.Row(f.Context(), `SELECT state, browser FROM oidc_sign_ins`, nil, &state, &browser); err != nil {
			f.Fatal(err)
		}
		if string(state) == u.Query().Get("state") || string(browser) == tr.cookie || len(state) != 32 || len(browser) != 32 {
			f.Error("a secret is in the database as it is")
		}
	})
}

func TestAttackFloodOfSignInsThatAreNeverCompleted(t *testing.T) {
	federate(t, func(f *federation) {
		first, b := f.begin("", "")
		first.at(b, "mia")
		var last *trip
		for range maxOIDCNetwork {
			f.clock.advance(time.Millisecond)
			last, b = f.begin("", strings.Repeat("x", maxOIDCNext+1))
		}
		if n := count(f.T, f.db, `SELECT COUNT(*) FROM oidc_sign_ins`); n != maxOIDCNetwork {
			f.Errorf("%d rows, want %d", n, maxOIDCNetwork)
		}
		if n := count(f.T, f.db, `SELECT MAX(LENGTH(next)) FROM oidc_sign_ins`); n > 0 {
			f.Errorf("%d bytes to go on to", n)
		}
		_, err := first.back()
		refused(f.T, "the oldest", err, fault.Invalid, "sign_in_not_begun")
		_, err = last.at(b, "mia").back()
		accepted(f.T, "the newest", err)
	})
}

// Whoever has an IPv6 network has more addresses than there are rows. Others' sign-ins must not make room for theirs.
func TestAttackFloodOfSignInsFromManyAddressesOfOneNetwork(t *testing.T) {
	federate(t, func(f *federation) {
		mia, b := f.begin("", "")
		mia.at(b, "mia")
		for i := range maxOIDCNetwork + 5 {
			_, err := f.BeginOIDC(f.Context(), OIDCStart{Provider: "sso", Callback: callback, Client: from(fmt.Sprintf("2001:db8::%x", i+1))})
			accepted(f.T, "begin", err)
		}
		if n := count(f.T, f.db, `SELECT COUNT(*) FROM oidc_sign_ins`); n != maxOIDCNetwork+1 {
			f.Errorf("%d rows, want %d", n, maxOIDCNetwork+1)
		}
		_, err := mia.back()
		accepted(f.T, "who began before", err)
	})
}

func TestAttackFloodOfCodes(t *testing.T) {
	federate(t, func(f *federation) {
		asked := 0
		for range 60 {
			tr, b := f.begin("", "")
			tr.at(b, "mia").answer.Code = "guessed"
			if _, err := tr.back(); fault.Is(err, fault.TooMany) {
				break
			}
			asked++
		}
		if asked > networkLimit().free+1 {
			f.Errorf("%d codes in a row were sent on to the provider", asked)
		}
		f.clock.advance(time.Minute)
		f.comes("mia")
	})
}

func TestLinking(t *testing.T) {
	federate(t, func(f *federation) {
		f.register(f.T, ann())
		f.register(f.T, Registration{Username: "carl", Password: password})
		anns, carls := f.page("ann"), f.page("carl")
		refused(f.T, "linking with a wrong password", f.links(anns, "wrong password", "mia"), fault.Forbidden, "wrong_password")
		accepted(f.T, "linking", f.links(anns, password, "mia"))
		accepted(f.T, "linking again", f.links(anns, password, "mia"))
		refused(f.T, "linking what another account has", f.links(carls, password, "mia"), fault.Exists, "identity_taken")
		if u, _ := f.comes("mia"); u.ID != anns.UserID {
			f.Errorf("mia at the provider is %s here", u.Username)
		}
		all, err := f.Identities(f.Context(), anns)
		if err != nil || len(all) != 1 {
			f.Fatalf("%+v, %v", all, err)
		}
		refused(f.T, "another user unlinks it", f.Unlink(f.Context(), carls, all[0].ID, traveller), fault.NotFound, "not_found")
		refused(f.T, "what is no id", f.Unlink(f.Context(), anns, "x' OR 1=1", traveller), fault.NotFound, "not_found")
		accepted(f.T, "unlinking", f.Unlink(f.Context(), anns, all[0].ID, traveller))
		refused(f.T, "unlinking again", f.Unlink(f.Context(), anns, all[0].ID, traveller), fault.NotFound, "not_found")
		if f.told(AuditIdentityLinked, f.there.URL) != 1 || f.told(AuditIdentityUnlinked, f.there.URL) != 1 {
			f.Error("the audit log does not tell of one link and its end")
		}
		if u, _ := f.comes("mia"); u.ID == anns.UserID {
			f.Error("it opens the account still")
		}
	})
}

// What was begun to link one account links no other, and nothing for a stranger.
func TestAttackCallbackCSRF(t *testing.T) {
	federate(t, func(f *federation) {
		f.register(f.T, ann())
		f.register(f.T, Registration{Username: "eve", Password: password})
		eves := f.page("eve")
		for what, who := range map[string]Principal{"nobody": {}, "another user": f.page("ann"), "another session of the same user": f.page("eve")} {
			b, err := f.BeginLink(f.Context(), eves, password, OIDCStart{Provider: "sso", Callback: callback})
			if err != nil {
				f.Fatal(err)
			}
			end, err := (&trip{f: f, cookie: b.Cookie, who: who}).at(b, "mia").back()
			refused(f.T, what, err, fault.Unauthenticated, "session_ended")
			if end.Session.Cookie != "" {
				f.Errorf("%s was signed in", what)
			}
		}
		if n := count(f.T, f.db, `SELECT COUNT(*) FROM identities`); n != 0 {
			f.Errorf("%d links", n)
		}
		// And what was begun to sign in links nothing, whoever is signed in.
		tr, b := f.begin("", "")
		tr.who = f.page("ann")
		end, err := tr.at(b, "mia").back()
		if err != nil || end.Linking || end.Session.User.Username != "mia" {
			f.Errorf("%+v, %v", end, err)
		}
	})
}

func TestADisabledAccountStaysClosed(t *testing.T) {
	federate(t, func(f *federation) {
		f.comes("mia")
		accepted(f.T, "disabling", f.SetDisabled(f.Context(), "mia", true))
		_, err := f.come("mia")
		refused(f.T, "a disabled account", err, fault.Forbidden, "account_disabled")
		accepted(f.T, "enabling", f.SetDisabled(f.Context(), "mia", false))
		f.comes("mia")
	})
}

// The provider's second factor is not ours: whoever turned one on here is asked for it all the same.
func TestAttackAroundTheSecondFactorByAProvider(t *testing.T) {
	federate(t, func(f *federation) {
		_, who := f.comes("mia")
		secret, _ := f.turnOn(f.T, who)
		f.clock.advance(time.Minute)
		signIns := f.told(AuditSignIn, f.there.URL)
		end, err := f.come("mia")
		if err != nil || end.Session.Cookie != "" || end.Session.Half == "" {
			f.Fatalf("a second factor is on, and it opens %+v, %v", end.Session, err)
		}
		if f.told(AuditSignIn, f.there.URL) != signIns {
			f.Error("half a sign-in is told as a whole one")
		}
		_, err = f.FinishPage(f.Context(), end.Session.Half, "000000", traveller)
		refused(f.T, "a wrong code", err, fault.Unauthenticated, "invalid_otp")
		page, err := f.FinishPage(f.Context(), end.Session.Half, f.code(f.T, secret, 0), traveller)
		if err != nil || page.User.ID != who.UserID {
			f.Errorf("the right code opens %+v, %v", page.User, err)
		}
		if f.told(AuditSignIn, f.there.URL+" and code") != 1 {
			f.Error("the audit log does not tell how")
		}
	})
}

func TestAPasskeyOpensAnAccountToo(t *testing.T) {
	federate(t, func(f *federation) {
		_, who := f.comes("mia")
		_, key, recovery := f.addPasskey(f.T, who, Proof{})
		all, err := f.Identities(f.Context(), who)
		if err != nil || len(all) != 1 {
			f.Fatalf("%+v, %v", all, err)
		}
		accepted(f.T, "unlinking", f.Unlink(f.Context(), who, all[0].ID, traveller))
		refused(f.T, "removing the passkey that is left", f.RemovePasskey(f.Context(), who, key.ID, Proof{OTP: recovery[0]}, traveller), fault.Forbidden, "last_sign_in")
		refused(f.T, "a password without a code", f.ChangePassword(f.Context(), who, Proof{}, password, traveller), fault.Unauthenticated, "otp_required")
		accepted(f.T, "a password", f.ChangePassword(f.Context(), who, Proof{OTP: recovery[1]}, password, traveller))
		accepted(f.T, "removing it", f.RemovePasskey(f.Context(), who, key.ID, Proof{Password: password, OTP: recovery[2]}, traveller))
	})
}

func TestWhoDeletedTheAccountIsANewcomer(t *testing.T) {
	federate(t, func(f *federation) {
		u, who := f.comes("mia")
		accepted(f.T, "deleting", f.DeleteOwn(f.Context(), who, Proof{}, traveller))
		if again, _ := f.comes("mia"); again.ID == u.ID || again.Username != "mia" {
			f.Errorf("it is %+v", again)
		}
	})
}

func TestAnAccountWithoutAPassword(t *testing.T) {
	federate(t, func(f *federation) {
		u, who := f.comes("mia")
		for _, guess := range []string{"", " ", password, "$argon2id$v=19$m=64,t=1,p=1$AAAA$AAAA"} {
			_, err := f.Login(f.Context(), Credentials{Login: "mia", Password: guess}, Client{})
			refused(f.T, "Login", err, fault.Unauthenticated, "invalid_credentials")
			_, err = f.LoginPage(f.Context(), "mia@example.org", guess, Client{})
			refused(f.T, "LoginPage", err, fault.Unauthenticated, "invalid_credentials")
			_, err = f.Basic(f.Context(), "mia", guess, Client{})
			refused(f.T, "Basic", err, fault.Unauthenticated, "invalid_credentials")
		}
		_, err := f.prove(f.Context(), u, "", nil, "")
		refused(f.T, "prove", err, fault.Unauthenticated, "invalid_credentials")
		if has, err := f.HasPassword(f.Context(), who); has || err != nil {
			f.Errorf("has a password: %v, %v", has, err)
		}

		all, _ := f.Identities(f.Context(), who)
		refused(f.T, "unlinking the only way in", f.Unlink(f.Context(), who, all[0].ID, traveller), fault.Forbidden, "last_sign_in")
		if all, _ := f.Identities(f.Context(), who); len(all) != 1 {
			f.Fatal("it is gone all the same")
		}
		f.clock.advance(time.Hour)
		refused(f.T, "linking in an old session", f.links(who, "", "bob"), fault.Forbidden, "sign_in_again")
		accepted(f.T, "a first password", f.SetPassword(f.Context(), "mia", password))
		_, err = f.Login(f.Context(), Credentials{Login: "mia", Password: password}, Client{})
		accepted(f.T, "the password", err)
		accepted(f.T, "unlinking", f.Unlink(f.Context(), who, all[0].ID, traveller))
	})
}

// No answer by its cost tells whether an account has a password: a hash is computed, and waited for, all the same.
func TestAnAccountWithoutAPasswordCostsAHash(t *testing.T) {
	federate(t, func(f *federation) {
		f.comes("mia")
		f.hasher.waiting.Store(maxHashing)
		for _, login := range []string{"mia", "nobody"} {
			_, err := f.Login(f.Context(), Credentials{Login: login, Password: password}, Client{})
			refused(f.T, login, err, fault.Busy, "sign_in_busy")
		}
	})
}

// Two links are each the other's way in; of two that are cut at once one stays.
func TestTheLastLinkStaysWhenAllAreCutAtOnce(t *testing.T) {
	federate(t, func(f *federation) {
		_, who := f.comes("mia")
		for _, login := range []string{"bob", "eve"} {
			f.there.Set(func(p *openidtest.Provider) { p.People[login] = jwt.MapClaims{"sub": login} })
			accepted(f.T, "linking", f.links(who, "", login))
		}
		all, err := f.Identities(f.Context(), who)
		if err != nil || len(all) != 3 {
			f.Fatalf("%+v, %v", all, err)
		}
		errs := together(len(all), func(i int) error { return f.Unlink(f.Context(), who, all[i].ID, traveller) })
		if n := successes(errs); n != 2 {
			f.Errorf("%d were cut: %v", n, errs)
		}
		// A link to a provider that is not among the settings any more opens nothing.
		f.o.Providers = nil
		if _, err := f.db.Exec(f.Context(), `INSERT INTO identities (id, user_id, issuer, subject, created_at, used_at) VALUES ($1, $2, 'https://old.example', 's', 0, 0)`,
			sqldb.NewID(), who.UserID); err != nil {
			f.Fatal(err)
		}
		for _, i := range all {
			if err := f.Unlink(f.Context(), who, i.ID, traveller); err == nil {
				f.Error("the only link was cut")
			}
		}
	})
}

func TestTheProviderIsDown(t *testing.T) {
	federate(t, func(f *federation) {
		f.register(f.T, ann())
		f.there.Set(func(p *openidtest.Provider) { p.Discover = func(d map[string]any) { d["issuer"] = "" } })
		_, err := f.BeginOIDC(f.Context(), OIDCStart{Provider: "sso", Callback: callback})
		refused(f.T, "beginning", err, fault.Busy, "provider_unavailable")
		if n := count(f.T, f.db, `SELECT COUNT(*) FROM oidc_sign_ins`); n != 0 {
			f.Error("it left a row")
		}
		f.page("ann") // everything else works
	})
}

// Whoever has got hold of the owner's account at the provider, and is signing in with it while the owner cuts the link, is too late.
func TestAttackSigningInBesideUnlinking(t *testing.T) {
	federate(t, func(f *federation) {
		u, who := f.comes("mia")
		accepted(f.T, "a password", f.ChangePassword(f.Context(), who, Proof{}, password, traveller))
		tr, b := f.begin("", "")
		tr.at(b, "mia")
		held, release := make(chan struct{}), make(chan struct{})
		unlinked, signedIn := make(chan error, 1), make(chan OIDCEnd, 1)
		go func() {
			unlinked <- f.db.Update(f.Context(), func(tx *sqldb.Tx) error { // as Unlink does
				if err := lockUser(f.Context(), tx, u.ID); err != nil {
					return err
				}
				if _, err := tx.Exec(f.Context(), `DELETE FROM identities WHERE user_id = $1`, u.ID); err != nil {
					return err
				}
				close(held)
				<-release
				return nil
			})
		}()
		<-held
		go func() {
			end, _ := tr.back()
			signedIn <- end
		}()
		f.untilSomebodyWaits(f.T)
		close(release)
		accepted(f.T, "unlinking", <-unlinked)
		if end := <-signedIn; end.Session.User.ID == u.ID {
			f.Error("the identity that was cut off opened a session")
		}
	})
}
