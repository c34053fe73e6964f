package api

import (
	"net/http"
	"time"

	"github.com/satchelhq/satchel/authn"
	"github.com/satchelhq/satchel/server/answer"
)

// factorRoutes is the second factor. Passkeys belong to the pages, whose host they are bound to; here they are listed.
func (a *api) factorRoutes() []route {
	return []route{
		{"GET", v1 + "/me/second-factor", inSession(a.secondFactor)},
		{"POST", v1 + "/me/totp", inSession(a.beginTOTP)},
		{"POST", v1 + "/me/totp/confirm", inSession(a.confirmTOTP)},
		{"DELETE", v1 + "/me/totp", inSession(a.removeTOTP)},
		{"POST", v1 + "/me/recovery-codes", inSession(a.newRecoveryCodes)},
	}
}

type secondFactorBody struct {
	Since             *time.Time    `json:"since"` // null if there is none
	TOTP              bool          `json:"totp"`
	RecoveryCodesLeft int           `json:"recovery_codes_left"`
	Passkeys          []passkeyBody `json:"passkeys"`
}

type passkeyBody struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	Host      string     `json:"host"`
	CreatedAt time.Time  `json:"created_at"`
	UsedAt    *time.Time `json:"used_at"` // null if never
}

// timeOf is null for a time that is not set.
func timeOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func (a *api) secondFactor(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	f, err := a.accounts.SecondFactor(r.Context(), p)
	if err != nil {
		return err
	}
	body := secondFactorBody{Since: timeOf(f.Since), TOTP: f.TOTP, RecoveryCodesLeft: f.RecoveryCodes, Passkeys: []passkeyBody{}}
	for _, k := range f.Passkeys {
		body.Passkeys = append(body.Passkeys, passkeyBody{k.ID, k.Name, k.Host, k.Created.UTC(), timeOf(k.Used)})
	}
	answer.JSON(w, r, http.StatusOK, body)
	return nil
}

// readProof reads what shows once more that it is the owner who asks.
func readProof(w http.ResponseWriter, r *http.Request) (proof authn.Proof, err error) {
	err = readBody(w, r, fields{"password": &proof.Password, "otp": &proof.OTP})
	return proof, err
}

type enrollmentBody struct {
	Secret string `json:"secret"`
	URI    string `json:"uri"`
	QR     string `json:"qr"`
}

func (a *api) beginTOTP(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	proof, err := readProof(w, r)
	if err != nil {
		return err
	}
	e, err := a.accounts.BeginTOTP(r.Context(), p, proof, a.origin.Hostname(r), a.client(r))
	if err != nil {
		return err
	}
	answer.JSON(w, r, http.StatusCreated, enrollmentBody(e))
	return nil
}

type recoveryBody struct {
	RecoveryCodes []string `json:"recovery_codes"`
}

func recoveryOf(codes []string) recoveryBody {
	if codes == nil {
		codes = []string{}
	}
	return recoveryBody{codes}
}

func (a *api) confirmTOTP(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	var otp string
	if err := readBody(w, r, fields{"otp": &otp}); err != nil {
		return err
	}
	if err := required("otp", otp); err != nil {
		return err
	}
	codes, err := a.accounts.ConfirmTOTP(r.Context(), p, otp, a.client(r))
	if err != nil {
		return err
	}
	answer.JSON(w, r, http.StatusOK, recoveryOf(codes))
	return nil
}

func (a *api) removeTOTP(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	proof, err := readProof(w, r)
	if err != nil {
		return err
	}
	if err := a.accounts.RemoveTOTP(r.Context(), p, proof, a.client(r)); err != nil {
		return err
	}
	answer.JSON(w, r, http.StatusNoContent, nil)
	return nil
}

func (a *api) newRecoveryCodes(w http.ResponseWriter, r *http.Request, p authn.Principal) error {
	proof, err := readProof(w, r)
	if err != nil {
		return err
	}
	codes, err := a.accounts.NewRecoveryCodes(r.Context(), p, proof, a.client(r))
	if err != nil {
		return err
	}
	answer.JSON(w, r, http.StatusOK, recoveryOf(codes))
	return nil
}
