package pages

// Proof is what a page asks for once more, so that it is the owner who changes the account.
type Proof struct {
	Password bool // the account has one
	Code     bool // of the second factor, which is on
	Passkeys bool // with Code: a recovery code, since passkeys are the only factor; signing in again will do as well
}

// For is what a form of the page asks for. form tells its inputs from those of the other forms; it is empty where there is only one. problem is what was wrong
// with what this form sent.
func (p Proof) For(form string, problem *Problem) ProofForm { return ProofForm{p, form, problem} }

// ProofForm is what a form asks for.
type ProofForm struct {
	Proof
	form    string
	Problem *Problem
}

// ID is that of an input.
func (f ProofForm) ID(input string) string {
	if f.form == "" {
		return input
	}
	return f.form + "-" + input
}
