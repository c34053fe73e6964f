package pages

// Frame is what every page has.
type Frame struct {
	User    string   // the name of who is signed in; empty for nobody
	Problem *Problem // why the form that was sent did nothing; nil if none was sent
}

// Problem is why a request was refused, in words for people.
type Problem struct {
	Sentence  string
	Fields    map[string]string // a sentence for each refused input, by its name in the form
	RequestID string
}

// Field is the sentence for an input; empty if the input is fine. A nil problem has none.
func (p *Problem) Field(name string) string {
	if p == nil {
		return ""
	}
	return p.Fields[name]
}
