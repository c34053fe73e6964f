package authn

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/satchelhq/satchel/openid"
	"github.com/satchelhq/satchel/pages/catalogue"
	"github.com/satchelhq/satchel/sqldb"
)

// Whether strangers may register.
const (
	RegistrationOpen   = "open"
	RegistrationInvite = "invite" // with an invitation
	RegistrationClosed = "closed"
)

// Which address a code proves before the account is made.
const (
	VerifyNone  = "none"
	VerifyEmail = kindEmail
	VerifyPhone = kindPhone
)

// What Options.Observe is told.
const (
	EventLoginOK       = "login_ok"      // a password was right; a remembered Basic credential does not count again
	EventLoginFailed   = "login_failed"  // a name, a password or a second factor was wrong or missing, or the account is disabled
	EventLoginLimited  = "login_limited" // not judged, after too many failures
	EventRegister      = "register"
	EventRefresh       = "refresh"
	EventRefreshReused = "refresh_reused" // a used refresh token came again and its session was ended
	EventLogout        = "logout"
	EventCodeSent      = "code_sent"   // asked for; whether there was somebody to send it to is not told
	EventCodeFailed    = "code_failed" // a message was given up on
	EventCodeWrong     = "code_wrong"
	EventPasswordReset = "password_reset"
)

// Options sets how accounts work. New fills in the defaults of what is zero.
type Options struct {
	Issuer       string        // the iss of access tokens; default "satchel"
	AccessTTL    time.Duration // life of an access token; default 15 min
	RefreshTTL   time.Duration // life of a refresh token, and of a session that is not refreshed; default 30 days
	PageTTL      time.Duration // life of a page session; default 30 days
	TicketTTL    time.Duration // life of a ticket; default 60 s
	Registration string        // "open" (default) or "invite"; anything else is closed
	Verify       string        // "none" (default), "email" or "phone"
	Site         string        // what messages call this server, such as its host; default "Satchel"
	Mail         Sender        // sends to e-mail addresses; nil: nothing does
	Texts        Sender        // sends to phones; nil: nothing does
	CodesPerHour int           // codes in all; default 1000
	RetryPause   time.Duration // before a message is sent again, four times as long each time; default 2 s
	KeyRotation  time.Duration // age at which the key that signs is replaced (RotateOldKeys); 0 or less: never
	HashParallel int           // passwords hashed at once, 19 MiB of memory each; default one a core, at most 3: then a flood of sign-ins stays below 256 MiB, and one larger hash of another server (CheckForeignHash)
	Log          *slog.Logger  // default slog.Default()
	Now          func() time.Time
	AuditExpiry  time.Duration // how long the audit log knows something; default 365 days, negative is for ever
	// Providers are where people may sign in besides (OpenID Connect). OIDCRegistration is whether that makes an account for
	// who has none: "open", "closed", or as Registration says (default).
	Providers        []*openid.Provider
	OIDCRegistration string
	// CreateDrive makes the new user's drive, in the transaction that makes the user. Required by
	// whoever makes users; nil makes users without a drive.
	CreateDrive func(ctx context.Context, tx *sqldb.Tx, userID string) error
	// SetQuota sets how many bytes a user's drive may hold, negative is no limit, in the transaction of what else is changed. NotFound. nil does nothing.
	SetQuota func(ctx context.Context, tx *sqldb.Tx, userID string, quota int64) error
	// RemoveDrive removes the drive of an account that was closed. It may take long, and it may be called again for what it did in part.
	// nil does nothing, for users without a drive.
	RemoveDrive func(ctx context.Context, userID string) error
	// Observe is told of every event (Event…), for metrics. It must return at once.
	Observe func(event string)
}

// Accounts is every account of this server. It is safe for use by many goroutines.
type Accounts struct {
	db        *sqldb.DB
	o         Options
	adjusted  atomic.Pointer[Options] // of which those count that Adjust takes up
	hasher    *hasher
	keys      *keyring
	proven    *proven
	wrong     *wrong
	verified  *verified
	failures  atomic.Int64                             // that this node has counted
	standing  *sqldb.Memo[[sha256.Size]byte, standing] // by the MAC of a name and a password
	sessions  *sqldb.Memo[sessionKey, live]            // of tokens
	seeing    sync.Map                                 // ids of the sessions whose seen_at is being written
	closed    chan struct{}                            // has one when an account was closed
	outbox    chan parcel                              // what Deliver sends
	catalogue func() (*catalogue.Catalogue, error)     // has what messages say; read when the first one is sent
}

// New gives access to the accounts in db.
func New(db *sqldb.DB, o Options) *Accounts {
	o = o.withDefaults()
	a := &Accounts{db: db, o: o, closed: make(chan struct{}, 1),
		hasher: newHasher(o.HashParallel),
		keys:   newKeyring(db, o.Now, o.AccessTTL),
		proven: newProven(), wrong: newWrong(), verified: newVerified(), outbox: make(chan parcel, outboxSize),
		catalogue: sync.OnceValues(catalogue.Load),
		standing:  sqldb.NewMemo[[sha256.Size]byte, standing](db, maxProven, true),
		sessions:  sqldb.NewMemo[sessionKey, live](db, maxVerified, true),
	}
	a.adjusted.Store(&o)
	return a
}

// Adjust takes up Registration and AuditExpiry of o while the accounts are in use. Everything else stays as New was given it.
func (a *Accounts) Adjust(o Options) {
	o = o.withDefaults()
	a.adjusted.Store(&o)
}

// withDefaults fills in what is not said.
func (o Options) withDefaults() Options {
	orDefault := func(d *time.Duration, value time.Duration) {
		if *d <= 0 {
			*d = value
		}
	}
	orDefault(&o.AccessTTL, 15*time.Minute)
	orDefault(&o.RefreshTTL, 30*24*time.Hour)
	orDefault(&o.PageTTL, 30*24*time.Hour)
	orDefault(&o.TicketTTL, time.Minute)
	if o.AuditExpiry == 0 {
		o.AuditExpiry = 365 * 24 * time.Hour
	}
	orDefault(&o.RetryPause, 2*time.Second)
	if o.CodesPerHour <= 0 {
		o.CodesPerHour = 1000
	}
	if o.Verify == "" {
		o.Verify = VerifyNone
	}
	if o.Issuer == "" {
		o.Issuer = "satchel"
	}
	if o.Registration == "" {
		o.Registration = RegistrationOpen
	}
	if o.HashParallel <= 0 {
		o.HashParallel = min(runtime.GOMAXPROCS(0), 3)
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.CreateDrive == nil {
		o.CreateDrive = func(context.Context, *sqldb.Tx, string) error { return nil }
	}
	if o.SetQuota == nil {
		o.SetQuota = func(context.Context, *sqldb.Tx, string, int64) error { return nil }
	}
	if o.RemoveDrive == nil {
		o.RemoveDrive = func(context.Context, string) error { return nil }
	}
	if o.Observe == nil {
		o.Observe = func(string) {}
	}
	return o
}

// Newcomers says how accounts are made here, for who shows it to people.
type Newcomers struct {
	Registration string // Registration…
	Verify       string // Verify…
	Mail, Texts  bool   // whether codes are sent to e-mail addresses, and to phones
}

// Newcomers says how accounts are made here.
func (a *Accounts) Newcomers() Newcomers {
	return Newcomers{a.adjusted.Load().Registration, a.o.Verify, a.o.Mail != nil, a.o.Texts != nil}
}

// Open reports whether newcomers can make an account, perhaps with an invitation.
func (n Newcomers) Open() bool {
	return n.Registration == RegistrationOpen || n.Registration == RegistrationInvite
}

// now is the time in microseconds, as rows keep it.
func (a *Accounts) now() int64 { return sqldb.Micros(a.o.Now()) }
