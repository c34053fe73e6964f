package api

import (
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
)

// documentParts are the API's own description, a file for each part of the API: the paths that it has and what only they refer to.
// root.json holds what all of them share.
//
//go:embed openapi/*.json
var documentParts embed.FS

// readParts puts the description together (OpenAPI 3.1). It fails only on a part that is broken, or that says what another one says already.
func readParts() ([]byte, error) {
	entries, err := documentParts.ReadDir("openapi")
	if err != nil {
		return nil, err
	}
	whole := map[string]any{}
	for _, entry := range entries {
		text, err := documentParts.ReadFile("openapi/" + entry.Name())
		if err != nil {
			return nil, err
		}
		var part map[string]any
		if err := json.Unmarshal(text, &part); err != nil {
			return nil, fmt.Errorf("openapi/%s: %w", entry.Name(), err)
		}
		if err := include(whole, part); err != nil {
			return nil, fmt.Errorf("openapi/%s: %w", entry.Name(), err)
		}
	}
	return json.Marshal(whole)
}

// include adds the members of part to whole; those that both have are objects, and are put together in turn.
func include(whole, part map[string]any) error {
	for name, value := range part {
		there, taken := whole[name]
		if !taken {
			whole[name] = value
			continue
		}
		into, isObject := there.(map[string]any)
		from, alsoObject := value.(map[string]any)
		if !isObject || !alsoObject {
			return fmt.Errorf("%q is there already", name)
		}
		if err := include(into, from); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// describe answers the API's own description.
func (a *api) describe(w http.ResponseWriter, r *http.Request) error {
	return public(w, r, "application/json", a.document)
}
