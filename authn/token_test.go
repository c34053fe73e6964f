package authn

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

// part reads one of a token's JSON parts.
func part(t *testing.T, token string, i int) map[string]any {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[i])
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestWhatAnAccessTokenSays(t *testing.T) {
	n := newNode(t, sqldbtest.OpenSQLite(t), func(o *Options) { o.Issuer = "https://files.example.org" })
	s := n.register(t, ann())
	p, err := n.Bearer(t.Context(), s.AccessToken)
	accepted(t, "bearer", err)
	header, body := part(t, s.AccessToken, 0), part(t, s.AccessToken, 1)
	kid, _ := header["kid"].(string)
	if header["alg"] != "EdDSA" || header["typ"] != "at+jwt" || !sqldb.ValidID(kid) {
		t.Errorf("header %v", header)
	}
	now := float64(n.clock.now().Unix())
	for claim, want := range map[string]any{
		"iss": "https://files.example.org", "sub": s.User.ID, "sid": p.SessionID, "scope": "all", "iat": now, "exp": now + 900,
	} {
		if body[claim] != want {
			t.Errorf("%s is %v, want %v", claim, body[claim], want)
		}
	}
	if aud, _ := body["aud"].([]any); len(aud) != 1 || aud[0] != "satchel" {
		t.Errorf("aud is %v", body["aud"])
	}
	if body["jti"] == "" || len(body) != 8 {
		t.Errorf("claims %v", body)
	}
}

// forge signs any header and claims.
func forge(t *testing.T, sign func(signed string) []byte, header, body map[string]any) string {
	t.Helper()
	enc := func(v any) string {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	signed := enc(header) + "." + enc(body)
	return signed + "." + base64.RawURLEncoding.EncodeToString(sign(signed))
}

func TestForgedTokenAttack(t *testing.T) {
	n := newNode(t, sqldbtest.OpenSQLite(t))
	s := n.register(t, ann())
	bob := n.register(t, Registration{Username: "bob", Password: password})
	_, err := n.LoginPage(t.Context(), "ann", password, Client{})
	accepted(t, "page", err)
	var pageID string
	if err := n.db.Row(t.Context(), `SELECT id FROM sessions WHERE kind = 'page'`, nil, &pageID); err != nil {
		t.Fatal(err)
	}

	key, err := n.keys.signer(t.Context())
	accepted(t, "key", err)
	_, stranger, err := ed25519.GenerateKey(rand.Reader)
	accepted(t, "another key", err)
	by := func(k ed25519.PrivateKey) func(string) []byte {
		return func(signed string) []byte { return ed25519.Sign(k, []byte(signed)) }
	}
	hs256 := func(secret []byte) func(string) []byte {
		return func(signed string) []byte {
			h := hmac.New(sha256.New, secret)
			h.Write([]byte(signed))
			return h.Sum(nil)
		}
	}
	none := func(string) []byte { return nil }
	header, body := part(t, s.AccessToken, 0), part(t, s.AccessToken, 1)
	// with changes some members; nil removes one.
	with := func(m map[string]any, changes ...any) map[string]any {
		m = maps.Clone(m)
		for i := 0; i < len(changes); i += 2 {
			if m[changes[i].(string)] = changes[i+1]; changes[i+1] == nil {
				delete(m, changes[i].(string))
			}
		}
		return m
	}
	own := by(key.private)
	now := n.clock.now()
	public64 := base64.RawURLEncoding.EncodeToString(stranger.Public().(ed25519.PublicKey))

	if _, err := n.Bearer(t.Context(), forge(t, own, header, body)); err != nil {
		t.Fatalf("the forgery that changes nothing: %v", err)
	}
	valid := s.AccessToken
	signed := valid[:strings.LastIndexByte(valid, '.')]
	for _, c := range []struct {
		what, token, code string
	}{
		{"nothing", "", "invalid_token"},
		{"no token", "ann:secret", "invalid_token"},
		{"dots", "..", "invalid_token"},
		{"a long one", strings.Repeat("x", 1<<20), "invalid_token"},
		{"alg none", forge(t, none, with(header, "alg", "none"), body), "invalid_token"},
		{"alg None", forge(t, none, with(header, "alg", "None"), body), "invalid_token"},
		{"no alg", forge(t, own, with(header, "alg", nil), body), "invalid_token"},
		{"alg none, signature kept", forge(t, own, with(header, "alg", "none"), body), "invalid_token"},
		{"HS256 over the public key", forge(t, hs256(key.public), with(header, "alg", "HS256"), body), "invalid_token"},
		{"HS256 over nothing", forge(t, hs256(nil), with(header, "alg", "HS256"), body), "invalid_token"},
		{"no signature", signed + ".", "invalid_token"},
		{"signature cut off", signed, "invalid_token"},
		{"another signature", forge(t, by(stranger), header, body), "invalid_token"},
		{"a key of its own in the header", forge(t, by(stranger), with(header, "jwk", map[string]any{"kty": "OKP", "crv": "Ed25519", "x": public64}), body), "invalid_token"},
		{"an unknown key", forge(t, by(stranger), with(header, "kid", sqldb.NewID()), body), "invalid_token"},
		{"no kid", forge(t, own, with(header, "kid", nil), body), "invalid_token"},
		{"a kid that is a number", forge(t, own, with(header, "kid", 1), body), "invalid_token"},
		{"a kid that is a path", forge(t, own, with(header, "kid", "../../dev/null"), body), "invalid_token"},
		{"a kid that is SQL", forge(t, own, with(header, "kid", "' OR ''='"), body), "invalid_token"},
		{"something critical", forge(t, own, with(header, "crit", []string{"exp"}), body), "invalid_token"},
		{"an id token", forge(t, own, with(header, "typ", "JWT"), body), "invalid_token"},
		{"another issuer", forge(t, own, header, with(body, "iss", "https://evil.example")), "invalid_token"},
		{"no issuer", forge(t, own, header, with(body, "iss", nil)), "invalid_token"},
		{"another audience", forge(t, own, header, with(body, "aud", "mail")), "invalid_token"},
		{"no audience", forge(t, own, header, with(body, "aud", nil)), "invalid_token"},
		{"no expiry", forge(t, own, header, with(body, "exp", nil)), "invalid_token"},
		{"an expiry that is text", forge(t, own, header, with(body, "exp", "never")), "invalid_token"},
		{"expired", forge(t, own, header, with(body, "exp", now.Add(-time.Minute).Unix())), "token_expired"},
		{"not yet valid", forge(t, own, header, with(body, "nbf", now.Add(time.Hour).Unix())), "invalid_token"},
		{"from the future", forge(t, own, header, with(body, "iat", now.Add(time.Hour).Unix())), "invalid_token"},
		{"no iat", forge(t, own, header, with(body, "iat", nil)), "invalid_token"},
		{"another scope", forge(t, own, header, with(body, "scope", "read")), "invalid_token"},
		{"no session", forge(t, own, header, with(body, "sid", nil)), "invalid_token"},
		{"a session that never was", forge(t, own, header, with(body, "sid", sqldb.NewID())), "session_ended"},
		{"a page's session", forge(t, own, header, with(body, "sid", pageID)), "session_ended"},
		{"another user's session", forge(t, own, header, with(body, "sub", bob.User.ID)), "session_ended"},
		{"a refresh token", s.RefreshToken, "invalid_token"},
		{"a line end behind it", valid + "\n", "invalid_token"},
		{"a line end within", valid[:5] + "\n" + valid[5:], "invalid_token"},
		{"padding", valid + "=", "invalid_token"},
	} {
		_, err := n.Bearer(t.Context(), c.token)
		refused(t, c.what, err, fault.Unauthenticated, c.code)
	}
}

func TestAnAccessTokenLivesShortlyAndNoLongerThanItsSession(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		s := n.register(t, ann())
		other, err := n.Login(t.Context(), Credentials{Login: "ann", Password: password}, Client{})
		accepted(t, "sign in elsewhere", err)

		n.clock.advance(n.o.AccessTTL - time.Second)
		p, err := n.Bearer(t.Context(), s.AccessToken)
		accepted(t, "shortly before the end", err)
		accepted(t, "sign out", n.beside(t).Logout(t.Context(), p, Client{}))
		_, err = n.Bearer(t.Context(), s.AccessToken)
		refused(t, "signed out", err, fault.Unauthenticated, "session_ended")
		_, err = n.Refresh(t.Context(), s.RefreshToken, Client{})
		refused(t, "its refresh token", err, fault.Unauthenticated, "invalid_refresh_token")
		accepted(t, "sign out again", n.Logout(t.Context(), p, Client{}))

		_, err = n.Bearer(t.Context(), other.AccessToken)
		accepted(t, "the other session", err)
		n.clock.advance(time.Minute)
		_, err = n.Bearer(t.Context(), other.AccessToken)
		refused(t, "after the end", err, fault.Unauthenticated, "token_expired")

		refused(t, "sign out without a session", n.Logout(t.Context(), Principal{UserID: s.User.ID, Method: MethodBasic}, Client{}), fault.Invalid, "no_session")
		refused(t, "somebody else's sign-out does nothing", n.Logout(t.Context(), Principal{}, Client{}), fault.Invalid, "no_session")
	})
}

// Anybody can verify a token with nothing but the published keys.
func TestTheKeySetVerifiesTokens(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		s := n.register(t, ann())
		raw, err := n.beside(t).JWKS(t.Context())
		accepted(t, "JWKS", err)
		var set struct{ Keys []map[string]string }
		if err := json.Unmarshal(raw, &set); err != nil || len(set.Keys) != 1 {
			t.Fatalf("%s: %v", raw, err)
		}
		k := set.Keys[0]
		if k["kty"] != "OKP" || k["crv"] != "Ed25519" || k["alg"] != "EdDSA" || k["use"] != "sig" || len(k) != 6 {
			t.Errorf("key %v", k)
		}
		public, err := base64.RawURLEncoding.DecodeString(k["x"])
		accepted(t, "x", err)
		_, err = jwt.Parse(s.AccessToken, func(token *jwt.Token) (any, error) {
			if token.Header["kid"] != k["kid"] {
				t.Errorf("kid %v, published %s", token.Header["kid"], k["kid"])
			}
			return ed25519.PublicKey(public), nil
		}, jwt.WithTimeFunc(n.clock.now), jwt.WithValidMethods([]string{"EdDSA"}))
		accepted(t, "a foreign parser", err)
	})
}

func TestNodesThatStartTogetherSignWithOneKey(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		nodes := make([]*node, 8)
		for i := range nodes {
			nodes[i] = n.beside(t)
		}
		signIns := make([]SignIn, len(nodes))
		for _, err := range together(len(nodes), func(i int) (err error) {
			signIns[i], err = nodes[i].Register(t.Context(), Registration{Username: string(rune('a' + i)), Password: password}, Client{})
			return err
		}) {
			accepted(t, "register", err)
		}
		if keys := count(t, db, `SELECT COUNT(*) FROM signing_keys`); keys != 1 {
			t.Errorf("%d keys", keys)
		}
		for _, s := range signIns {
			for _, m := range nodes {
				_, err := m.Bearer(t.Context(), s.AccessToken)
				accepted(t, "on each node", err)
			}
		}
	})
}

func TestAKeyThatAnotherNodeAddedIsFoundAndARetiredOneFadesOut(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db)
		s := n.register(t, ann())
		_, err := n.Bearer(t.Context(), s.AccessToken)
		accepted(t, "the first key", err)

		// Another node retires the key and adds one.
		n.clock.advance(keysPause)
		if _, err := db.Exec(t.Context(), `UPDATE signing_keys SET retired_at = $1`, n.now()); err != nil {
			t.Fatal(err)
		}
		other := n.beside(t)
		s2, err := other.Login(t.Context(), Credentials{Login: "ann", Password: password}, Client{})
		accepted(t, "sign in over there", err)
		if a, b := part(t, s.AccessToken, 0)["kid"], part(t, s2.AccessToken, 0)["kid"]; a == b {
			t.Fatal("a retired key signs")
		}
		_, err = n.Bearer(t.Context(), s2.AccessToken)
		accepted(t, "the new key here", err)
		_, err = n.Bearer(t.Context(), s.AccessToken)
		accepted(t, "what the retired key signed", err)

		n.clock.advance(n.keys.keep)
		set, err := n.keys.fresh(t.Context(), 0, func(*keySet) bool { return false })
		if err != nil || len(set.keys) != 1 {
			t.Errorf("%d keys are left, %v", len(set.keys), err)
		}
	})
}

// Ids that cannot be of a new key ask for a reading now and then; of those that can be, many that come together wait for one.
func TestMadeUpKeyIdsDoNotReadTheTableEachTime(t *testing.T) {
	reads := 0
	n := newNode(t, sqldbtest.OpenSQLite(t))
	accepted(t, "key", n.keys.ready(t.Context()))
	before := n.keys.set.Load()
	try := func(id string) error {
		key, err := n.keys.verifier(t.Context(), id)
		if key != nil {
			err = fmt.Errorf("%s is a key", id)
		}
		return err
	}
	for i := range 100 {
		accepted(t, "an old id", try(fmt.Sprintf("06000000000000000000000%03d", i)))
		if now := n.keys.set.Load(); now != before {
			reads, before = reads+1, now
		}
		n.clock.advance(keysPause / 20)
	}
	if reads < 4 || reads > 5 { // five seconds have passed
		t.Errorf("%d reads in 100 tries", reads)
	}
	began := n.keys.set.Load().began
	for _, err := range together(100, func(int) error { return try(sqldb.NewID()) }) {
		accepted(t, "a new id", err)
	}
	if n.keys.set.Load().began.Sub(began) < keysPause {
		t.Error("it was read again without a pause")
	}
}
