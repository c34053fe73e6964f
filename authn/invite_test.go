package authn

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/satchelhq/satchel/fault"
	"github.com/satchelhq/satchel/sqldb"
	"github.com/satchelhq/satchel/sqldb/sqldbtest"
)

func invited(o *Options) { o.Registration = RegistrationInvite }

// command is administration from the command line.
func (n *node) command() Administration { return n.Administer(Principal{}, Client{}) }

func (n *node) invite(t *testing.T, uses int, life time.Duration) (Invitation, string) {
	t.Helper()
	i, code, err := n.command().Invite(t.Context(), NewInvitation{Uses: uses, Life: life, Note: "for the choir"})
	if err != nil {
		t.Fatal(err)
	}
	return i, code
}

func TestOnlyTheInvitedRegister(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		n := newNode(t, db, invited)
		i, code := n.invite(t, 2, time.Hour)
		register := func(name, invitation string) error {
			_, err := n.Register(t.Context(), Registration{Username: name, Password: password, Invitation: invitation}, visitor())
			return err
		}
		for _, bad := range []string{"", "x", strings.Repeat("x", 43), strings.ToUpper(code), code + "x", i.ID} {
			refused(t, fmt.Sprintf("%q", bad), register("ann", bad), fault.Forbidden, "invalid_invitation")
		}
		accepted(t, "the first", register("ann", code))
		refused(t, "a name that is taken", register("ann", code), fault.Exists, "username_taken")
		accepted(t, "the second, since a refusal uses nothing up", register("bob", code))
		refused(t, "the third", register("cid", code), fault.Forbidden, "invalid_invitation")

		late, lateCode := n.invite(t, 1, time.Hour)
		n.clock.advance(time.Hour)
		refused(t, "an expired one", register("cid", lateCode), fault.Forbidden, "invalid_invitation")
		gone, goneCode := n.invite(t, 1, time.Hour)
		accepted(t, "revoke", n.command().RevokeInvitation(t.Context(), gone.ID))
		refused(t, "a revoked one", register("cid", goneCode), fault.Forbidden, "invalid_invitation")
		refused(t, "revoke again", n.command().RevokeInvitation(t.Context(), gone.ID), fault.NotFound, "no_such_invitation")
		refused(t, "revoke nonsense", n.command().RevokeInvitation(t.Context(), "\x00'"), fault.NotFound, "no_such_invitation")

		all, err := n.Invitations(t.Context())
		if err != nil || len(all) != 2 || all[0].ID != late.ID || all[1].Used != 2 || all[1].Note != "for the choir" {
			t.Errorf("%+v, %v", all, err)
		}
		if hits := count(t, db, `SELECT COUNT(*) FROM invitations WHERE note = $1 OR id = $1`, code); hits != 0 {
			t.Error("the code is stored")
		}
		for event, want := range map[string]int{AuditInvited: 3, AuditInvitationUsed: 2, AuditInvitationRevoked: 1, AuditRegister: 2} {
			if got := count(t, db, `SELECT COUNT(*) FROM audit WHERE event = $1`, event); got != want {
				t.Errorf("%d lines of %s, want %d", got, event, want)
			}
		}
		n.clock.advance(invitationMemory)
		accepted(t, "sweep", n.Sweep(t.Context()))
		if left, err := n.Invitations(t.Context()); err != nil || len(left) != 0 {
			t.Errorf("%+v, %v", left, err)
		}
	})
}

// Attack: an invitation for three, used by many at the same moment on two nodes.
func TestRacingRegistrationsNeverExceedAnInvitation(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		nodes := []*node{newNode(t, db, invited), newNode(t, db, invited)}
		i, code := nodes[0].invite(t, 3, time.Hour)
		errs := together(16, func(k int) error {
			_, err := nodes[k%2].Register(t.Context(), Registration{Username: fmt.Sprintf("u%d", k), Password: password, Invitation: code}, visitor())
			return err
		})
		for _, err := range errs {
			if err != nil {
				refused(t, "the others", err, fault.Forbidden, "invalid_invitation")
			}
		}
		if made, users, used := successes(errs), count(t, db, `SELECT COUNT(*) FROM users`), count(t, db, `SELECT used FROM invitations WHERE id = $1`, i.ID); made != 3 || users != 3 || used != 3 {
			t.Errorf("%d registered, %d users, %d used", made, users, used)
		}
	})
}

func TestInvitationsHaveBounds(t *testing.T) {
	n := newNode(t, sqldbtest.OpenSQLite(t))
	for _, bad := range []NewInvitation{
		{Uses: 0, Life: time.Hour}, {Uses: MaxInvitationUses + 1, Life: time.Hour}, {Uses: 1}, {Uses: 1, Life: MaxInvitationLife + 1},
		{Uses: 1, Life: time.Hour, Note: strings.Repeat("x", MaxNote+1)}, {Uses: 1, Life: time.Hour, Note: "\xff"},
	} {
		_, _, err := n.command().Invite(t.Context(), bad)
		refused(t, fmt.Sprintf("%+v", bad), err, fault.Invalid, "invalid_fields")
	}
	for range MaxInvitations {
		n.invite(t, 1, time.Hour)
	}
	_, _, err := n.command().Invite(t.Context(), NewInvitation{Uses: 1, Life: time.Hour})
	refused(t, "one more", err, fault.TooMany, "too_many_invitations")
}

// Where only the invited register, strangers cannot make the server write to anybody.
func TestACodeForRegisteringNeedsTheInvitation(t *testing.T) {
	o := &postOffice{}
	n := newNode(t, sqldbtest.OpenSQLite(t), withPost(o, VerifyEmail), invited)
	_, invitation := n.invite(t, 1, time.Hour)
	_, err := n.SendCode(t.Context(), Principal{}, CodeRequest{Purpose: CodeRegister, To: "ann@example.org"}, visitor())
	refused(t, "without", err, fault.Forbidden, "invalid_invitation")
	code := n.codeFor(t, o, Principal{}, CodeRequest{Purpose: CodeRegister, To: "ann@example.org", Invitation: invitation})
	_, err = n.Register(t.Context(), Registration{Password: password, Email: "ann@example.org", Code: code}, visitor())
	refused(t, "registering without", err, fault.Forbidden, "invalid_invitation")
	n.register(t, Registration{Password: password, Email: "ann@example.org", Code: code, Invitation: invitation})
}
