package crowd

import (
	"fmt"
	"time"

	"github.com/satchelhq/satchel/sqldb"
)

// How long ago the crowd's oldest account was made.
const age = 200 * 24 * time.Hour

var browsers = [...]string{
	"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
	"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
	"Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36",
	"rclone/v1.60.1",
}

func username(i int) string {
	switch i {
	case 0:
		return LargeUser
	case 1:
		return SmallUser
	}
	return fmt.Sprintf("%s.%05d", [...]string{"ann", "bo", "carla", "dev", "eva", "femi", "gül", "hana", "ines", "jun"}[i%10], i)
}

// account makes the i-th one, with a drive that files are put into after. folder of those are in one folder.
func (f *filling) account(i, files, folder int) *tree {
	born := f.Now.Add(-age * time.Duration(f.Users-i) / time.Duration(f.Users))
	id, name := f.at(born), username(i)
	var email, phone any
	if i%4 != 3 {
		email = fmt.Sprintf("user-%d@example.org", i)
	}
	if i%3 == 0 {
		phone = fmt.Sprintf("+4915%09d", i)
	}
	shown, verified := "", int64(0)
	if email != nil {
		shown, verified = email.(string), sqldb.Micros(born)
	}
	role, disabled, factor := "user", int64(0), int64(0)
	if i%2000 == 7 {
		role = "admin"
	}
	if i%500 == 11 {
		disabled = sqldb.Micros(f.Now.Add(-48 * time.Hour))
	}
	if i%20 == 5 {
		factor = sqldb.Micros(born.Add(time.Hour))
	}
	f.rows.row("users", id, name, name, shown, email, phone, f.PasswordHash, role, sqldb.Micros(born), verified, disabled, factor)
	if factor > 0 {
		f.factor(i, id, factor)
	}
	if i%8 == 2 {
		f.rows.row("identities", f.at(born), id, "https://id.example.org", fmt.Sprintf("subject-%d", i), shown, sqldb.Micros(born), sqldb.Micros(born))
	}
	f.signIns(i, id, born)
	f.history(i, id, born)
	return f.drive(i, id, born, files, folder)
}

// factor is an authenticator app or a passkey.
func (f *filling) factor(i int, user string, since int64) {
	if i%40 == 5 {
		f.rows.row("passkeys", f.at(sqldb.Time(since)), user, f.secret(), "satchel.example.org", "telephone", f.secret(), 7, true, since)
		return
	}
	f.rows.row("totp", user, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", since, since, 1)
	for range 10 {
		f.rows.row("recovery_codes", user, f.secret())
	}
}

// signIns are where the account is open: two apps and a browser.
func (f *filling) signIns(i int, user string, born time.Time) {
	for k := range 3 {
		at := f.Now.Add(-time.Duration(1+(i*7+k*11)%600) * time.Hour)
		if at.Before(born) {
			at = born
		}
		kind, cookie, expires := "token", any(nil), f.Now.Add(30*24*time.Hour)
		if k == 2 {
			kind, cookie, expires = "page", f.secret(), f.Now.Add(7*24*time.Hour)
		}
		id := f.at(at)
		f.rows.row("sessions", id, user, kind, cookie, browsers[(i+k)%len(browsers)], address(i+k), sqldb.Micros(at), sqldb.Micros(at), sqldb.Micros(expires), sqldb.Micros(at))
		if k < 2 {
			f.rows.row("refresh_tokens", f.secret(), id, sqldb.Micros(at), sqldb.Micros(at.Add(time.Minute)))
			f.rows.row("refresh_tokens", f.secret(), id, sqldb.Micros(at.Add(time.Minute)), 0)
		}
		if i%100 == 3 && k == 0 {
			f.rows.row("tickets", f.secret(), user, id, sqldb.Micros(f.Now.Add(2*time.Hour)))
		}
		f.rows.row("known_networks", user, network(i+k*1000), sqldb.Micros(at))
	}
	for k := range i % 3 {
		f.rows.row("app_passwords", f.at(born), user, f.secret(), fmt.Sprintf("device %d", k), k == 1, sqldb.Micros(born), sqldb.Micros(f.Now.Add(-time.Hour)))
	}
	if i%10 == 4 {
		at := f.Now.Add(-time.Duration(i%20) * time.Hour)
		soon := sqldb.Micros(f.Now.Add(2 * time.Hour))
		f.rows.row("half_sign_ins", f.secret(), user, f.PasswordHash, "password", soon)
		f.rows.row("passkey_challenges", f.secret(), "login", user, network(i), "{}", soon)
		f.rows.row("oidc_sign_ins", f.secret(), f.secret(), "https://id.example.org", "https://satchel.example.org/oidc", network(i), sqldb.Micros(f.Now), soon)
		f.rows.row("codes", f.at(at), "reset", fmt.Sprintf("email:user-%d@example.org", i), user, f.secret(), network(i), sqldb.Micros(at), sqldb.Micros(at.Add(10*time.Minute)))
	}
}

// history is what the audit log has of the account.
func (f *filling) history(i int, user string, born time.Time) {
	events := [...]string{"register", "sign_in", "sign_in", "sign_out", "sign_in", "app_password_created", "share_made", "sign_in_failed", "password_changed", "sign_in"}
	var last string
	for k := range 15 {
		at := born.Add(f.Now.Sub(born) * time.Duration(k) / 15)
		last = f.at(at)
		f.rows.row("audit", last, sqldb.Micros(at), events[k%len(events)], user, user, address(i+k), browsers[k%len(browsers)], "")
	}
	f.rows.row("audit_floods", "sign_in", user, f.Now.Unix()/3600-1, 2, last)
}

// strangers are the rows that belong to nobody.
func (f *filling) strangers() {
	for i := range f.Users / 5 {
		at := f.Now.Add(-time.Duration(i%50) * time.Minute)
		f.rows.row("attempts", f.secret(), 1+i%8, sqldb.Micros(at), 0, sqldb.Micros(f.Now.Add(24*time.Hour)))
	}
	for i := range max(1, f.Users/50) {
		f.rows.row("invitations", f.at(f.Now.Add(-time.Duration(i)*time.Hour)), f.secret(), fmt.Sprintf("for team %d", i), 5, "", sqldb.Micros(f.Now.Add(-time.Duration(i)*time.Hour)), sqldb.Micros(f.Now.Add(72*time.Hour)))
	}
}

func address(i int) string { return fmt.Sprintf("198.51.%d.%d", i/250%100, i%250) }
func network(i int) string { return address(i) }
