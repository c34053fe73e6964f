package openidtest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"maps"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

func answerJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func (p *Provider) discovery(w http.ResponseWriter) {
	p.Lock()
	defer p.Unlock()
	document := map[string]any{
		"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token",
		"jwks_uri": p.URL + "/keys", "userinfo_endpoint": p.URL + "/userinfo",
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		// HS256 and none are there to be picked by a client that lets the provider choose.
		"id_token_signing_alg_values_supported":          []string{"RS256", "ES256", "HS256", "none"},
		"code_challenge_methods_supported":               []string{"S256"},
		"authorization_response_iss_parameter_supported": p.NamesIssuer,
	}
	switch {
	case p.Public:
		document["token_endpoint_auth_methods_supported"] = []string{"none"}
	case p.Post:
		document["token_endpoint_auth_methods_supported"] = []string{"client_secret_post"}
	}
	if p.Discover != nil {
		p.Discover(document)
	}
	answerJSON(w, http.StatusOK, document)
}

func (p *Provider) keys(w http.ResponseWriter) {
	b64 := func(i *big.Int, size int) string {
		return base64.RawURLEncoding.EncodeToString(i.FillBytes(make([]byte, size)))
	}
	point, err := p.ecdsa.PublicKey.Bytes() // 4, x, y
	if err != nil {
		panic(err)
	}
	answerJSON(w, http.StatusOK, map[string]any{"keys": []map[string]string{
		{"kid": "rsa", "kty": "RSA", "use": "sig", "alg": "RS256", "n": b64(p.rsa.N, 256), "e": "AQAB"},
		{"kid": "ec", "kty": "EC", "use": "sig", "alg": "ES256", "crv": "P-256",
			"x": base64.RawURLEncoding.EncodeToString(point[1:33]), "y": base64.RawURLEncoding.EncodeToString(point[33:])},
	}})
}

var page = template.Must(template.New("").Parse(`<!doctype html><html lang="en"><title>The provider</title>
<h1>The provider</h1><form method="post"><label>Who are you? <input name="login"></label><button>Let me in</button></form>
<form method="post"><input type="hidden" name="deny" value="1"><button>Rather not</button></form>`))

// authorize is the page to sign in on (RFC 6749, section 4.1.1; Core 1.0, section 3.1.2).
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	p.Lock()
	defer p.Unlock()
	q := r.URL.Query()
	challenge, err := base64.RawURLEncoding.DecodeString(q.Get("code_challenge"))
	for _, values := range q {
		if len(values) > 1 { // RFC 6749, section 3.1
			http.Error(w, "a parameter is there twice", http.StatusBadRequest)
			return
		}
	}
	switch {
	case q.Get("client_id") != ClientID, !slices.Contains(p.Redirects, q.Get("redirect_uri")):
		http.Error(w, "an unknown client or address", http.StatusBadRequest)
		return
	case q.Get("response_type") != "code", !slices.Contains(strings.Fields(q.Get("scope")), "openid"), q.Get("state") == "", q.Get("nonce") == "",
		q.Get("code_challenge_method") != "S256", err != nil, len(challenge) != sha256.Size:
		http.Error(w, "not a request of a careful client", http.StatusBadRequest)
		return
	case r.Method != http.MethodPost:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = page.Execute(w, nil)
		return
	}
	back := url.Values{"state": {q.Get("state")}}
	if p.NamesIssuer {
		back.Set("iss", p.URL)
	}
	login := r.PostFormValue("login")
	switch {
	case r.PostFormValue("deny") != "":
		back.Set("error", "access_denied")
		back.Set("error_description", "<b>The provider's own words</b>")
	case p.People[login] == nil:
		back.Set("error", "login_required")
		back.Set("error_description", "<b>The provider's own words</b>")
	default:
		code := rand.Text()
		p.codes[code] = grant{redirect: q.Get("redirect_uri"), nonce: q.Get("nonce"), challenge: q.Get("code_challenge"), login: login}
		back.Set("code", code)
	}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusSeeOther)
}

// token redeems a code, once (RFC 6749, section 4.1.3; RFC 7636, section 4.6).
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	p.Lock()
	defer p.Unlock()
	refuse := func(status int, code string) {
		answerJSON(w, status, map[string]string{"error": code, "error_description": "<b>The provider's own words</b>"})
	}
	if err := r.ParseForm(); err != nil || r.Method != http.MethodPost || r.URL.RawQuery != "" {
		refuse(http.StatusBadRequest, "invalid_request")
		return
	}
	id, secret, basic := r.BasicAuth()
	id, secret = unescape(id), unescape(secret) // RFC 6749, section 2.3.1
	if p.Public || p.Post {
		if basic {
			refuse(http.StatusBadRequest, "invalid_request")
			return
		}
		id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	if want := ClientSecret; id != ClientID || p.Public && secret != "" || !p.Public && secret != want {
		refuse(http.StatusUnauthorized, "invalid_client")
		return
	}
	code := r.PostForm.Get("code")
	g, ok := p.codes[code]
	delete(p.codes, code)
	sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	if !ok || r.PostForm.Get("grant_type") != "authorization_code" || r.PostForm.Get("redirect_uri") != g.redirect ||
		len(r.PostForm.Get("code_verifier")) < 43 || base64.RawURLEncoding.EncodeToString(sum[:]) != g.challenge {
		refuse(http.StatusBadRequest, "invalid_grant")
		return
	}
	access := rand.Text()
	p.access[access] = g.login
	answerJSON(w, http.StatusOK, map[string]any{"access_token": access, "token_type": "Bearer", "expires_in": 60, "id_token": p.idToken(g, access)})
}

func unescape(s string) string {
	s, _ = url.QueryUnescape(s)
	return s
}

func (p *Provider) idToken(g grant, access string) string {
	now := time.Now()
	sum := sha256.Sum256([]byte(access))
	claims := jwt.MapClaims{"sub": p.People[g.login]["sub"]}
	if !p.Bare {
		maps.Copy(claims, p.People[g.login])
	}
	maps.Copy(claims, jwt.MapClaims{"iss": p.URL, "aud": ClientID, "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
		"nonce": g.nonce, "at_hash": base64.RawURLEncoding.EncodeToString(sum[:16])})
	if p.Claim != nil {
		p.Claim(claims)
	}
	if p.Sign != nil {
		return p.Sign(p, claims)
	}
	return p.RS256(claims)
}

// userinfo is Core 1.0, section 5.3.
func (p *Provider) userinfo(w http.ResponseWriter, r *http.Request) {
	p.Lock()
	defer p.Unlock()
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	login := p.access[token]
	if !ok || login == "" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	answerJSON(w, http.StatusOK, p.People[login])
}
