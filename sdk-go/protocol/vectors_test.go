package protocol

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

const vectorDirectory = "../../schema/vectors"

// A vector is one value that every implementation must accept, or refuse with the path of what is wrong.
type vector struct {
	Name  string          `json:"name"`
	Value json.RawMessage `json:"value"`
	Raw   *string         `json:"raw"`
	Path  string          `json:"path"`
}

func (v vector) text() []byte {
	if v.Raw != nil {
		return []byte(*v.Raw)
	}
	return v.Value
}

type vectorFile struct {
	Type    string       `json:"type"`
	Valid   []vector     `json:"valid"`
	Invalid []vector     `json:"invalid"`
	Vectors []vectorFile `json:"vectors"`
}

func loadVectors(t *testing.T) []vectorFile {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(vectorDirectory, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	byHand, err := filepath.Glob(filepath.Join(vectorDirectory, "hand", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	var files []vectorFile
	for _, path := range append(paths, byHand...) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var file vectorFile
		if err := json.Unmarshal(data, &file); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if len(file.Vectors) > 0 {
			files = append(files, file.Vectors...)
		} else {
			files = append(files, file)
		}
	}
	if len(paths) < 100 || len(byHand) < 5 {
		t.Fatalf("only %d and %d files of vectors found", len(paths), len(byHand))
	}
	return files
}

func TestEveryVector(t *testing.T) {
	count := 0
	for _, file := range loadVectors(t) {
		for _, vector := range file.Valid {
			count++
			if _, err := decodeAs(file.Type, vector.text()); err != nil {
				t.Errorf("%s: %s: %v", file.Type, vector.Name, err)
			}
		}
		for _, vector := range file.Invalid {
			count++
			value, err := decodeAs(file.Type, vector.text())
			var wrong *DecodeError
			switch {
			case err == nil:
				t.Errorf("%s: %s was accepted as %+v", file.Type, vector.Name, value)
			case !errors.As(err, &wrong):
				t.Errorf("%s: %s: %T is not a DecodeError: %v", file.Type, vector.Name, err, err)
			case wrong.Path != vector.Path:
				t.Errorf("%s: %s: path %s instead of %s (%v)", file.Type, vector.Name, wrong.Path, vector.Path, err)
			}
		}
	}
	t.Logf("%d vectors", count)
}

// What was decoded and is written again must decode to the same: nothing is lost or invented on the way, above all no
// null, no default and no zero.
func TestEveryValidVectorSurvivesARoundTrip(t *testing.T) {
	defaults := loadDefaults(t)
	for _, file := range loadVectors(t) {
		for _, vector := range file.Valid {
			first, err := decodeAs(file.Type, compact(t, vector.text()))
			if err != nil {
				t.Errorf("%s: %s: %v", file.Type, vector.Name, err)
				continue
			}
			written, err := json.Marshal(first)
			if err != nil {
				t.Errorf("%s: %s: %v", file.Type, vector.Name, err)
				continue
			}
			again, err := decodeAs(file.Type, written)
			if err != nil {
				t.Errorf("%s: %s: written as %s: %v", file.Type, vector.Name, written, err)
				continue
			}
			if !reflect.DeepEqual(first, again) {
				t.Errorf("%s: %s: %+v became %+v", file.Type, vector.Name, first, again)
			}
			if extra := namesBeyond(t, written, vector.text()); len(extra) > 0 {
				t.Errorf("%s: %s: fields %v were invented in %s", file.Type, vector.Name, extra, written)
			}
			for _, name := range namesBeyond(t, vector.text(), written) {
				if fields := defaults[file.Type]; fields != nil && !fields.omissible(name, vector.text()) {
					t.Errorf("%s: %s: field %s was lost in %s", file.Type, vector.Name, name, written)
				}
			}
		}
	}
}

// fields are the properties of an object type, each with the default that the schema gives it, if any.
type fields map[string]struct {
	Default json.RawMessage `json:"default"`
}

// omissible reports whether a member of an object may be left out without saying something else: it is unknown, or
// it has the value that its absence stands for.
func (f fields) omissible(name string, object []byte) bool {
	field, known := f[name]
	var members map[string]json.RawMessage
	if !known || json.Unmarshal(object, &members) != nil {
		return true
	}
	value := string(members[name])
	if value == "-0" {
		value = "0"
	}
	return value == string(field.Default)
}

// loadDefaults returns the properties of every object type of the schema.
func loadDefaults(t *testing.T) map[string]fields {
	t.Helper()
	paths, err := filepath.Glob("../../schema/nexus/*.json")
	if err != nil || len(paths) < 5 {
		t.Fatalf("%d files, %v", len(paths), err)
	}
	found := map[string]fields{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var document struct {
			Types map[string]struct {
				Properties fields `json:"properties"`
			} `json:"types"`
		}
		if err := json.Unmarshal(text, &document); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for name, named := range document.Types {
			found[name] = named.Properties
		}
	}
	return found
}

// compact removes white space, which is no part of a value but is kept in one that is passed on undecoded.
func compact(t *testing.T, text []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := json.Compact(&out, text); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// namesBeyond returns the members of an object that another one does not have.
func namesBeyond(t *testing.T, object, other []byte) (extra []string) {
	t.Helper()
	if !bytes.HasPrefix(bytes.TrimSpace(object), []byte("{")) {
		return nil
	}
	var these, those map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(object, &these), json.Unmarshal(other, &those)); err != nil {
		t.Fatal(err)
	}
	for name := range these {
		if _, ok := those[name]; !ok && name != "kind" {
			extra = append(extra, name)
		}
	}
	return extra
}

func TestMethodTableAndErrorTable(t *testing.T) {
	for name, method := range Methods {
		if method.Name != name || method.NewParams == nil || (method.Kind != "notify") != (method.NewResult != nil) {
			t.Errorf("%s: %+v", name, method)
		}
		for _, known := range method.Errors {
			found := false
			for _, kind := range Errors {
				found = found || kind.Name == known
			}
			if !found {
				t.Errorf("%s answers %s, which is not in the table", name, known)
			}
		}
	}
	if len(Methods) < 60 {
		t.Errorf("only %d methods", len(Methods))
	}
}
