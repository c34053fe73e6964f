package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// document is the description, as far as these tests read it.
type document struct {
	tree  map[string]any
	Paths map[string]map[string]json.RawMessage `json:"paths"`
}

func readDocument(t *testing.T) document {
	t.Helper()
	var d document
	text, err := readParts()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &d.tree); err != nil {
		t.Fatal(err)
	}
	return d
}

// resolve follows a $ref within the document.
func (d document) resolve(node map[string]any) (map[string]any, error) {
	ref, ok := node["$ref"].(string)
	if !ok {
		return node, nil
	}
	var at any = d.tree
	for name := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		m, _ := at.(map[string]any)
		at = m[name]
	}
	found, ok := at.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s names nothing", ref)
	}
	return d.resolve(found)
}

// operation finds what the document says about a request.
func (d document) operation(method, path string) map[string]any {
	paths := d.tree["paths"].(map[string]any)
	for pattern, item := range paths {
		expr := strings.NewReplacer("{path}", ".*", "{id}", "[^/]+", "{app_password}", "[^/]+").Replace(pattern)
		if regexp.MustCompile("^" + expr + "$").MatchString(path) {
			if method == http.MethodHead {
				method = http.MethodGet
			}
			op, _ := item.(map[string]any)[strings.ToLower(method)].(map[string]any)
			return op
		}
	}
	return nil
}

// checkAnswer holds an answer against what the document says about it.
func (d document) checkAnswer(method, path string, status int, header http.Header, body []byte) error {
	op := d.operation(method, path)
	if op == nil {
		return nil // an address or a method that does not exist: the tests look at those themselves
	}
	responses := op["responses"].(map[string]any)
	response, ok := responses[strconv.Itoa(status)].(map[string]any)
	if !ok {
		if response, ok = responses["default"].(map[string]any); !ok || status < 400 {
			return fmt.Errorf("%s %s: the answer %d is not described", method, path, status)
		}
	}
	response, err := d.resolve(response)
	if err != nil {
		return err
	}
	content, _ := response["content"].(map[string]any)
	if content == nil {
		if len(body) > 0 {
			return fmt.Errorf("%s %s: %d has a body and none is described", method, path, status)
		}
		return nil
	}
	media, ok := content[header.Get("Content-Type")].(map[string]any)
	if !ok {
		return fmt.Errorf("%s %s: %d is %q, described is %v", method, path, status, header.Get("Content-Type"), content)
	}
	if method == http.MethodHead || !strings.HasSuffix(header.Get("Content-Type"), "json") {
		return nil
	}
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		return err
	}
	if err := d.check(media["schema"].(map[string]any), value); err != nil {
		return fmt.Errorf("%s %s: %d: %w\n%s", method, path, status, err, body)
	}
	return nil
}

// check holds a value against a schema, as far as ours go, and more strictly than JSON Schema does:
// an object that describes members has no others.
func (d document) check(schema map[string]any, value any) error {
	schema, err := d.resolve(schema)
	if err != nil {
		return err
	}
	if choices, ok := schema["anyOf"].([]any); ok {
		for _, one := range choices {
			if err = d.check(one.(map[string]any), value); err == nil {
				return nil
			}
		}
		return err
	}
	if want, ok := schema["const"]; ok && value != want {
		return fmt.Errorf("%v instead of %v", value, want)
	}
	if enum, ok := schema["enum"].([]any); ok && !slices.Contains(enum, value) {
		return fmt.Errorf("%v is none of %v", value, enum)
	}
	if err := checkType(schema["type"], value); err != nil {
		return err
	}
	switch v := value.(type) {
	case string:
		if pattern, ok := schema["pattern"].(string); ok && !regexp.MustCompile(pattern).MatchString(v) {
			return fmt.Errorf("%q does not match %s", v, pattern)
		}
	case []any:
		for _, item := range v {
			if err := d.check(schema["items"].(map[string]any), item); err != nil {
				return err
			}
		}
	case map[string]any:
		return d.checkObject(schema, v)
	}
	return nil
}

func checkType(types, value any) error {
	got := "null"
	switch v := value.(type) {
	case string:
		got = "string"
	case bool:
		got = "boolean"
	case float64:
		if got = "number"; v == float64(int64(v)) {
			got = "integer"
		}
	case []any:
		got = "array"
	case map[string]any:
		got = "object"
	}
	if list, ok := types.([]any); types == nil || types == got || ok && slices.Contains(list, any(got)) {
		return nil
	}
	return fmt.Errorf("%v is of type %s, described is %v", value, got, types)
}

func (d document) checkObject(schema, object map[string]any) error {
	properties, required, err := d.members(schema)
	if err != nil {
		return err
	}
	for _, name := range required {
		if _, ok := object[name]; !ok {
			return fmt.Errorf("%q is missing", name)
		}
	}
	if len(properties) == 0 {
		return nil // any object
	}
	for name, value := range object {
		property, ok := properties[name].(map[string]any)
		if !ok {
			return fmt.Errorf("%q is not described", name)
		}
		if err := d.check(property, value); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// members are an object's own and those of the schemas that it extends.
func (d document) members(schema map[string]any) (properties map[string]any, required []string, err error) {
	properties = map[string]any{}
	extends, _ := schema["allOf"].([]any)
	for _, base := range append(slices.Clone(extends), map[string]any{"properties": schema["properties"], "required": schema["required"]}) {
		base, err := d.resolve(base.(map[string]any))
		if err != nil {
			return nil, nil, err
		}
		own, _ := base["properties"].(map[string]any)
		for name, property := range own {
			properties[name] = property
		}
		names, _ := base["required"].([]any)
		for _, name := range names {
			required = append(required, name.(string))
		}
	}
	return properties, required, nil
}
