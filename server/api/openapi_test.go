package api

import (
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
			op := d.operation(method, strings.NewReplacer("{id}", "x", "{path}", "x").Replace(path))
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
