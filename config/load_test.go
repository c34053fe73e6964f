package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/config"
)

// write makes a file and answers its path.
func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "satchel.toml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// setting is what Load made of a key: its value as shown, and where it came from.
func setting(t *testing.T, c *config.Config, key string) (value, from string) {
	t.Helper()
	for _, s := range c.Settings() {
		if s.Key == key {
			return s.Value, s.From
		}
	}
	t.Fatalf("no setting %q", key)
	return "", ""
}

func TestDefaults(t *testing.T) {
	c, err := config.Load(config.Sources{Environ: []string{"HOME=/root", "PATH=/bin"}})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"listen": "127.0.0.1:8080", "admin_listen": "127.0.0.1:8081", "data": "./data",
		"database": "sqlite:data/satchel.db", "blobs": "disk:data/blobs",
		"public_url": "", "trusted_proxies": "", "proxy_protocol": "false", "h2c": "false", "tls_cert": "", "tls_key": "", "http_listen": "off", "hsts": "0s",
		"acme_domains": "", "acme_email": "", "acme_directory": "https://acme-v02.api.letsencrypt.org/directory",
		"cors_origins": "", "registration": "open", "verify": "none",
		"mail_smtp": "", "mail_from": "", "code_webhook": "", "code_webhook_secret": "", "code_log": "false", "codes_per_hour": "1000", "key_rotation": "90d",
		"oidc_issuer": "", "oidc_client_id": "", "oidc_client_secret": "", "oidc_name": "", "oidc_scopes": "profile,email", "oidc_registration": "follow", "durability": "strict",
		"quota": "0", "max_file": "0", "deny_names": "", "allow_types": "", "admit_webhook": "", "admit_webhook_secret": "", "admit_timeout": "10s", "admit_headers": "", "upload_expiry": "1d",
		"upload_max_age": "0s", "max_open_uploads": "50000", "proof": "false", "trash_expiry": "30d", "versions": "20", "finder_quota": "true",
		"changes_expiry": "30d", "max_changes": "50000", "audit_expiry": "365d", "events_webhook": "", "events_webhook_secret": "", "events_expiry": "1d", "max_events": "100000", "scrub_every": "30d", "scrub_rate": "8MiB", "backup_every": "1d", "backup_access_key": "", "backup_secret_key": "", "thumbnails": "2", "thumbnail_memory": "256MiB",
		"log_level": "info", "log_format": "auto", "access_log": "", "access_log_format": "json", "access_log_size": "100MiB", "access_log_keep": "30", "traces": "", "traces_sampled": "10%", "shutdown_grace": "10s", "database_connections": "16",
	}
	for _, s := range c.Settings() {
		if s.Value != want[s.Key] || s.From != "default" {
			t.Errorf("%s = %q from %q, want %q from default", s.Key, s.Value, s.From, want[s.Key])
		}
		delete(want, s.Key)
	}
	for key := range want {
		t.Errorf("%s is no setting", key)
	}
}

func TestPrecedence(t *testing.T) {
	const inFile, inEnv, inFlag = "127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"
	file := write(t, `listen = "`+inFile+`"`)
	for _, c := range []struct {
		name              string
		file, env, flag   bool
		wantValue, wantIn string
	}{
		{"nothing", false, false, false, "127.0.0.1:8080", "default"},
		{"file", true, false, false, inFile, "file " + file},
		{"environment over file", true, true, false, inEnv, "environment SATCHEL_LISTEN"},
		{"flag over all", true, true, true, inFlag, "flag --listen"},
		{"flag over file", true, false, true, inFlag, "flag --listen"},
		{"environment alone", false, true, false, inEnv, "environment SATCHEL_LISTEN"},
	} {
		t.Run(c.name, func(t *testing.T) {
			src := config.Sources{Flags: map[string]string{}}
			if c.file {
				src.Flags["config"] = file
			}
			if c.env {
				src.Environ = append(src.Environ, "SATCHEL_LISTEN="+inEnv)
			}
			if c.flag {
				src.Flags["listen"] = inFlag
			}
			loaded, err := config.Load(src)
			if err != nil {
				t.Fatal(err)
			}
			if value, from := setting(t, loaded, "listen"); value != c.wantValue || from != c.wantIn {
				t.Errorf("listen = %q from %q, want %q from %q", value, from, c.wantValue, c.wantIn)
			}
		})
	}
}

func TestFile(t *testing.T) {
	path := write(t, `
# a home server
data            = "/srv/satchel"
admin_listen    = "off"
public_url      = "https://files.example.org/"
trusted_proxies = ["10.0.0.0/8", "::1"]
cors_origins    = ["https://app.example.org", "capacitor://localhost"]
registration    = "closed"
durability      = "relaxed"
quota           = "10GiB"
max_file        = 1000
trash_expiry    = "never"
upload_expiry   = "90m"
upload_max_age  = "7d"
max_open_uploads = 100
proof           = true
versions        = 0
deny_names      = ["*.exe", "*.lnk"]
log_level       = "debug"
`)
	c, err := config.Load(config.Sources{Environ: []string{"SATCHEL_CONFIG=" + path}})
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"database": "sqlite:/srv/satchel/satchel.db", "blobs": "disk:/srv/satchel/blobs", "admin_listen": "off",
		"public_url": "https://files.example.org", "trusted_proxies": "10.0.0.0/8,::1/128", "quota": "10GiB",
		"deny_names": "*.exe,*.lnk", "trash_expiry": "never", "upload_expiry": "1h30m0s", "upload_max_age": "7d",
		"cors_origins": "https://app.example.org,capacitor://localhost", "max_open_uploads": "100", "proof": "true", "versions": "0", "log_level": "debug",
	} {
		if value, _ := setting(t, c, key); value != want {
			t.Errorf("%s = %q, want %q", key, value, want)
		}
	}
	if c.Quota != 10<<30 || c.MaxFile != 1000 || c.UploadExpiry != 90*time.Minute || c.TrashExpiry >= 0 || c.AdminListen != "" {
		t.Errorf("got %+v", c)
	}
	if c.UploadMaxAge != 7*24*time.Hour || c.MaxOpenUploads != 100 || !c.Proof || len(c.CORSOrigins) != 2 {
		t.Errorf("got %+v", c)
	}
	if !c.Relaxed() || config.BlobFolder(c.Blobs) != "/srv/satchel/blobs" {
		t.Errorf("relaxed %v, blob folder %q", c.Relaxed(), config.BlobFolder(c.Blobs))
	}
}

// What is refused, and the words that tell why.
func TestRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		file string
		env  string // NAME=VALUE
		flag string // key=value
		want string
	}{
		{name: "an unknown key", file: `port = 8080`, want: "unknown setting port in FILE"},
		{name: "a misspelt key", file: `listn = "x:1"`, want: "unknown setting listn in FILE: did you mean listen?"},
		{name: "an unknown table", file: "[server]\nlisten = \"x:1\"", want: "unknown setting server.listen in FILE"},
		{name: "an empty table", file: "[listen]", want: "listen (file FILE): a table is not a value for it"},
		{name: "an unknown variable", env: "SATCHEL_COLOUR=red", want: "unknown setting SATCHEL_COLOUR in the environment"},
		{name: "a misspelt variable", env: "SATCHEL_LISTN=x:1", want: "did you mean SATCHEL_LISTEN?"},
		{name: "a secret file for what is no secret", env: "SATCHEL_LISTEN_FILE=/x", want: "unknown setting SATCHEL_LISTEN_FILE"},
		{name: "TOML that is none", file: "listen = \n", want: "settings file FILE, line 1: "},
		{name: "a file that is missing", flag: "config=/nonexistent/satchel.toml", want: "settings file: open /nonexistent/satchel.toml: no such file"},
		{name: "an empty file name", flag: "config=", want: "--config: want the path of a TOML file"},
		{name: "a secret file that is missing", env: "SATCHEL_DATABASE_FILE=/nonexistent/url", want: "database (SATCHEL_DATABASE_FILE): open /nonexistent/url: no such file"},
		{name: "an array where one value is due", file: `listen = ["x:1"]`, want: "listen (file FILE): an array is not a value for it"},
		{name: "a float", file: `versions = 2.5`, want: "versions (file FILE): a number with a fraction is not a value for it"},
		{name: "an address without a port", env: "SATCHEL_LISTEN=localhost", want: `listen = "localhost" (environment SATCHEL_LISTEN): want HOST:PORT`},
		{name: "a port that is none", flag: "listen=:99999", want: `listen = ":99999" (flag --listen): want HOST:PORT`},
		{name: "no address", env: "SATCHEL_LISTEN=", want: `listen = "" (environment SATCHEL_LISTEN): want HOST:PORT`},
		{name: "an admin address", file: `admin_listen = "on"`, want: `admin_listen = "on" (file FILE): want HOST:PORT, such as 127.0.0.1:8081, or off`},
		{name: "a database", flag: "database=mysql://u@h/d", want: "database (flag --database): want sqlite:PATH or postgres://"},
		{name: "a Postgres URL without a name", flag: "database=postgres://u:secret@h", want: "database (flag --database): want postgres://"},
		{name: "S3 without a bucket", flag: "blobs=s3:///prefix", want: "want s3://BUCKET/PREFIX"},
		{name: "S3 with keys", flag: "blobs=s3://key:secret@bucket", want: "without keys: these belong into settings of their own (SATCHEL_S3_SECRET_KEY_FILE"},
		{name: "S3 with an endpoint that is none", flag: "blobs=s3://bucket?endpoint=minio:9000", want: "want an endpoint such as https://s3.example.org"},
		{name: "S3 with a parameter that is none", flag: "blobs=s3://bucket?acl=public", want: "want no other parameters than endpoint, region and path_style"},
		{name: "S3 in a style that is none", flag: "blobs=s3://bucket?path_style=1", want: "want path_style=true or path_style=false"},
		{name: "a key for S3 alone", file: "blobs = \"s3://bucket\"\ns3_access_key = \"k\"", want: "s3_access_key, s3_secret_key: want both of them, or none"},
		{name: "redirects to S3 on disk", file: "s3_redirect = \"https://s3.example.org\"", want: "s3_redirect: blobs are not in S3"},
		{name: "keys for S3 on disk", file: "s3_access_key = \"k\"\ns3_secret_key = \"s\"", want: "blobs are not in S3"},
		{name: "blobs without a store", flag: "blobs=/srv", want: "blobs (flag --blobs): want disk:PATH or s3://BUCKET/PREFIX"},
		{name: "a public address below a path", flag: "public_url=https://a.example/satchel", want: "want http:// or https:// and a host without a path"},
		{name: "a public address without a scheme", flag: "public_url=a.example", want: "want http:// or https://"},
		{name: "a proxy by name", env: "SATCHEL_TRUSTED_PROXIES=proxy", want: "want networks or addresses"},
		{name: "a choice", env: "SATCHEL_REGISTRATION=maybe", want: `registration = "maybe" (environment SATCHEL_REGISTRATION): want open, invite or closed`},
		{name: "a format", env: "SATCHEL_LOG_FORMAT=xml", want: "want auto, text or json"},
		{name: "a level", env: "SATCHEL_LOG_LEVEL=loud", want: "want debug, info, warn or error"},
		{name: "a size in words", env: "SATCHEL_QUOTA=plenty", want: "want a size in bytes"},
		{name: "a size below zero", env: "SATCHEL_QUOTA=-1", want: "want a size in bytes"},
		{name: "a size beyond all disks", env: "SATCHEL_QUOTA=9000000000TiB", want: "want a size in bytes"},
		{name: "a time without a unit", env: "SATCHEL_UPLOAD_EXPIRY=30", want: "want a time such as 30s, 12h or 7d"},
		{name: "no time", env: "SATCHEL_UPLOAD_EXPIRY=0s", want: "want a time such as"},
		{name: "a time that never ends where it must", env: "SATCHEL_UPLOAD_EXPIRY=never", want: "want a time such as"},
		{name: "an age below zero", env: "SATCHEL_UPLOAD_MAX_AGE=-1h", want: "want a time such as 30s, or 0s"},
		{name: "thumbnails in no memory", file: "thumbnail_memory = \"1MiB\"", want: `thumbnail_memory = "1MiB" (file FILE): want a size from 96MiB to 8GiB`},
		{name: "no upload at all", file: "max_open_uploads = 0", want: `max_open_uploads = "0" (file FILE): want a whole number from 1 to 1000000`},
		{name: "a word for yes", env: "SATCHEL_PROOF=yes", want: `proof = "yes" (environment SATCHEL_PROOF): want true or false`},
		{name: "a count beyond its bounds", file: "versions = 1000000", want: `versions = "1000000" (file FILE): want a whole number from 0 to 10000`},
	} {
		t.Run(c.name, func(t *testing.T) {
			src := config.Sources{Flags: map[string]string{}}
			if c.file != "" {
				src.Flags["config"] = write(t, c.file)
			}
			if c.env != "" {
				src.Environ = []string{c.env}
			}
			if key, value, ok := strings.Cut(c.flag, "="); ok {
				src.Flags[key] = value
			}
			_, err := config.Load(src)
			if err == nil {
				t.Fatal("it was taken")
			}
			got := err.Error()
			if c.file != "" {
				got = strings.ReplaceAll(got, src.Flags["config"], "FILE")
			}
			if !strings.Contains(got, c.want) {
				t.Errorf("error\n\t%s\nwant it to say\n\t%s", got, c.want)
			}
			if strings.Contains(got, "secret@") {
				t.Errorf("the password is in the error: %s", got)
			}
		})
	}
}

func TestEverythingWrongIsToldAtOnce(t *testing.T) {
	_, err := config.Load(config.Sources{Environ: []string{"SATCHEL_LISTEN=x", "SATCHEL_QUOTA=x", "SATCHEL_VERSIONS=x"}})
	if err == nil {
		t.Fatal("it was taken")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "listen ") || !strings.HasPrefix(lines[1], "quota ") || !strings.HasPrefix(lines[2], "versions ") {
		t.Errorf("got %q, want a line each for listen, quota and versions", lines)
	}
}

func TestEnvironmentOfOthers(t *testing.T) {
	_, err := config.Load(config.Sources{Environ: []string{
		"SATCHEL_TEST_POSTGRES=postgres://…", // our own tests'
		"SATCHEL_CLIENT_USER=ann",            // the client's
		"SATCHEL_SERVICE_HOST=10.96.0.7", "SATCHEL_SERVICE_PORT=80", "SATCHEL_SERVICE_PORT_HTTP=80",
		"SATCHEL_PORT=tcp://10.96.0.7:80", "SATCHEL_PORT_80_TCP=tcp://10.96.0.7:80", "SATCHEL_PORT_80_TCP_ADDR=10.96.0.7",
		"satchel_listen=nonsense", "NO_EQUALS_SIGN",
	}})
	if err != nil {
		t.Errorf("refused: %v", err)
	}
}

func TestSecretFromFile(t *testing.T) {
	path := write(t, "postgres://satchel:hunter2@db.example/satchel?sslpassword=hunter3&sslmode=require\n")
	c, err := config.Load(config.Sources{Environ: []string{"SATCHEL_DATABASE_FILE=" + path}})
	if err != nil {
		t.Fatal(err)
	}
	if want := "postgres://satchel:hunter2@db.example/satchel?sslpassword=hunter3&sslmode=require"; c.Database != want {
		t.Errorf("database = %q, want %q", c.Database, want)
	}
	value, from := setting(t, c, "database")
	if strings.Contains(value, "hunter") || !strings.Contains(value, "db.example/satchel") {
		t.Errorf("shown as %q: want the host and no password", value)
	}
	if from != "environment SATCHEL_DATABASE_FILE" {
		t.Errorf("from %q", from)
	}

	_, err = config.Load(config.Sources{Environ: []string{"SATCHEL_DATABASE_FILE=" + path, "SATCHEL_DATABASE=sqlite:x"}})
	if err == nil || !strings.Contains(err.Error(), "both SATCHEL_DATABASE and SATCHEL_DATABASE_FILE are set") {
		t.Errorf("both set: %v", err)
	}
}

// Origins are compared byte by byte with what browsers send, so only what they can send is taken.
func TestOrigins(t *testing.T) {
	for text, taken := range map[string]bool{
		"": true, "*": true, "https://app.example.org": true, "http://localhost": true, "http://localhost:5173": true, "app://obsidian.md": true,
		"capacitor://localhost": true, "ionic://localhost, https://a.example": true, "http://[::1]:8080": true, "https://xn--mnchen-3ya.example": true,
		"*,https://app.example.org": false, "https://*.example.org": false, "null": false, "app.example.org": false, "https://": false, "https:app": false,
		"https://app.example.org/": false, "https://app.example.org/path": false, "https://app.example.org?": false, "https://app.example.org#": false,
		"https://user@app.example.org": false, "HTTPS://app.example.org": false, "https://App.example.org": false, "https://app.example.org:443": false,
		"http://app.example.org:80": false, "https://app.example.org:": false, "https://münchen.example": false, "https://a b": false, "file://": false,
	} {
		_, err := config.Load(config.Sources{Environ: []string{"SATCHEL_CORS_ORIGINS=" + text}})
		if (err == nil) != taken {
			t.Errorf("%q: %v, want it taken: %v", text, err, taken)
		}
		if err != nil && !strings.Contains(err.Error(), "want origins as browsers spell them") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "1": 1, "512B": 512, "1KB": 1000, "1KiB": 1024, "500 MB": 500e6, "10GiB": 10 << 30, "10gib": 10 << 30, "2TiB": 2 << 40,
	} {
		c, err := config.Load(config.Sources{Environ: []string{"SATCHEL_QUOTA=" + text}})
		if err != nil {
			t.Errorf("%q: %v", text, err)
		} else if c.Quota != want {
			t.Errorf("%q is %d, want %d", text, c.Quota, want)
		}
	}
}

func TestFlags(t *testing.T) {
	var names []string
	for _, f := range config.Flags() {
		names = append(names, f.Name)
		if f.Usage == "" {
			t.Errorf("--%s has no usage", f.Name)
		}
	}
	if got, want := strings.Join(names, " "), "config listen admin-listen data database blobs public-url tls-cert tls-key http-listen"; got != want {
		t.Errorf("flags %s, want %s", got, want)
	}
}

// TLS and what stands in front of it.
func TestWhatEncrypts(t *testing.T) {
	const tls = "tls_cert = \"/etc/tls.crt\"\ntls_key = \"/etc/tls.key\"\n"
	for _, c := range []struct{ file, want string }{
		{`tls_cert = "/etc/tls.crt"`, "tls_cert, tls_key: want both of them, or none"},
		{`tls_key = "/etc/tls.key"`, "tls_cert, tls_key: want both of them, or none"},
		{tls + `public_url = "http://files.example.org"`, "the server speaks TLS: want https://"},
		{tls + `h2c = true`, "h2c: the server speaks TLS"},
		{tls + `acme_domains = ["files.example.org"]`, "tls_cert, acme_domains: want a certificate in files, or one that is asked for"},
		{`acme_email = "ops@example.org"`, "acme_email, acme_directory: no certificate is asked for"},
		{`acme_directory = "https://acme.example.org/directory"`, "acme_email, acme_directory: no certificate is asked for"},
		{"acme_domains = [\"files.example.org\"]\nacme_directory = \"http://acme.example.org\"", "want https://"},
		{`acme_domains = ["*.example.org"]`, "want host names"},
		{`acme_domains = ["192.0.2.1"]`, "want host names"},
		{`acme_domains = ["files.example.org", "Files.example.org"]`, "each once"},
		{`acme_domains = ["a_b.example.org"]`, "want host names"},
		{"acme_domains = [\"files.example.org\"]\npublic_url = \"http://files.example.org\"", "want https://"},
		{"acme_domains = [\"Files.Example.org\", \"xn--mnchen-3ya.example\", \"nas\"]\nacme_email = \"ops@example.org\"\nhttp_listen = \":80\"", ""},
		{`http_listen = ":80"`, "there is no HTTPS to send people to"},
		{`proxy_protocol = true`, "proxy_protocol: nobody may send the header: want trusted_proxies"},
		{`hsts = "never"`, "want a time such as"},
		{tls + "http_listen = \":80\"\nhsts = \"180d\"\npublic_url = \"https://files.example.org\"\nproxy_protocol = true\ntrusted_proxies = [\"10.0.0.0/8\"]", ""},
		{`h2c = true`, ""},
	} {
		_, err := config.Load(config.Sources{Flags: map[string]string{"config": write(t, c.file)}})
		if (err == nil) != (c.want == "") || (err != nil && !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.file, err, c.want)
		}
	}
}

// Settings that only make sense together.
func TestWhatSendsCodes(t *testing.T) {
	for _, c := range []struct{ file, want string }{
		{`verify = "email"`, "verify = \"email\": nothing sends e-mail"},
		{`verify = "phone"`, "verify = \"phone\": nothing sends text messages"},
		{"verify = \"email\"\ncode_webhook = \"https://sms.example.org\"\ncode_webhook_secret = \"0123456789abcdef\"", "nothing sends e-mail"},
		{`mail_smtp = "smtp://mail.example.org"`, "mail_smtp, mail_from: want both"},
		{`mail_from = "files@example.org"`, "mail_smtp, mail_from: want both"},
		{`code_webhook = "https://sms.example.org"`, "code_webhook, code_webhook_secret: want both"},
		{`mail_smtp = "http://mail.example.org"`, "mail_smtp (file"},
		{`mail_from = "nobody"`, `mail_from = "nobody"`},
		{`code_webhook = "sms.example.org"`, "code_webhook (file"},
		{`verify = "both"`, "want none, email or phone"},
		{"verify = \"email\"\ncode_log = true", ""},
		{"verify = \"email\"\nmail_smtp = \"smtp://u:hunter2@mail.example.org\"\nmail_from = \"Satchel <files@example.org>\"", ""},
	} {
		loaded, err := config.Load(config.Sources{Flags: map[string]string{config.ConfigKey: write(t, c.file)}})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.file, err, c.want)
		}
		if err == nil {
			if value, _ := setting(t, loaded, "mail_smtp"); strings.Contains(value, "hunter2") {
				t.Errorf("the password is shown: %s", value)
			}
		}
	}
	secret := write(t, "0123456789abcdef\n")
	loaded, err := config.Load(config.Sources{Environ: []string{"SATCHEL_CODE_WEBHOOK=https://k:v@sms.example.org?key=hunter2", "SATCHEL_CODE_WEBHOOK_SECRET_FILE=" + secret}})
	if err != nil || loaded.CodeWebhookSecret != "0123456789abcdef" {
		t.Fatalf("%v", err)
	}
	for key, want := range map[string]string{"code_webhook": "https://k:xxxxx@sms.example.org?xxxxx", "code_webhook_secret": "xxxxx"} {
		if value, _ := setting(t, loaded, key); value != want {
			t.Errorf("%s is shown as %q", key, value)
		}
	}
}
