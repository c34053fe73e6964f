package authn

import (
	"context"

	"github.com/satchelhq/satchel/fault"
)

// Sweep drops what has ended: sessions with their tokens and tickets, tickets that nobody redeemed, sign-ins (also at a
// provider) and challenges that nobody finished, authenticator apps that nobody confirmed, failed attempts that no longer count,
// networks that were not used for long, retired keys of which no token lives, old lines of the audit log, app passwords that expired 30 days ago, codes that count no more,
// invitations that ended a while ago, and used refresh tokens that are older than RefreshTTL, before which a token that comes again
// still ends its session.
// It may run on several nodes at once.
func (a *Accounts) Sweep(ctx context.Context) error {
	now := a.now()
	for _, drop := range []struct {
		query string
		until int64
	}{
		{`DELETE FROM tickets WHERE expires_at <= $1`, now},
		{`DELETE FROM half_sign_ins WHERE expires_at <= $1`, now},
		{`DELETE FROM passkey_challenges WHERE expires_at <= $1`, now},
		{`DELETE FROM totp WHERE confirmed_at = 0 AND created_at <= $1`, now - totpPatience.Microseconds()},
		{`DELETE FROM oidc_sign_ins WHERE expires_at <= $1`, now},
		{`DELETE FROM sessions WHERE expires_at <= $1`, now},
		{`DELETE FROM sessions WHERE revoked_at > 0 AND revoked_at <= $1`, now},
		{`DELETE FROM signing_keys WHERE retired_at > 0 AND retired_at <= $1`, now - a.keys.keep.Microseconds()},
		{`DELETE FROM attempts WHERE expires_at <= $1`, now},
		{`DELETE FROM known_networks WHERE seen_at <= $1`, now - networkKnown.Microseconds()},
		{`DELETE FROM app_passwords WHERE expires_at > 0 AND expires_at <= $1`, now - appPasswordExpired.Microseconds()},
		{`DELETE FROM refresh_tokens WHERE used_at > 0 AND created_at <= $1`, now - a.o.RefreshTTL.Microseconds()},
		{`DELETE FROM codes WHERE created_at <= $1`, now - codeMemory.Microseconds()},
		{`DELETE FROM invitations WHERE expires_at <= $1`, now - invitationMemory.Microseconds()},
	} {
		if _, err := a.db.Exec(ctx, drop.query, drop.until); err != nil {
			return fault.Wrap(err, "authn.Sweep")
		}
	}
	return fault.Wrap(a.sweepAudit(ctx), "authn.Sweep")
}
