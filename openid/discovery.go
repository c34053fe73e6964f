package openid

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/satchelhq/satchel/fault"
)

const (
	// renewAfter is how long what the provider said about itself is believed, its keys included.
	renewAfter = time.Hour
	// retryAfter is how long nobody asks again who got no answer.
	retryAfter = 5 * time.Second
)

// metadata is what the provider says about itself.
type metadata struct {
	provider *oidc.Provider
	verifier *oidc.IDTokenVerifier
	config   oauth2.Config // without a redirect address
	// namesIssuer says that every answer to an authorization request names the issuer (RFC 9207, section 3).
	namesIssuer bool
}

// discover answers what is known of the provider, and asks it when that is not enough. Busy with code "provider_unavailable".
func (p *Provider) discover(ctx context.Context) (*metadata, error) {
	p.mu.Lock()
	known, due, failed := p.known, !p.o.Now().Before(p.renewAt), p.failed
	p.mu.Unlock()
	if !due {
		if known == nil {
			return nil, failed
		}
		return known, nil
	}
	// Those who come meanwhile wait for the same answer, and whoever leaves does not spoil it for them.
	answer := p.flight.DoChan("", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.o.Patience)
		defer cancel()
		return p.renew(ctx)
	})
	select {
	case result := <-answer:
		if result.Err != nil {
			return nil, result.Err
		}
		return result.Val.(*metadata), nil
	case <-ctx.Done():
		return nil, fault.Wrap(ctx.Err(), "openid.discover")
	}
}

// renew asks the provider. What was known before still holds where it gives no answer.
func (p *Provider) renew(ctx context.Context) (*metadata, error) {
	found, err := p.ask(ctx)
	if err != nil {
		err = p.unavailable("openid.renew", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failed = err
	if err != nil {
		p.renewAt = p.o.Now().Add(retryAfter)
		if p.known != nil {
			return p.known, nil
		}
		return nil, err
	}
	p.known, p.renewAt = found, p.o.Now().Add(renewAfter)
	return found, nil
}

func (p *Provider) ask(ctx context.Context) (*metadata, error) {
	provider, err := oidc.NewProvider(oidc.ClientContext(ctx, p.client), p.o.Issuer)
	if err != nil {
		return nil, err
	}
	var more struct {
		JWKS        string   `json:"jwks_uri"`
		NamesIssuer bool     `json:"authorization_response_iss_parameter_supported"`
		AuthMethods []string `json:"token_endpoint_auth_methods_supported"`
		PKCE        []string `json:"code_challenge_methods_supported"`
	}
	if err := provider.Claims(&more); err != nil {
		return nil, err
	}
	endpoint := provider.Endpoint()
	issuer, err := url.Parse(p.o.Issuer)
	if err != nil {
		return nil, err
	}
	for name, address := range map[string]string{"authorization_endpoint": endpoint.AuthURL, "token_endpoint": endpoint.TokenURL, "jwks_uri": more.JWKS} {
		if u, err := url.Parse(address); err != nil || !mayName(issuer, u) {
			return nil, fmt.Errorf("the %s %q is no https address, or one of this machine", name, address)
		}
	}
	if u, err := url.Parse(provider.UserInfoEndpoint()); err != nil || provider.UserInfoEndpoint() != "" && !mayName(issuer, u) {
		return nil, errors.New("the userinfo_endpoint is no https address, or one of this machine")
	}
	if more.PKCE != nil && !slices.Contains(more.PKCE, "S256") {
		return nil, errors.New("the provider knows PKCE, but not S256")
	}
	// client_secret_basic holds where nothing is said (Discovery 1.0, section 3). Without a secret there is only the id to send.
	endpoint.AuthStyle = oauth2.AuthStyleInHeader
	if p.o.ClientSecret == "" || more.AuthMethods != nil && !slices.Contains(more.AuthMethods, "client_secret_basic") {
		endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	return &metadata{
		provider:    provider,
		verifier:    provider.Verifier(&oidc.Config{ClientID: p.o.ClientID, Now: p.o.Now}),
		config:      oauth2.Config{ClientID: p.o.ClientID, ClientSecret: p.o.ClientSecret, Endpoint: endpoint, Scopes: p.o.Scopes},
		namesIssuer: more.NamesIssuer,
	}, nil
}
