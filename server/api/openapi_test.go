package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestTheDocumentAndTheRoutesAreTheSame(t *testing.T) {
	d := readDocument(t)
	var described, served []string
	ids := make(map[string]bool)
	for path, item := range d.Paths {
		for method := range item {
			if method == "parameters" {
				continue
			}
			described = append(described, strings.ToUpper(method)+" "+path)
			op := d.operation(method, strings.NewReplacer("{id}", "x", "{path}", "x", "{app_password}", "x").Replace(path))
			id, _ := op["operationId"].(string)
			if id == "" || ids[id] {
				t.Errorf("%s %s: the operationId %q is missing or used twice", method, path, id)
			}
			ids[id] = true
			if op["summary"] == nil || op["responses"] == nil {
				t.Errorf("%s %s has no summary or no responses", method, path)
			}
		}
	}
	for _, r := range new(api).routes() {
		served = append(served, r.method+" "+strings.ReplaceAll(r.path, "...}", "}"))
	}
	slices.Sort(described)
	slices.Sort(served)
	if !slices.Equal(described, served) {
		t.Errorf("described:\n%s\nserved:\n%s", strings.Join(described, "\n"), strings.Join(served, "\n"))
	}
}

func TestEveryTagIsDescribedAndUsed(t *testing.T) {
	d := readDocument(t)
	var described, used []string
	tags, _ := d.tree["tags"].([]any)
	for _, tag := range tags {
		described = append(described, fmt.Sprint(tag.(map[string]any)["name"]))
	}
	for path, item := range d.Paths {
		for method, op := range item {
			if method == "parameters" {
				continue
			}
			var operation struct{ Tags []string }
			if err := json.Unmarshal(op, &operation); err != nil || len(operation.Tags) != 1 {
				t.Errorf("%s %s has the tags %v: %v", method, path, operation.Tags, err)
			}
			used = append(used, operation.Tags...)
		}
	}
	slices.Sort(described)
	slices.Sort(used)
	if used = slices.Compact(used); !slices.Equal(described, used) {
		t.Errorf("described are the tags %q, used are %q", described, used)
	}
}

// Programs go by the codes of what an account is refused, so each is named. onlyPages are those of what the pages do for browsers alone.
func TestEveryCodeOfTheAccountsIsDescribed(t *testing.T) {
	onlyPages := []string{"email_unverified", "identity_taken", "invalid_passkey", "invalid_ticket", "no_passkey", "passkey_cloned", "passkey_expired",
		"passkey_known", "provider_unavailable", "sign_in_cancelled", "sign_in_expired", "sign_in_not_begun", "too_many_identities", "too_many_passkeys"}
	text, err := readParts()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../../authn/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	code := regexp.MustCompile(`WithCode\("([a-z_]+)"\)`)
	var found []string
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range code.FindAllSubmatch(source, -1) {
			found = append(found, string(m[1]))
		}
	}
	slices.Sort(found)
	for _, code := range slices.Compact(found) {
		if described := bytes.Contains(text, []byte("`"+code+"`")); described == slices.Contains(onlyPages, code) {
			t.Errorf("%s: described %v", code, described)
		}
	}
	if len(found) < 50 {
		t.Errorf("only %d codes were found", len(found))
	}
}

func TestEveryReferenceLeadsSomewhere(t *testing.T) {
	d := readDocument(t)
	refs := 0
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if _, ok := v["$ref"]; ok {
				refs++
				if _, err := d.resolve(v); err != nil {
					t.Error(err)
				}
			}
			for _, member := range v {
				walk(member)
			}
		case []any:
			for _, item := range v {
				walk(item)
			}
		}
	}
	walk(d.tree)
	if refs < 20 {
		t.Errorf("only %d references were found", refs)
	}
}
