package client

import (
	"context"
	"net/http"

	"github.com/satchelhq/satchel/fault"
)

// credentials go along with every request.
type credentials interface {
	// authorize sets the Authorization of a request, and says what it used.
	authorize(ctx context.Context, c *Client, r *http.Request) (used string, err error)
	// renew is told that the server did not take used any more. It reports whether another try is worth it.
	renew(ctx context.Context, c *Client, used string) (bool, error)
}

// nobody sends nothing along.
type nobody struct{}

func (nobody) authorize(context.Context, *Client, *http.Request) (string, error) { return "", nil }
func (nobody) renew(context.Context, *Client, string) (bool, error)              { return false, nil }

// bearer is an access token that somebody else renews.
type bearer string

func (b bearer) authorize(_ context.Context, _ *Client, r *http.Request) (string, error) {
	r.Header.Set("Authorization", "Bearer "+string(b))
	return string(b), nil
}
func (bearer) renew(context.Context, *Client, string) (bool, error) { return false, nil }

// basic is a name with an app password.
type basic struct{ name, password string }

func (b basic) authorize(_ context.Context, _ *Client, r *http.Request) (string, error) {
	r.SetBasicAuth(b.name, b.password)
	return "", nil
}
func (basic) renew(context.Context, *Client, string) (bool, error) { return false, nil }

// signedOut is what asks to sign in (again).
func signedOut(sentence string) error {
	return fault.New(fault.Unauthenticated, "client", sentence).WithCode("signed_out")
}
