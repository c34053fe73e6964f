package config

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

const (
	envConfig = envPrefix + "CONFIG"
	// envTest begins what the project's own tests read; it is no business of the server.
	envTest = envPrefix + "TEST_"
	// envClient begins what the client's commands read.
	envClient = envPrefix + "CLIENT_"
)

// serviceLink matches what Kubernetes sets in every pod beside a service that is called "satchel"
// (kubernetes.io, "Accessing the Service", environment variables). Nobody means a setting by it.
var serviceLink = regexp.MustCompile(`^SATCHEL_(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT|PORT_\d+_(TCP|UDP|SCTP)(_.*)?)$`)

// readEnviron takes what is ours out of the environment. A SATCHEL_ variable that sets nothing is an error.
func readEnviron(environ []string) (map[string]string, error) {
	c := Default()
	known := []string{envConfig}
	for _, s := range c.settings() {
		known = append(known, s.env())
		if s.secret {
			known = append(known, s.envFile())
		}
	}
	env := map[string]string{}
	var wrong []error
	for _, line := range environ {
		name, text, _ := strings.Cut(line, "=")
		switch {
		case !strings.HasPrefix(name, envPrefix), strings.HasPrefix(name, envTest), strings.HasPrefix(name, envClient):
		case slices.Contains(known, name):
			env[name] = text
		case serviceLink.MatchString(name):
		default:
			wrong = append(wrong, unknown(name, "in the environment", known))
		}
	}
	return env, errors.Join(wrong...)
}

// maxEdits is how far a name may be from one that is known to be taken for a slip of the finger.
const maxEdits = 2

// unknown is the error for a name that nobody knows, with the nearest one that somebody does.
func unknown(name, where string, known []string) error {
	best, distance := "", maxEdits+1
	for _, candidate := range slices.Sorted(slices.Values(known)) {
		if d := editDistance(name, candidate); d < distance {
			best, distance = candidate, d
		}
	}
	if best == "" {
		return fmt.Errorf("unknown setting %s %s", name, where)
	}
	return fmt.Errorf("unknown setting %s %s: did you mean %s?", name, where, best)
}

// maxDistanceLength bounds the names that are compared, in bytes; longer ones are near to nothing.
const maxDistanceLength = 64

// editDistance is how many bytes must be inserted, dropped or replaced to get from a to b (Levenshtein).
func editDistance(a, b string) int {
	if len(a) > maxDistanceLength {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replace := diagonal
			if a[i-1] != b[j-1] {
				replace++
			}
			diagonal = row[j]
			row[j] = min(replace, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
