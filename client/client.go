package client

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/satchelhq/satchel/fault"
)

// Client asks one server as one user. It is safe for use by many goroutines.
type Client struct {
	server      *url.URL // scheme and host
	credentials credentials
	http        *http.Client
	o           Options
}

// Options are how a client behaves.
type Options struct {
	// Patience is how long a request that may be repeated is tried while nothing gets on: the server is away, or busy. 0 tries once.
	Patience time.Duration
	Agent    string // the User-Agent, which the account's list of sessions shows
}

const (
	// answerPatience is how long an answer may be waited for after the last byte of a request. The server may have gigabytes to join.
	answerPatience = 5 * time.Minute
	// standstill is how long a body may not get on, either way.
	standstill = time.Minute
)

// ParseServer reads the address of a server, such as https://files.example.org. Invalid.
func ParseServer(text string) (*url.URL, error) {
	invalid := func(why string) error {
		return fault.New(fault.Invalid, "client.ParseServer", fmt.Sprintf("%q is no address of a server: %s", text, why)).WithCode("invalid_server")
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.Hostname() == "" {
		return nil, invalid("it is like https://files.example.org.")
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return nil, invalid("it has no more than a host, and a port if need be.")
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

// Readable reports whether others on the way can read what is sent to a server: it is not on this machine, and there is no TLS.
func Readable(server *url.URL) bool {
	ip := net.ParseIP(server.Hostname())
	return server.Scheme != "https" && server.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback())
}

// New makes a client that signs in by nothing: it can register and log in.
func New(server *url.URL, o Options) *Client { return newClient(server, nobody{}, o) }

// WithToken makes a client that has an access token, as long as it lives.
func WithToken(server *url.URL, token string, o Options) *Client {
	return newClient(server, bearer(token), o)
}

// WithPassword makes a client that sends a name and an app password with each request.
func WithPassword(server *url.URL, name, password string, o Options) *Client {
	return newClient(server, basic{name, password}, o)
}

func newClient(server *url.URL, who credentials, o Options) *Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = answerPatience
	transport.MaxIdleConnsPerHost = maxJobs + 1
	return &Client{server: server, credentials: who, o: o, http: &http.Client{
		Transport: transport,
		// What goes along with a request is for this server only.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Server is the address of the server.
func (c *Client) Server() string { return c.server.String() }

// Close ends connections that nobody uses.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// here is an address that the server told of itself, which may name it by another host than it is reached by: only its path counts.
func (c *Client) here(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || !strings.HasPrefix(u.Path, "/") {
		return "", fault.As(fault.Internal, "client.here", fmt.Errorf("the server told an address that is none: %q", address))
	}
	return u.EscapedPath(), nil
}
