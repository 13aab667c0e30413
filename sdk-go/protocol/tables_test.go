package protocol

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A document is what the tables say of one file of the schema.
type document struct {
	Errors []struct {
		Name      string `json:"name"`
		Code      int    `json:"code"`
		Hint      string `json:"hint"`
		Retryable bool   `json:"retryable"`
	} `json:"errors"`
	Methods []struct {
		Name       string   `json:"name"`
		Kind       string   `json:"kind"`
		Errors     []string `json:"errors"`
		Scope      *string  `json:"scope"`
		Target     *string  `json:"target"`
		Idempotent bool     `json:"idempotent"`
		Keyed      bool     `json:"keyed"`
		Progress   bool     `json:"progress"`
		Cancel     string   `json:"cancel"`
		Timeout    *int64   `json:"timeout_ms"`
		Since      int      `json:"since"`
	} `json:"methods"`
}

func optional(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

func TestTheTablesAreTheSchema(t *testing.T) {
	paths, err := filepath.Glob("../../schema/nexus/*.json")
	if err != nil || len(paths) < 5 {
		t.Fatalf("%d files, %v", len(paths), err)
	}
	byCode := map[int]*ErrorKind{}
	for _, kind := range Errors {
		byCode[kind.Code] = kind
	}
	errorCount, methodCount := 0, 0
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var wanted document
		if err := json.Unmarshal(text, &wanted); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for _, want := range wanted.Errors {
			errorCount++
			got := byCode[want.Code]
			if got == nil || got.Name != want.Name || got.Hint != want.Hint || got.Retryable != want.Retryable {
				t.Errorf("error %+v is %+v", want, got)
			}
		}
		for _, want := range wanted.Methods {
			methodCount++
			got := Methods[want.Name]
			if got == nil {
				t.Errorf("there is no method %s", want.Name)
				continue
			}
			timeout := time.Duration(0)
			if want.Timeout != nil {
				timeout = time.Duration(*want.Timeout) * time.Millisecond
			}
			if got.Kind != want.Kind || len(got.Errors) != len(want.Errors) || got.Cancel != want.Cancel ||
				got.Scope != optional(want.Scope) || got.Target != optional(want.Target) ||
				got.Idempotent != want.Idempotent || got.Keyed != want.Keyed || got.Progress != want.Progress ||
				got.Timeout != timeout || got.Since != want.Since {
				t.Errorf("method %+v is %+v", want, got)
			}
		}
	}
	const standard = 5 // those of JSON-RPC itself
	if len(Errors) != errorCount+standard || len(Methods) != methodCount {
		t.Errorf("%d errors of %d, %d methods of %d", len(Errors), errorCount+standard, len(Methods), methodCount)
	}
}
