package config

import "strings"

// setting is a row of the table: how one field of a Config is called and read.
type setting struct {
	key    string
	usage  string
	flag   bool // has a command-line flag
	secret bool // may hold a password: never printed whole, and SATCHEL_…_FILE works
	list   bool // a TOML array is taken
	live   bool // a running server takes it up on SIGHUP
	value  value
}

// value is a field of a Config, seen as text.
type value interface {
	// Set reads text. Its error ends the sentence "want …".
	Set(text string) error
	// String is the value as it may be shown to people.
	String() string
}

// settings is the table of all settings, bound to the fields of c.
func (c *Config) settings() []setting {
	return []setting{
		{key: "listen", flag: true, usage: "`HOST:PORT` that serves everyone", value: address{&c.Listen, false}},
		{key: "admin_listen", flag: true, usage: "`HOST:PORT` of metrics and profiles, or off", value: address{&c.AdminListen, true}},
		{key: "data", flag: true, usage: "`FOLDER` of the database and the blobs", value: folder{&c.Data}},
		{key: "database", flag: true, secret: true, usage: "sqlite:PATH or postgres://… `URL` (default sqlite:DATA/satchel.db)", value: database{&c.Database}},
		{key: "blobs", flag: true, secret: true, usage: "where content lives, disk:`PATH` (default disk:DATA/blobs) or s3://BUCKET/PREFIX?endpoint=URL&region=NAME&path_style=true", value: blobs{&c.Blobs}},
		{key: "blobs_from", secret: true, usage: "where content was before, in the form of blobs, until satchel migrate-blobs has moved it", value: blobs{&c.BlobsFrom}},
		{key: "s3_access_key", usage: "the key that goes with s3_secret_key; without both the credentials are those of the environment (AWS_…) or the machine", value: text{&c.S3AccessKey, 256}},
		{key: "s3_secret_key", secret: true, usage: "signs the requests to S3", value: secretText{&c.S3SecretKey}},
		{key: "s3_redirect", usage: "`URL` at which browsers reach the S3 service, to which downloads are sent then, such as https://s3.example.org", value: publicURL{&c.S3Redirect}},
		{key: "public_url", flag: true, usage: "`URL` that people use, such as https://files.example.org", value: publicURL{&c.PublicURL}},
		{key: "trusted_proxies", list: true, usage: "networks of reverse proxies whose X-Forwarded-* headers are believed", value: networks{&c.TrustedProxies}},
		{key: "proxy_protocol", usage: "whether connections from trusted_proxies begin with a PROXY header that names the client", value: boolean{&c.ProxyProtocol}},
		{key: "h2c", usage: "whether HTTP/2 is spoken without TLS, to a reverse proxy", value: boolean{&c.H2C}},
		{key: "tls_cert", flag: true, usage: "`FILE` of a certificate and its chain (PEM); it is read again when it changes", value: text{&c.TLSCert, 4096}},
		{key: "tls_key", flag: true, usage: "`FILE` of the key that goes with it (PEM)", value: text{&c.TLSKey, 4096}},
		{key: "acme_domains", list: true, usage: "names that a certificate is asked for, of an authority that speaks ACME", value: hosts{&c.ACMEDomains}},
		{key: "acme_email", usage: "address that the authority writes to", value: mailbox{&c.ACMEEmail}},
		{key: "acme_directory", usage: "the authority; who sets acme_domains agrees to its terms", value: secretURL{&c.ACMEDirectory, []string{"https"}}},
		{key: "http_listen", flag: true, usage: "`HOST:PORT` that sends plain HTTP on to HTTPS, or off", value: address{&c.HTTPListen, true}},
		{key: "hsts", usage: "how long browsers remember to come by HTTPS only, 0s for not at all", value: duration{&c.HSTS, durationOrZero}},
		{key: "cors_origins", list: true, usage: "origins whose scripts may use the server, such as https://app.example.org; * alone is every one", value: origins{&c.CORSOrigins}},
		{key: "registration", live: true, usage: "who may make an account", value: choice{&c.Registration, []string{RegistrationOpen, RegistrationInvite, RegistrationClosed}}},
		{key: "verify", usage: "what a code proves before an account is made", value: choice{&c.Verify, []string{VerifyNone, VerifyEmail, VerifyPhone}}},
		{key: "mail_smtp", secret: true, usage: "mail server that sends codes, smtp://USER:PASSWORD@HOST:587 (STARTTLS, or none with ?starttls=off) or smtps://…", value: secretURL{&c.MailSMTP, []string{"smtp", "smtps"}}},
		{key: "mail_from", usage: "sender of mail, such as Satchel <files@example.org>", value: mailbox{&c.MailFrom}},
		{key: "code_webhook", secret: true, usage: "address of a gateway that sends text messages", value: secretURL{&c.CodeWebhook, []string{"https", "http"}}},
		{key: "code_webhook_secret", secret: true, usage: "signs what the gateway gets (Standard Webhooks), whsec_… or 16 bytes and more", value: secretText{&c.CodeWebhookSecret}},
		{key: "code_log", usage: "whether codes that nothing sends are written to the log, while you develop", value: boolean{&c.CodeLog}},
		{key: "codes_per_hour", usage: "codes that are sent in an hour, to all together", value: count{&c.CodesPerHour, 1, 1_000_000}},
		{key: "key_rotation", usage: "age at which the key that signs access tokens is replaced", value: duration{&c.KeyRotation, durationOrNever}},
		{key: "oidc_issuer", usage: "OpenID Connect provider where people may sign in on the pages, such as https://accounts.example.org", value: text{&c.OIDCIssuer, 512}},
		{key: "oidc_client_id", usage: "what the provider calls this server", value: text{&c.OIDCClientID, 512}},
		{key: "oidc_client_secret", secret: true, usage: "the secret that goes with it; none for a public client", value: secretText{&c.OIDCClientSecret}},
		{key: "oidc_name", usage: "the provider as people know it (default the issuer's host)", value: text{&c.OIDCName, 64}},
		{key: "oidc_scopes", list: true, usage: "what is asked for beside openid", value: list{&c.OIDCScopes}},
		{key: "oidc_registration", usage: "whether signing in there makes an account for who has none; follow is as registration says", value: choice{&c.OIDCRegistration, []string{OIDCFollow, RegistrationOpen, RegistrationClosed}}},
		{key: "durability", usage: "whether an answer waits for the disk", value: choice{&c.Durability, []string{DurabilityStrict, DurabilityRelaxed}}},
		{key: "quota", live: true, usage: "size that a new drive may hold, 0 for no limit", value: size{&c.Quota}},
		{key: "max_file", live: true, usage: "size of the largest file, 0 for no limit", value: size{&c.MaxFile}},
		{key: "deny_names", live: true, list: true, usage: "patterns that the name of an uploaded file must not match, such as *.exe", value: list{&c.DenyNames}},
		{key: "allow_types", live: true, list: true, usage: "media types that an upload may have, such as image/*; none is all", value: list{&c.AllowTypes}},
		{key: "admit_webhook", secret: true, usage: "address that is asked before an upload begins, as tusd's pre-create hook", value: secretURL{&c.AdmitWebhook, []string{"https", "http"}}},
		{key: "admit_webhook_secret", secret: true, usage: "signs the questions (Standard Webhooks), whsec_… or 16 bytes and more", value: secretText{&c.AdmitWebhookSecret}},
		{key: "admit_timeout", usage: "how long its answer is waited for", value: duration{&c.AdmitTimeout, durationPositive}},
		{key: "admit_headers", list: true, usage: "headers of the request that it is told besides those that it always is", value: list{&c.AdmitHeaders}},
		{key: "upload_expiry", live: true, usage: "life of an unfinished upload after its last byte", value: duration{&c.UploadExpiry, durationPositive}},
		{key: "upload_max_age", live: true, usage: "life of an unfinished upload, whatever it receives; 0s for no limit", value: duration{&c.UploadMaxAge, durationOrZero}},
		{key: "max_open_uploads", live: true, usage: "unfinished uploads of one user", value: count{&c.MaxOpenUploads, 1, 1_000_000}},
		{key: "proof", usage: "whether a file that other users hold needs no upload, against a proof of holding it", value: boolean{&c.Proof}},
		{key: "trash_expiry", live: true, usage: "how long a removed file can be restored", value: duration{&c.TrashExpiry, durationOrNever}},
		{key: "versions", live: true, usage: "contents kept of an overwritten file", value: count{&c.Versions, 0, 10_000}},
		{key: "finder_quota", usage: "whether Finder is told how full a drive is; there are versions of macOS that stall over it", value: boolean{&c.FinderQuota}},
		{key: "changes_expiry", usage: "how long a client that was away finds out what changed, and need not list everything", value: duration{&c.ChangesExpiry, durationOrNever}},
		{key: "max_changes", usage: "changes of one drive that are kept for such clients", value: count{&c.MaxChanges, 1000, 1_000_000}},
		{key: "events_webhook", secret: true, usage: "address that is told what changed in drives", value: secretURL{&c.EventsWebhook, []string{"https", "http"}}},
		{key: "events_webhook_secret", secret: true, usage: "signs what it gets (Standard Webhooks), whsec_… or 16 bytes and more", value: secretText{&c.EventsWebhookSecret}},
		{key: "events_expiry", usage: "how long an event that is not taken is tried again", value: duration{&c.EventsExpiry, durationPositive}},
		{key: "max_events", usage: "events that are kept until they are taken, given up ones among them", value: count{&c.MaxEvents, 1000, 10_000_000}},
		{key: "audit_expiry", live: true, usage: "how long the audit log knows who did what", value: duration{&c.AuditExpiry, durationOrNever}},
		{key: "scrub_every", live: true, usage: "how often all content is read again and compared with its SHA-256", value: duration{&c.ScrubEvery, durationOrNever}},
		{key: "scrub_rate", usage: "size that is read a second for that", value: boundedSize{&c.ScrubRate, 64 << 10, 1 << 40}},
		{key: "backup_every", live: true, usage: "how often satchel backup is to be run, which an alert and the doctor go by", value: duration{&c.BackupEvery, durationOrNever}},
		{key: "backup_access_key", usage: "the key that goes with backup_secret_key; without both the credentials for a bucket of backups are those of the environment (AWS_…) or the machine", value: text{&c.BackupAccessKey, 256}},
		{key: "backup_secret_key", secret: true, usage: "signs the requests to the bucket of backups", value: secretText{&c.BackupSecretKey}},
		{key: "thumbnails", usage: "images that are decoded at once to make thumbnails, each in a process of its own; 0 makes none", value: count{&c.Thumbnails, 0, 64}},
		{key: "thumbnail_memory", usage: "memory that decoding one of them may take; images that need more have no thumbnail", value: boundedSize{&c.ThumbnailMemory, 96 << 20, 8 << 30}},
		{key: "log_level", live: true, usage: "least important log line that is written", value: level{&c.LogLevel}},
		{key: "log_format", usage: "how log lines are written", value: choice{&c.LogFormat, []string{LogAuto, LogText, LogJSON}}},
		{key: "access_log", usage: "file with a line for each request; none has them in the log", value: text{&c.AccessLog, 4096}},
		{key: "access_log_format", usage: "json, or combined as Apache and nginx write it", value: choice{&c.AccessLogFormat, []string{AccessJSON, AccessCombined}}},
		{key: "access_log_size", usage: "size at which the file begins anew, as it does with each day in UTC; 0 leaves that to logrotate", value: size{&c.AccessLogSize}},
		{key: "access_log_keep", usage: "files of it that are kept", value: count{&c.AccessLogKeep, 0, 10_000}},
		{key: "traces", secret: true, usage: "collector of OpenTelemetry's that is told what requests spend their time on (OTLP over HTTP), such as http://127.0.0.1:4318", value: secretURL{&c.Traces, []string{"http", "https"}}},
		{key: "traces_sampled", usage: "share of the traces that it is told", value: percent{&c.TracesSampled}},
		{key: "shutdown_grace", usage: "how long running requests may take to end at shutdown", value: duration{&c.ShutdownGrace, durationOrZero}},
		{key: "database_connections", usage: "connections to the database", value: count{&c.DatabaseConnections, 1, 10_000}},
	}
}

// envPrefix begins the name of every variable that is ours.
const envPrefix = "SATCHEL_"

func (s setting) env() string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(s.key, ".", "_"))
}
func (s setting) envFile() string  { return s.env() + "_FILE" }
func (s setting) flagName() string { return strings.NewReplacer("_", "-", ".", "-").Replace(s.key) }

// Flag is a command-line flag that sets a setting.
type Flag struct {
	Key     string // of the setting, as Sources.Flags wants it
	Name    string // without dashes: "admin-listen"
	Usage   string
	Default string // empty if it follows another setting
}

// ConfigKey is the key of the flag that names the file. It is no setting itself.
const ConfigKey = "config"

// Flags are the flags to offer, in the order of the table.
func Flags() []Flag {
	flags := []Flag{{Key: ConfigKey, Name: "config", Usage: "settings `FILE` (TOML)"}}
	c := Default()
	for _, s := range c.settings() {
		if s.flag {
			flags = append(flags, Flag{Key: s.key, Name: s.flagName(), Usage: s.usage, Default: s.value.String()})
		}
	}
	return flags
}
