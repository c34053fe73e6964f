package authn

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/satchelhq/satchel/pages/catalogue"
	"github.com/satchelhq/satchel/sqldb"
)

// Message is something to tell somebody at an e-mail address or a phone number.
type Message struct {
	ID      string // the same at every try to send it
	Kind    string // "email" or "phone"
	To      string
	Purpose string // Code…, or "notice" for what somebody is told without having asked
	Code    string // empty if it holds none
	// Language is what the subject and the text are in, as BCP 47 names it.
	Language string
	Subject  string // one line
	Text     string // the whole message, the code included
}

// Sender brings a message on its way. Send returns when somebody has taken it over, or an error; one that wraps ErrRejected is final. It must
// end when ctx does, and not log what the message says.
type Sender interface {
	Send(ctx context.Context, m Message) error
}

// ErrRejected is the error for a message that it makes no sense to send again.
var ErrRejected = errors.New("the message was rejected")

const (
	outboxSize  = 1000 // messages that wait
	deliverers  = 4    // messages that are sent at once
	sendTimeout = 30 * time.Second
	sendTries   = 4
)

// parcel is a message before anybody has looked at whether there is somebody to get it.
type parcel struct {
	purpose string
	at      address
	userID  string
	code    string
	in      catalogue.Language
	expires int64    // after which it is not worth sending
	notice  *Message // what to tell instead, if it is known already
}

// post leaves a parcel to Deliver; false if too many wait.
func (a *Accounts) post(p parcel) bool {
	select {
	case a.outbox <- p:
		return true
	default:
		return false
	}
}

func (a *Accounts) senderOf(kind string) Sender {
	if kind == kindPhone {
		return a.o.Texts
	}
	return a.o.Mail
}

// Deliver sends the messages of this process until ctx ends. What waits then is lost; who waits for it asks again.
func (a *Accounts) Deliver(ctx context.Context) error {
	var wg sync.WaitGroup
	for range deliverers {
		wg.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case p := <-a.outbox:
					a.deliver(ctx, p)
				}
			}
		})
	}
	wg.Wait()
	return nil
}

// deliver sees one message on its way, with a few tries. A panic is this message's only.
func (a *Accounts) deliver(ctx context.Context, p parcel) {
	defer func() {
		if v := recover(); v != nil {
			a.o.Log.Error("a message was not sent", "purpose", p.purpose, "err", fmt.Errorf("panic: %v\n%s", v, debug.Stack()))
		}
	}()
	m, err := a.message(ctx, p)
	for try := 1; err == nil && m != nil; try++ {
		if err = a.send(ctx, *m); err == nil {
			return
		}
		pause := a.o.RetryPause << (2 * (try - 1))
		if errors.Is(err, ErrRejected) || try == sendTries || a.now()+pause.Microseconds() >= p.expires {
			break
		}
		a.o.Log.Warn("a message was not sent yet", "purpose", p.purpose, "to", p.at.masked(), "try", try, "err", err)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
			err = nil
		}
	}
	if err != nil {
		a.o.Observe(EventCodeFailed)
		a.o.Log.Error("a message was not sent", "purpose", p.purpose, "to", p.at.masked(), "err", err)
	}
}

func (a *Accounts) send(ctx context.Context, m Message) error {
	sender := a.senderOf(m.Kind)
	if sender == nil {
		return fmt.Errorf("%w: nothing sends to addresses of this kind", ErrRejected)
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	return sender.Send(ctx, m)
}

// message is what the parcel's address is told; nil if nobody is to be told anything.
func (a *Accounts) message(ctx context.Context, p parcel) (*Message, error) {
	if p.notice != nil {
		return p.notice, nil
	}
	u, verified, held, err := p.at.holder(ctx, a.db)
	if err != nil {
		return nil, err
	}
	m := &Message{ID: sqldb.NewID(), Kind: p.at.kind, To: p.at.to, Purpose: p.purpose, Language: string(p.in)}
	switch {
	case p.purpose == CodeReset && (!held || !verified || u.Disabled):
		return nil, nil
	case p.purpose == CodeReset:
		if m.Code = p.code; p.at.kind == kindEmail {
			m.To = u.Email // as its owner gave it, and not as a stranger spelled it
		}
		m.Subject, m.Text, err = a.words(p.in, "reset", "code", p.code, "name", u.Username)
	case p.purpose == CodeRegister && held && verified:
		m.Subject, m.Text, err = a.words(p.in, "known", "name", u.Username)
	case held && verified && u.ID != p.userID:
		m.Subject, m.Text, err = a.words(p.in, "elsewhere")
	default:
		m.Code = p.code
		m.Subject, m.Text, err = a.words(p.in, proving(p.purpose, held && u.ID != p.userID), "code", p.code)
	}
	return m, err
}

// tell posts a notice to an address that the account u has or had, in the language of who did what it tells. That it does not fit in is worth no
// failure.
func (a *Accounts) tell(at address, message string, u User, c Client) {
	if a.senderOf(at.kind) == nil {
		return
	}
	in, err := a.languageOf(c)
	if err != nil {
		a.o.Log.Error("a notice was not sent", "to", at.masked(), "err", err)
		return
	}
	m := &Message{ID: sqldb.NewID(), Kind: at.kind, To: at.to, Purpose: "notice", Language: string(in)}
	if m.Subject, m.Text, err = a.words(in, message, "name", u.Username); err != nil {
		a.o.Log.Error("a notice was not sent", "to", at.masked(), "err", err)
		return
	}
	if !a.post(parcel{purpose: m.Purpose, at: at, expires: a.now() + time.Hour.Microseconds(), notice: m}) {
		a.o.Log.Warn("a notice was not sent: too many messages wait", "to", at.masked())
	}
}
