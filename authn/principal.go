package authn

import "context"

// The cookie that holds a page session: HttpOnly, SameSite=Lax, Path=/. Over HTTPS it is the one
// that browsers bind to the host (RFC 6265bis, section 4.1.3.2).
const (
	CookieName       = "satchel"
	SecureCookieName = "__Host-satchel"
)

// Method is how a principal proved who it is.
type Method string

const (
	MethodBearer Method = "bearer"
	MethodBasic  Method = "basic"
	MethodCookie Method = "cookie"
)

// Principal is who is asking. A user's drive has the user's id.
type Principal struct {
	UserID    string
	SessionID string // empty for Basic, which has no session
	Username  string
	Role      Role
	Method    Method
	// PasswordID is set for who came with the account's own password: a digest of the hash that it was held against, so that another password has another.
	PasswordID string

	// These three are set for who came with an app password. It opens the drive only, and not the account.
	AppPassword string // its id; empty for anybody else
	Folder      string // id of the folder that is all it opens; empty for the whole drive
	ReadOnly    bool
}

// Client is from where somebody signs in, for the list of sessions, and what they read. None of it is trusted.
type Client struct {
	Address   string
	UserAgent string
	Language  string // of the messages to them: a code (BCP 47) or a whole Accept-Language header; English if it is neither
}

type principalKey struct{}

// WithPrincipal puts who is asking into a request's context.
func WithPrincipal(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// From is who is asking; false if nobody proved to be anyone.
func From(ctx context.Context) (Principal, bool) {
	p, ok := ctx.Value(principalKey{}).(Principal)
	return p, ok
}

// Named reports whether a name in an address means this user: the username, spelled in any way that Register takes for the same one.
func (p Principal) Named(name string) bool {
	if name == p.Username {
		return true
	}
	_, mine, ok := usernameKey(p.Username)
	_, other, named := usernameKey(name)
	return ok && named && mine == other
}
