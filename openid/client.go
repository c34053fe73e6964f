package openid

import (
	"net/http"
	"time"
)

// maxAnswer bounds what is read of one answer, in bytes. Discovery documents and key sets have a few thousand.
const maxAnswer = 1 << 20

// newClient asks the provider. An answer is bounded in time, from the first byte to the last, and in length. No redirect is followed:
// none of the addresses has one (Discovery 1.0, section 4.2, wants 200), and one could lead into our own network.
func newClient(patience time.Duration) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxResponseHeaderBytes = 64 << 10
	transport.MaxConnsPerHost = 2 * maxAtOnce
	return &http.Client{
		Transport:     bounded{transport},
		Timeout:       patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// bounded cuts what is longer than maxAnswer, as it is after decompression.
type bounded struct{ next http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.next.RoundTrip(r)
	if err == nil {
		answer.Body = http.MaxBytesReader(nil, answer.Body, maxAnswer)
	}
	return answer, err
}
