package config

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// address is HOST:PORT. An optional one may be off.
type address struct {
	to       *string
	optional bool
}

func (v address) Set(text string) error {
	if v.optional && (text == "" || text == "off") {
		*v.to = ""
		return nil
	}
	_, port, err := net.SplitHostPort(text)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		if v.optional {
			return errors.New("HOST:PORT, such as 127.0.0.1:8081, or off")
		}
		return errors.New("HOST:PORT, such as 127.0.0.1:8080")
	}
	*v.to = text
	return nil
}

func (v address) String() string {
	if *v.to == "" {
		return "off"
	}
	return *v.to
}

type folder struct{ to *string }

func (v folder) Set(text string) error {
	if text == "" || strings.ContainsRune(text, 0) {
		return errors.New("the path of a folder")
	}
	*v.to = text
	return nil
}

func (v folder) String() string { return *v.to }

// database is the URL of a database. Only its form is looked at: sqldb opens it.
type database struct{ to *string }

func (v database) Set(text string) error {
	scheme, rest, _ := strings.Cut(text, ":")
	switch {
	case scheme == "sqlite" && strings.TrimPrefix(rest, "//") != "":
	case scheme == "postgres" || scheme == "postgresql":
		if u, err := url.Parse(text); err != nil || !strings.HasPrefix(rest, "//") || strings.Trim(u.Path, "/") == "" {
			return errors.New("postgres://USER:PASSWORD@HOST/NAME (special characters percent-encoded)")
		}
	default:
		return errors.New("sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME")
	}
	*v.to = text
	return nil
}

// String hides every password that a Postgres URL can hold.
func (v database) String() string {
	scheme, _, _ := strings.Cut(*v.to, ":")
	if *v.to == "" || scheme == "sqlite" {
		return *v.to
	}
	u, err := url.Parse(*v.to)
	if err != nil {
		return scheme + "://…"
	}
	query := u.Query()
	for _, name := range [...]string{"password", "sslpassword"} {
		if query.Has(name) {
			query.Set(name, "xxxxx")
		}
	}
	u.RawQuery = query.Encode()
	return u.Redacted()
}

// blobs is where content lives.
type blobs struct{ to *string }

func (v blobs) Set(text string) error {
	scheme, path, _ := strings.Cut(text, ":")
	if scheme == "s3" {
		if _, err := ParseBucket(text); err != nil {
			return err
		}
	} else if scheme != "disk" || path == "" {
		return errors.New("disk:PATH or s3://BUCKET/PREFIX")
	}
	*v.to = text
	return nil
}

// ParseBucket reads s3://BUCKET/PREFIX?endpoint=URL&region=NAME&path_style=true. Its error ends the sentence "want …".
func ParseBucket(text string) (b Bucket, err error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "s3" || u.Host == "" || u.Port() != "" || u.Fragment != "" {
		return b, errors.New("s3://BUCKET/PREFIX")
	}
	if u.User != nil {
		return b, errors.New("s3://BUCKET/PREFIX without keys: these belong into settings of their own (SATCHEL_S3_SECRET_KEY_FILE, SATCHEL_BACKUP_SECRET_KEY_FILE), or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	}
	b.Name, b.Prefix = u.Host, strings.Trim(u.Path, "/")
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return b, errors.New("parameters such as endpoint=https://s3.example.org&region=eu-central-1&path_style=true")
	}
	for name := range query {
		value := query.Get(name)
		switch name {
		case "endpoint":
			if end, err := url.Parse(value); err != nil || (end.Scheme != "http" && end.Scheme != "https") || end.Host == "" || end.User != nil {
				return b, errors.New("an endpoint such as https://s3.example.org")
			}
			b.Endpoint = value
		case "region":
			b.Region = value
		case "path_style":
			if b.PathStyle = value == "true"; !b.PathStyle && value != "false" {
				return b, errors.New("path_style=true or path_style=false")
			}
		default:
			return b, errors.New("no other parameters than endpoint, region and path_style")
		}
	}
	return b, nil
}

func (v blobs) String() string { return *v.to }

// publicURL is a scheme and a host. Satchel cannot live below a path.
type publicURL struct{ to **url.URL }

func (v publicURL) Set(text string) error {
	if text == "" {
		*v.to = nil
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" ||
		u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return errors.New("http:// or https:// and a host without a path, such as https://files.example.org")
	}
	*v.to = &url.URL{Scheme: u.Scheme, Host: u.Host}
	return nil
}

func (v publicURL) String() string {
	if *v.to == nil {
		return ""
	}
	return (*v.to).String()
}

// networks is a list of CIDRs; a single address is a network of one.
type networks struct{ to *[]netip.Prefix }

func (v networks) Set(text string) error {
	var all []netip.Prefix
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		prefix, err := netip.ParsePrefix(part)
		if err != nil {
			addr, err := netip.ParseAddr(part)
			if err != nil {
				return errors.New("networks or addresses with commas between, such as 10.0.0.0/8,::1")
			}
			addr = addr.Unmap().WithZone("")
			prefix = netip.PrefixFrom(addr, addr.BitLen())
		}
		all = append(all, prefix.Masked())
	}
	*v.to = all
	return nil
}

func (v networks) String() string {
	texts := make([]string, len(*v.to))
	for i, prefix := range *v.to {
		texts[i] = prefix.String()
	}
	return strings.Join(texts, ",")
}

// list is words with commas between. What they mean is said where they are used.
type list struct{ to *[]string }

func (v list) Set(text string) error {
	var all []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			all = append(all, part)
		}
	}
	*v.to = all
	return nil
}

func (v list) String() string { return strings.Join(*v.to, ",") }

// origins is a list of web origins, spelled as browsers spell them in the header Origin (RFC 6454, section 6.2), since they are
// compared as they are. An asterisk alone stands for every origin.
type origins struct{ to *[]string }

func (v origins) Set(text string) error {
	var all []string
	if err := (list{&all}).Set(text); err != nil {
		return err
	}
	for _, origin := range all {
		if !validOrigin(origin) && (origin != "*" || len(all) > 1) {
			return errors.New("origins as browsers spell them with commas between, such as https://app.example.org,capacitor://localhost (no path, no slash at the end), or * alone")
		}
	}
	*v.to = all
	return nil
}

func validOrigin(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || strings.Contains(u.Host, "*") || u.Scheme+"://"+u.Host != text || strings.ToLower(text) != text {
		return false
	}
	for i := 0; i < len(text); i++ {
		if text[i] <= ' ' || text[i] > '~' {
			return false // other scripts are in Punycode
		}
	}
	// A scheme's own port is left out.
	return (u.Scheme != "https" || u.Port() != "443") && (u.Scheme != "http" || u.Port() != "80") && !strings.HasSuffix(u.Host, ":")
}

func (v origins) String() string { return strings.Join(*v.to, ",") }

// hosts is a list of host names (RFC 1123, section 2.1), in lower case. They must not be addresses, nor stand for others.
type hosts struct{ to *[]string }

var hostName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)

func (v hosts) Set(text string) error {
	var all []string
	if err := (list{&all}).Set(strings.ToLower(text)); err != nil {
		return err
	}
	for i, host := range all {
		if len(host) > 253 || !hostName.MatchString(host) || slices.Contains(all[:i], host) {
			return errors.New("host names with commas between, each once, such as files.example.org (no wildcard, no address)")
		}
	}
	*v.to = all
	return nil
}

func (v hosts) String() string { return strings.Join(*v.to, ",") }

// text is a line of at most max bytes. What it means is said where it is used.
type text struct {
	to  *string
	max int
}

func (v text) Set(text string) error {
	if text = strings.TrimSpace(text); len(text) > v.max || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return fmt.Errorf("one line of at most %d bytes", v.max)
	}
	*v.to = text
	return nil
}

func (v text) String() string { return *v.to }

// boolean is true or false.
type boolean struct{ to *bool }

func (v boolean) Set(text string) error {
	if text != "true" && text != "false" {
		return errors.New("true or false")
	}
	*v.to = text == "true"
	return nil
}

func (v boolean) String() string { return strconv.FormatBool(*v.to) }

// choice is one of a few words.
type choice struct {
	to    *string
	words []string
}

func (v choice) Set(text string) error {
	for _, word := range v.words {
		if text == word {
			*v.to = word
			return nil
		}
	}
	last := len(v.words) - 1
	return fmt.Errorf("%s or %s", strings.Join(v.words[:last], ", "), v.words[last])
}

func (v choice) String() string { return *v.to }

// size is a number of bytes, with a unit or without.
type size struct{ to *int64 }

// units are tried in order, so that the B of "KiB" is not taken for bytes.
func units() []struct {
	name  string
	bytes int64
} {
	return []struct {
		name  string
		bytes int64
	}{
		{"KIB", 1 << 10}, {"MIB", 1 << 20}, {"GIB", 1 << 30}, {"TIB", 1 << 40},
		{"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1},
	}
}

// ParseSize reads a number of bytes as settings have it: 5000, 10MB, 2GiB. Its error ends the sentence "want …".
func ParseSize(text string) (n int64, err error) {
	err = size{&n}.Set(text)
	return n, err
}

func (v size) Set(text string) error {
	number, factor := strings.ToUpper(strings.TrimSpace(text)), int64(1)
	for _, unit := range units() {
		if rest, ok := strings.CutSuffix(number, unit.name); ok {
			number, factor = strings.TrimSpace(rest), unit.bytes
			break
		}
	}
	n, err := strconv.ParseUint(number, 10, 63)
	if err != nil || int64(n) > math.MaxInt64/factor {
		return errors.New("a size in bytes, or such as 500MB or 10GiB, or 0 for no limit")
	}
	*v.to = int64(n) * factor
	return nil
}

// String uses the largest binary unit that loses nothing.
func (v size) String() string {
	n := *v.to
	for _, unit := range [...]struct {
		name  string
		shift uint
	}{{"TiB", 40}, {"GiB", 30}, {"MiB", 20}, {"KiB", 10}} {
		if n > 0 && n%(1<<unit.shift) == 0 {
			return strconv.FormatInt(n>>unit.shift, 10) + unit.name
		}
	}
	return strconv.FormatInt(n, 10)
}

// boundedSize is a size within bounds, in bytes.
type boundedSize struct {
	to        *int64
	min, most int64
}

func (v boundedSize) Set(text string) error {
	var n int64
	if err := (size{&n}).Set(text); err != nil || n < v.min || n > v.most {
		return fmt.Errorf("a size from %s to %s", size{&v.min}, size{&v.most})
	}
	*v.to = n
	return nil
}

func (v boundedSize) String() string { return size{v.to}.String() }

// duration is a time.Duration, with d for days of 24 hours.
type duration struct {
	to     *time.Duration
	accept durationRange
}

type durationRange int

const (
	durationPositive durationRange = iota
	durationOrZero
	durationOrNever // "never" is negative
)

const never = time.Duration(-1)

func (v duration) Set(text string) error {
	d, err := ParseDuration(text)
	switch v.accept {
	case durationPositive:
		if err != nil || d <= 0 {
			return errors.New("a time such as 30s, 12h or 7d")
		}
	case durationOrZero:
		if err != nil || d < 0 {
			return errors.New("a time such as 30s, or 0s")
		}
	case durationOrNever:
		if text == "never" {
			d, err = never, nil
		} else if err != nil || d <= 0 {
			return errors.New("a time such as 12h or 30d, or never")
		}
	}
	*v.to = d
	return nil
}

// ParseDuration reads a duration as settings have it: 90m, 36h, or 7d for days of 24 hours.
func ParseDuration(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * 24 * time.Hour, err
	}
	return time.ParseDuration(text)
}

func (v duration) String() string {
	d := *v.to
	switch {
	case d < 0:
		return "never"
	case d > 0 && d%(24*time.Hour) == 0:
		return strconv.Itoa(int(d/(24*time.Hour))) + "d"
	}
	return d.String()
}

// count is a whole number within bounds.
type count struct {
	to       *int
	min, max int
}

func (v count) Set(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < v.min || n > v.max {
		return fmt.Errorf("a whole number from %d to %d", v.min, v.max)
	}
	*v.to = n
	return nil
}

func (v count) String() string { return strconv.Itoa(*v.to) }

type level struct{ to *slog.Level }

func (v level) Set(text string) error {
	switch text {
	case "debug", "info", "warn", "error":
		return v.to.UnmarshalText([]byte(text))
	}
	return errors.New("debug, info, warn or error")
}

func (v level) String() string { return strings.ToLower(v.to.String()) }

// secretURL is the address of a service, with a password in it perhaps. Only its form is looked at.
type secretURL struct {
	to      *string
	schemes []string
}

func (v secretURL) Set(text string) error {
	u, err := url.Parse(text)
	if text != "" && (err != nil || !slices.Contains(v.schemes, u.Scheme) || u.Hostname() == "") {
		return fmt.Errorf("%s:// and a host (special characters percent-encoded)", strings.Join(v.schemes, ":// or "))
	}
	*v.to = text
	return nil
}

// String leaves out the query too, which may hold a key.
func (v secretURL) String() string {
	u, err := url.Parse(*v.to)
	if err != nil || *v.to == "" {
		return ""
	}
	if u.RawQuery != "" {
		u.RawQuery = "xxxxx"
	}
	return u.Redacted()
}

// secretText is shown to nobody.
type secretText struct{ to *string }

func (v secretText) Set(text string) error {
	*v.to = text
	return nil
}

func (v secretText) String() string {
	if *v.to == "" {
		return ""
	}
	return "xxxxx"
}

// mailbox is an e-mail address, with a name or without (RFC 5322, section 3.4).
type mailbox struct{ to *string }

func (v mailbox) Set(text string) error {
	if _, err := mail.ParseAddress(text); text != "" && (err != nil || strings.ContainsAny(text, "\r\n")) {
		return errors.New("an e-mail address such as files@example.org or Satchel <files@example.org>")
	}
	*v.to = text
	return nil
}

func (v mailbox) String() string { return *v.to }

// percent is a share, 0 to 1.
type percent struct{ to *float64 }

func (v percent) Set(text string) error {
	number, ok := strings.CutSuffix(text, "%")
	share, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if !ok || err != nil || !(share >= 0 && share <= 100) {
		return errors.New(`a share, such as "10%" or "0.5%"`)
	}
	*v.to = share / 100
	return nil
}

func (v percent) String() string { return strconv.FormatFloat(*v.to*100, 'g', 6, 64) + "%" }
