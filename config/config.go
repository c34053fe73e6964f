package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"time"
)

// Config is every setting. [Load] fills and checks it.
type Config struct {
	Listen      string // HOST:PORT that serves everyone; port 0 takes a free one
	AdminListen string // HOST:PORT of metrics and profiles; empty is none

	TLSCert    string        // file of the certificate with its chain; empty: Listen speaks plain HTTP
	TLSKey     string        // file of its key
	HTTPListen string        // HOST:PORT that sends plain HTTP on to HTTPS; empty is none
	HSTS       time.Duration // how long browsers remember to come by HTTPS only; 0 is not at all

	ACMEDomains   []string // names that a certificate is asked for by ACME; none: the files above, if any
	ACMEEmail     string   // what the authority writes to; may be empty
	ACMEDirectory string   // the authority

	Data     string // folder for whatever has no place of its own
	Database string // sqlite:PATH or postgres://…; holds a password, perhaps
	Blobs    string // disk:PATH or s3://BUCKET/PREFIX?…

	BlobsFrom string // of the same form: where content was before, and is until it is moved; empty is nowhere

	S3AccessKey     string // with S3SecretKey; empty: the credentials of the environment or the machine
	S3SecretKey     string
	BackupAccessKey string // with BackupSecretKey, of the bucket that backups are made to; empty: the credentials of the environment or the machine
	BackupSecretKey string
	BackupEvery     time.Duration // how often a backup is to be made; negative is never

	S3Redirect *url.URL // where others reach the S3 service, to be sent there for downloads; nil: nobody is

	PublicURL      *url.URL       // scheme and host that people use; nil: as each request says
	TrustedProxies []netip.Prefix // peers whose X-Forwarded-* is believed
	ProxyProtocol  bool           // whether TrustedProxies begin their connections with a PROXY header
	H2C            bool           // whether HTTP/2 is spoken without TLS
	CORSOrigins    []string       // origins whose scripts may use the server; "*" alone is every one

	KeyRotation time.Duration // age at which the key that signs access tokens is replaced; negative is never

	Registration string // RegistrationOpen, RegistrationInvite or RegistrationClosed
	Verify       string // VerifyNone, VerifyEmail or VerifyPhone: what a code proves before an account is made

	MailSMTP          string // smtp:// or smtps://, with a password perhaps; empty: nothing sends e-mail
	MailFrom          string // the sender of e-mail
	CodeWebhook       string // http:// or https:// of a gateway for text messages; empty: nothing sends them
	CodeWebhookSecret string // signs what the gateway gets
	CodeLog           bool   // whether messages that nothing sends are written to the log
	CodesPerHour      int    // codes that are sent in an hour, to all together

	// The OpenID Connect provider where people may sign in on the pages; an empty issuer is none.
	OIDCIssuer       string
	OIDCClientID     string
	OIDCClientSecret string   // empty for a public client
	OIDCName         string   // of the provider, on the pages; empty: the issuer's host
	OIDCScopes       []string // asked for beside openid
	OIDCRegistration string   // OIDCFollow, RegistrationOpen or RegistrationClosed: whether it makes accounts for newcomers

	Durability string // DurabilityStrict or DurabilityRelaxed

	Quota      int64    // bytes that a new drive may hold; 0 is no limit
	MaxFile    int64    // bytes of the largest file; 0 is no limit
	DenyNames  []string // patterns that the name of an uploaded file must not match, such as *.exe
	AllowTypes []string // media types that an upload may have, such as image/*; none is all

	AdmitWebhook       string        // http:// or https:// of the receiver that is asked before content is taken; empty: nobody is
	AdmitWebhookSecret string        // signs the questions
	AdmitTimeout       time.Duration // of a question
	AdmitHeaders       []string      // of the request that the receiver is told besides those that it always is

	UploadExpiry   time.Duration // life of an unfinished upload after its last byte
	UploadMaxAge   time.Duration // life of an unfinished upload, whatever it receives; 0 is no limit
	MaxOpenUploads int           // unfinished uploads of one user
	Proof          bool          // whether content that other users hold is found by its hash, against a proof of holding it
	ScrubEvery     time.Duration // how often all content is read again, to see whether it is still what it was; negative is never
	ScrubRate      int64         // bytes a second that are read for that
	TrashExpiry    time.Duration // how long a removed file can be restored; negative is for ever
	Versions       int           // contents kept of an overwritten file; 0 is none
	FinderQuota    bool          // whether Finder is told how full a drive is
	ChangesExpiry  time.Duration // how long it is known what changed in a drive; negative is for ever
	MaxChanges     int           // changes of one drive that are known

	EventsWebhook       string        // http:// or https:// of the receiver of events; empty: there are none
	EventsWebhookSecret string        // signs what it gets
	EventsExpiry        time.Duration // how long an event is tried before it is a dead letter
	MaxEvents           int           // events that are kept, dead letters among them

	AuditExpiry time.Duration // how long the audit log knows something; negative is for ever

	Thumbnails      int   // images that are decoded at once to make thumbnails; 0 makes none
	ThumbnailMemory int64 // bytes that decoding one of them may take

	LogLevel  slog.Level
	LogFormat string // LogAuto, LogText or LogJSON

	AccessLog       string // path of a file with a line for each request; empty: they are in the log
	AccessLogFormat string // AccessJSON or AccessCombined
	AccessLogSize   int64  // bytes at which it begins anew, as it does with each day; 0 leaves that to others
	AccessLogKeep   int    // files that are kept beside it

	Traces        string  // URL of a collector that takes OTLP over HTTP; empty: there are none
	TracesSampled float64 // share of them that is told, 0 to 1

	ShutdownGrace       time.Duration // how long running requests may take to end at shutdown
	DatabaseConnections int           // connections to the database

	from map[string]string // key → where its value was set; a key that is missing has its default
}

// The words that settings with a choice take.
const (
	RegistrationOpen   = "open"
	RegistrationInvite = "invite"
	RegistrationClosed = "closed"

	VerifyNone  = "none"
	VerifyEmail = "email"
	VerifyPhone = "phone"

	OIDCFollow = "follow" // as registration says

	DurabilityStrict  = "strict"
	DurabilityRelaxed = "relaxed"

	LogAuto = "auto" // text on a terminal, JSON otherwise
	LogText = "text"
	LogJSON = "json"

	AccessJSON     = "json"
	AccessCombined = "combined" // as Apache and nginx write it
)

const letsEncrypt = "https://acme-v02.api.letsencrypt.org/directory"

// Default is what holds where nothing is set. Database and Blobs stay empty: they follow Data.
func Default() Config {
	return Config{
		Listen:              "127.0.0.1:8080",
		AdminListen:         "127.0.0.1:8081",
		ACMEDirectory:       letsEncrypt,
		Data:                "./data",
		KeyRotation:         90 * 24 * time.Hour,
		Registration:        RegistrationOpen,
		Verify:              VerifyNone,
		CodesPerHour:        1000,
		OIDCScopes:          []string{"profile", "email"},
		OIDCRegistration:    OIDCFollow,
		Durability:          DurabilityStrict,
		AdmitTimeout:        10 * time.Second,
		UploadExpiry:        24 * time.Hour,
		MaxOpenUploads:      50_000,
		TrashExpiry:         30 * 24 * time.Hour,
		Versions:            20,
		FinderQuota:         true,
		ChangesExpiry:       30 * 24 * time.Hour,
		MaxChanges:          50_000,
		EventsExpiry:        24 * time.Hour,
		MaxEvents:           100_000,
		AuditExpiry:         365 * 24 * time.Hour,
		ScrubEvery:          30 * 24 * time.Hour,
		ScrubRate:           8 << 20,
		BackupEvery:         24 * time.Hour,
		Thumbnails:          2,
		ThumbnailMemory:     256 << 20,
		LogLevel:            slog.LevelInfo,
		LogFormat:           LogAuto,
		AccessLogFormat:     AccessJSON,
		AccessLogSize:       100 << 20,
		AccessLogKeep:       30,
		TracesSampled:       0.1,
		ShutdownGrace:       10 * time.Second,
		DatabaseConnections: 16,
	}
}

// Relaxed reports whether syncing is left to the operating system.
func (c *Config) Relaxed() bool { return c.Durability == DurabilityRelaxed }

// TLS reports whether Listen speaks TLS.
func (c *Config) TLS() bool { return c.TLSCert != "" || len(c.ACMEDomains) > 0 }

// BlobFolder is the folder of Blobs or BlobsFrom, if they are on disk.
func BlobFolder(blobs string) string { return strings.TrimPrefix(blobs, "disk:") }

// Bucket is where Blobs or BlobsFrom are, if they are in S3.
type Bucket struct {
	Name, Prefix     string
	Endpoint, Region string // empty: Amazon's, and as the environment says
	PathStyle        bool   // whether the bucket's name is in the path and not in the host
}

// BlobBucket is the bucket of Blobs or BlobsFrom, and false if they are on disk.
func BlobBucket(blobs string) (Bucket, bool) {
	b, err := ParseBucket(blobs)
	return b, err == nil
}

// follow sets what depends on other settings and was not set itself.
func (c *Config) follow() {
	if c.Database == "" {
		c.Database = "sqlite:" + filepath.Join(c.Data, "satchel.db")
	}
	if c.Blobs == "" {
		c.Blobs = "disk:" + filepath.Join(c.Data, "blobs")
	}
}

// conflicts answers a line for each setting that another one makes impossible.
func (c *Config) conflicts() error {
	var wrong []error
	refuse := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	if (c.MailSMTP == "") != (c.MailFrom == "") {
		refuse("mail_smtp, mail_from: want both of them, or none")
	}
	if (c.CodeWebhook == "") != (c.CodeWebhookSecret == "") {
		refuse("code_webhook, code_webhook_secret: want both of them, or none")
	}
	if (c.EventsWebhook == "") != (c.EventsWebhookSecret == "") {
		refuse("events_webhook, events_webhook_secret: want both of them, or none")
	}
	if (c.AdmitWebhook == "") != (c.AdmitWebhookSecret == "") {
		refuse("admit_webhook, admit_webhook_secret: want both of them, or none")
	}
	if c.AdmitTimeout > time.Minute {
		refuse("admit_timeout: want at most 1m, which is how long a request may stand still")
	}
	if c.Verify == VerifyEmail && c.MailSMTP == "" && !c.CodeLog {
		refuse("verify = %q: nothing sends e-mail: want mail_smtp and mail_from, or code_log = true while you develop", c.Verify)
	}
	if c.Verify == VerifyPhone && c.CodeWebhook == "" && !c.CodeLog {
		refuse("verify = %q: nothing sends text messages: want code_webhook and code_webhook_secret, or code_log = true while you develop", c.Verify)
	}
	_, to := BlobBucket(c.Blobs)
	_, from := BlobBucket(c.BlobsFrom)
	if to && from {
		refuse("blobs, blobs_from: content moves from a disk or to one: want disk:PATH for one of them")
	}
	if !to && c.BlobsFrom != "" && !from && filepath.Clean(BlobFolder(c.Blobs)) == filepath.Clean(BlobFolder(c.BlobsFrom)) {
		refuse("blobs, blobs_from: both are %s", BlobFolder(c.Blobs))
	}
	if !to && !from && (c.S3AccessKey != "" || c.S3SecretKey != "") {
		refuse("s3_access_key, s3_secret_key: blobs are not in S3: want blobs = \"s3://…\"")
	}
	if !to && c.S3Redirect != nil {
		refuse("s3_redirect: blobs are not in S3: want blobs = \"s3://…\"")
	}
	if (c.S3AccessKey == "") != (c.S3SecretKey == "") {
		refuse("s3_access_key, s3_secret_key: want both of them, or none")
	}
	if (c.BackupAccessKey == "") != (c.BackupSecretKey == "") {
		refuse("backup_access_key, backup_secret_key: want both of them, or none")
	}
	c.conflictsOfTLS(refuse)
	return errors.Join(wrong...)
}

func (c *Config) conflictsOfTLS(refuse func(format string, args ...any)) {
	if (c.TLSCert == "") != (c.TLSKey == "") {
		refuse("tls_cert, tls_key: want both of them, or none")
	}
	if c.TLSCert != "" && len(c.ACMEDomains) > 0 {
		refuse("tls_cert, acme_domains: want a certificate in files, or one that is asked for")
	}
	if len(c.ACMEDomains) == 0 && (c.ACMEEmail != "" || c.ACMEDirectory != letsEncrypt) {
		refuse("acme_email, acme_directory: no certificate is asked for: want acme_domains")
	}
	if c.TLS() && c.PublicURL != nil && c.PublicURL.Scheme != "https" {
		refuse("public_url = %q: the server speaks TLS: want https://", c.PublicURL)
	}
	if c.TLS() && c.H2C {
		refuse("h2c: the server speaks TLS, and HTTP/2 with it: want one of them")
	}
	if !c.TLS() && c.HTTPListen != "" {
		refuse("http_listen = %q: there is no HTTPS to send people to: want tls_cert and tls_key, or acme_domains", c.HTTPListen)
	}
	if c.ProxyProtocol && len(c.TrustedProxies) == 0 {
		refuse("proxy_protocol: nobody may send the header: want trusted_proxies")
	}
}
