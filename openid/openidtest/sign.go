package openidtest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"sync"

	"github.com/golang-jwt/jwt/v5"
)

// Making an RSA key takes longer than most tests, so all providers of a test binary have one and the same.
var published, unpublished = sync.OnceValues(makeKey), sync.OnceValues(makeKey)

func makeKey() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) }

func signed(method jwt.SigningMethod, kid string, claims jwt.MapClaims, key any) string {
	token := jwt.NewWithClaims(method, claims)
	token.Header["kid"] = kid
	text, err := token.SignedString(key)
	if err != nil {
		panic(err)
	}
	return text
}

// RS256 signs as the provider does.
func (p *Provider) RS256(c jwt.MapClaims) string {
	return signed(jwt.SigningMethodRS256, "rsa", c, p.rsa)
}

// ES256 signs with the provider's other key.
func (p *Provider) ES256(c jwt.MapClaims) string {
	return signed(jwt.SigningMethodES256, "ec", c, p.ecdsa)
}

// None does not sign.
func (p *Provider) None(c jwt.MapClaims) string {
	return signed(jwt.SigningMethodNone, "rsa", c, jwt.UnsafeAllowNoneSignatureType)
}

// HS256WithThePublicKey takes the public key for a shared secret.
func (p *Provider) HS256WithThePublicKey(c jwt.MapClaims) string {
	der, err := x509.MarshalPKIXPublicKey(&p.rsa.PublicKey)
	if err != nil {
		panic(err)
	}
	return signed(jwt.SigningMethodHS256, "rsa", c, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// HS256WithTheClientSecret is a signature that whoever knows the client's secret can make.
func (p *Provider) HS256WithTheClientSecret(c jwt.MapClaims) string {
	return signed(jwt.SigningMethodHS256, "rsa", c, []byte(ClientSecret))
}

// AnotherKey signs with a key that the provider never published, under the name of one that it did.
func (p *Provider) AnotherKey(c jwt.MapClaims) string {
	key, err := unpublished()
	if err != nil {
		panic(err)
	}
	return signed(jwt.SigningMethodRS256, "rsa", c, key)
}
