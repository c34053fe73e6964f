package pages

// Frame is what every page has.
type Frame struct {
	User    string   // the name of who is signed in; empty for nobody
	Problem *Problem // why the form that was sent did nothing; nil if none was sent
}

// Message is words of the catalogues that are chosen where a request is answered: a key, and pairs of a name and its value that fill
// it in, as for {{rich}}.
type Message struct {
	Key   string
	Pairs []any
}

// Say makes a message.
func Say(key string, pairs ...any) *Message { return &Message{key, pairs} }

// Problem is why a request was refused, in words for people.
type Problem struct {
	Sentence  string
	Fields    map[string]string // a sentence for each refused input, by its name in the form
	RequestID string
	Partly    *Partly // what was done all the same; nil for nothing
}

// Partly is how much was done before a refusal.
type Partly struct {
	What      string // "moved", "copied" or "stored"
	Count, Of int    // files and folders; how many there were is not known of those that are stored
}

// Field is the sentence for an input; empty if the input is fine. A nil problem has none.
func (p *Problem) Field(name string) string {
	if p == nil {
		return ""
	}
	return p.Fields[name]
}
