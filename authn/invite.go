package authn

import (
	"context"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
)

// The bounds of invitations.
const (
	MaxInvitations    = 1000 // that are open at a time
	MaxInvitationUses = 10_000
	MaxInvitationLife = 366 * 24 * time.Hour
	MaxNote           = 200 // characters
)

// invitationMemory is how long an invitation that has expired is still listed.
const invitationMemory = 30 * 24 * time.Hour

// Invitation lets newcomers register.
type Invitation struct {
	ID               string
	Note             string // what it is for, in the words of who made it; may be empty
	Uses             int    // accounts that it makes in all
	Used             int    // accounts that it has made
	CreatedBy        string // id of the administrator; empty for the command line
	Created, Expires time.Time
}

// NewInvitation is what an invitation is made of.
type NewInvitation struct {
	Uses int           // from 1 to MaxInvitationUses
	Life time.Duration // at most MaxInvitationLife
	Note string
}

// Invite makes an invitation. The code is answered here and never again: only its hash is stored. Invalid with code "invalid_fields"; TooMany with
// code "too_many_invitations".
func (d Administration) Invite(ctx context.Context, n NewInvitation) (i Invitation, code string, err error) {
	if err := n.check(); err != nil {
		return Invitation{}, "", err
	}
	code, hash := newSecret()
	now := d.a.now()
	expires := now + n.Life.Microseconds()
	i = Invitation{ID: sqldb.NewID(), Note: shown(n.Note, len(n.Note)), Uses: n.Uses, CreatedBy: d.actor, Created: sqldb.Time(now), Expires: sqldb.Time(expires)}
	err = d.a.db.Update(ctx, func(tx *sqldb.Tx) error {
		if _, err := d.admins(ctx, tx); err != nil {
			return err
		}
		var open int
		if err := tx.Row(ctx, `SELECT COUNT(*) FROM invitations WHERE expires_at > $1`, []any{now}, &open); err != nil {
			return err
		}
		if open >= MaxInvitations {
			return fault.New(fault.TooMany, "authn.Invite", "There are too many invitations. Revoke some first.").WithCode("too_many_invitations")
		}
		if _, err := tx.Exec(ctx, `INSERT INTO invitations (id, hash, note, uses, created_by, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			i.ID, hash, i.Note, i.Uses, d.actor, now, expires); err != nil {
			return err
		}
		return d.audit(ctx, tx, AuditInvited, "", fmt.Sprintf("%s for %d", i.ID, i.Uses))
	})
	if err != nil {
		return Invitation{}, "", fault.Wrap(err, "authn.Invite")
	}
	return i, code, nil
}

func (n NewInvitation) check() error {
	var fields []fault.Field
	if n.Uses < 1 || n.Uses > MaxInvitationUses {
		fields = append(fields, fault.Field{Name: "uses", Code: "invalid", Message: fmt.Sprintf("A number from 1 to %d.", MaxInvitationUses)})
	}
	if n.Life < time.Second || n.Life > MaxInvitationLife {
		fields = append(fields, fault.Field{Name: "expires_in", Code: "invalid", Message: "From a second to 366 days."})
	}
	if !utf8.ValidString(n.Note) || utf8.RuneCountInString(n.Note) > MaxNote {
		fields = append(fields, fault.Field{Name: "note", Code: "too_long", Message: fmt.Sprintf("A note is at most %d characters long.", MaxNote)})
	}
	if fields != nil {
		return invalidFields("authn.Invite", fields)
	}
	return nil
}

// Invitations lists the invitations, newest first. Those that have expired are forgotten after a while.
func (a *Accounts) Invitations(ctx context.Context) ([]Invitation, error) {
	all, err := sqldb.All(ctx, a.db, `SELECT id, note, uses, used, created_by, created_at, expires_at FROM invitations ORDER BY id DESC LIMIT $1`,
		[]any{2 * MaxInvitations}, func(scan sqldb.Scan) (i Invitation, err error) {
			var created, expires int64
			err = scan(&i.ID, &i.Note, &i.Uses, &i.Used, &i.CreatedBy, &created, &expires)
			i.Created, i.Expires = sqldb.Time(created), sqldb.Time(expires)
			return i, err
		})
	return all, fault.Wrap(err, "authn.Invitations")
}

// RevokeInvitation ends an invitation. Accounts that it has made stay. NotFound.
func (d Administration) RevokeInvitation(ctx context.Context, id string) error {
	return fault.Wrap(d.a.db.Update(ctx, func(tx *sqldb.Tx) error {
		if _, err := d.admins(ctx, tx); err != nil {
			return err
		}
		n, err := tx.Exec(ctx, `DELETE FROM invitations WHERE id = $1`, shown(id, sqldb.IDLength))
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.NotFound, "authn.RevokeInvitation", "There is no such invitation.").WithCode("no_such_invitation")
		}
		return d.audit(ctx, tx, AuditInvitationRevoked, "", id)
	}), "authn.RevokeInvitation")
}

// welcome refuses newcomers who may not register: Forbidden with code "registration_closed" or "invalid_invitation". An invitation that is good now
// may be used up before it is used.
func (a *Accounts) welcome(ctx context.Context, invitation string) error {
	registration := a.adjusted.Load().Registration
	switch {
	case registration == RegistrationOpen && invitation == "":
		return nil
	case registration != RegistrationOpen && registration != RegistrationInvite:
		return fault.New(fault.Forbidden, "authn.Register", "New accounts are made by the administrator here.").WithCode("registration_closed")
	case !secretShape(invitation):
		return invalidInvitation()
	}
	var good bool
	err := a.db.Row(ctx, `SELECT EXISTS (SELECT 1 FROM invitations WHERE hash = $1 AND used < uses AND expires_at > $2)`,
		[]any{hashSecret(invitation), a.now()}, &good)
	if err == nil && !good {
		err = invalidInvitation()
	}
	return err
}

// useInvitation counts a new account on its invitation, whose row it holds from then on: of accounts that are made at once there are never more than
// it is for.
func (a *Accounts) useInvitation(ctx context.Context, tx *sqldb.Tx, invitation string, u User, c Client) error {
	var id string
	err := tx.Row(ctx, `UPDATE invitations SET used = used + 1 WHERE hash = $1 AND used < uses AND expires_at > $2 RETURNING id`,
		[]any{hashSecret(invitation), a.now()}, &id)
	if sqldb.NoRow(err) {
		return invalidInvitation()
	}
	if err != nil {
		return err
	}
	return a.audit(ctx, tx, auditEntry{event: AuditInvitationUsed, userID: u.ID, actor: u.ID, client: c, detail: id})
}

func invalidInvitation() error {
	return fault.New(fault.Forbidden, "authn.invitation", "Making an account needs an invitation here, and this one is not valid, was used or has expired.").WithCode("invalid_invitation")
}
