package pages

// Failure is the page that stands in for one that cannot be shown.
type Failure struct {
	Frame     // Problem says what went wrong
	Status    int
	Retryable bool // it may work on another try
}

// Failure renders the error page.
func (e *Edition) Failure(v Failure) ([]byte, error) { return e.render("failure", v) }
