package strict

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

func raw(d *Decoder) json.RawMessage { return d.Raw() }

// FuzzAgreesWithTheStandardLibrary compares what is JSON at all with encoding/json, which is more lenient in three
// ways only: it takes bytes that are not UTF-8, halves of surrogate pairs, and deeper nesting.
func FuzzAgreesWithTheStandardLibrary(f *testing.F) {
	for _, seed := range []string{
		"", " ", "null", "nul", "true ", "-0", "-", "01", "1.", ".5", "1e5", "1E+", "1e+5x", `""`, `"`, `"\u00e9\n"`, `"\x"`,
		`"\u12"`, `"\ud83d\ude00"`, "\"\x01\"", "[]", "[1,]", "[,1]", "[1 2]", "[1]]", "{}", `{"a":1,}`, `{"a" 1}`, `{a:1}`,
		`{"a":{"b":[null,false,"x"]}}`, `{"a":1}{}`, "{", "[", `{"a"`, `{"a":`, "\ufeff1", "1\x00", "NaN", "Infinity", "'a'",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var value json.RawMessage
		err := Decode(data, &value, raw)
		lenient := !utf8.Valid(data) || strings.Contains(strings.ToLower(string(data)), `\ud`) || len(data) > maxDepth
		if (err == nil) != json.Valid(data) && !lenient {
			t.Fatalf("%q: %v", data, err)
		}
		if err == nil && strings.TrimSpace(string(data)) != string(value) {
			t.Fatalf("%q became %q", data, value)
		}
	})
}

// FuzzText compares the text of strings with encoding/json.
func FuzzText(f *testing.F) {
	f.Add(`plain`)
	f.Add(`\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00 é`)
	f.Add(`\ud83d`)
	f.Fuzz(func(t *testing.T, inner string) {
		var got, want string
		err := Decode([]byte(`"`+inner+`"`), &got, (*Decoder).String)
		if err != nil {
			return
		}
		if err := json.Unmarshal([]byte(`"`+inner+`"`), &want); err != nil || got != want {
			t.Fatalf("%q: %q instead of %q, %v", inner, got, want, err)
		}
	})
}

func TestDepthIsBounded(t *testing.T) {
	for _, text := range []string{strings.Repeat("[", 100000), strings.Repeat(`{"a":`, 100000)} {
		var value json.RawMessage
		if err := Decode([]byte(text), &value, raw); err == nil || !strings.Contains(err.Error(), "nested") {
			t.Errorf("%v", err)
		}
	}
	var value json.RawMessage
	fine := strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth)
	if err := Decode([]byte(fine), &value, raw); err != nil {
		t.Error(err)
	}
}

func TestPathsNameThePlace(t *testing.T) {
	read := func(d *Decoder) (out []map[string]int64) {
		return List(d, 1, 3, func(d *Decoder) map[string]int64 {
			return Map(d, -1, 1, func(d *Decoder) int64 { return d.Integer(0, 9) })
		})
	}
	for text, path := range map[string]string{
		`[{"a":1},{"b":10}]`: "$[1][...]", `[{"a":1,"b":2}]`: "$[0]", `[]`: "$", `[{},{},{},{}]`: "$", `{}`: "$",
		`[{"a":"1"}]`: "$[0][...]", `[{"a":1.5}]`: "$[0][...]", `[{"a":1]`: "$", `[1]`: "$[0]",
	} {
		var value []map[string]int64
		var wrong *Error
		if err := Decode([]byte(text), &value, read); !errors.As(err, &wrong) || wrong.Path != path || value != nil {
			t.Errorf("%s: %v, %v", text, err, value)
		}
	}
}
