package protocol

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"testing"
)

func TestRemoteErrorKnowsItsKind(t *testing.T) {
	data := `{"name":"workspace_not_found","hint":"look","retryable":false,"details":{"workspace":"gone"}}`
	var err error = fmt.Errorf("call: %w", NewRemoteError(2000, "there is no gone", json.RawMessage(data)))
	if !errors.Is(err, ErrWorkspaceNotFound) || errors.Is(err, ErrWorkspaceExists) || errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("%v matches the wrong kinds", err)
	}
	var remote *RemoteError
	if !errors.As(err, &remote) {
		t.Fatal("it is no RemoteError")
	}
	details, ok := remote.Details.(*WorkspaceRef)
	if !ok || details.Workspace != "gone" || remote.Hint != "look" || remote.Name != "workspace_not_found" {
		t.Fatalf("%+v, details %+v", remote, details)
	}
}

func TestRemoteErrorOfFiles(t *testing.T) {
	for code, want := range map[int]error{3000: fs.ErrNotExist, 3001: fs.ErrExist, 3007: fs.ErrPermission} {
		if err := NewRemoteError(code, "", nil); !errors.Is(err, want) || errors.Is(err, fs.ErrClosed) {
			t.Errorf("%d does not match %v alone", code, want)
		}
	}
}

func TestRemoteErrorSurvivesWhatItIsGiven(t *testing.T) {
	for _, data := range []string{"", "null", "[]", `"x"`, `{"hint":1,"retryable":"yes","name":null,"details":7}`, `{`} {
		known := NewRemoteError(2003, "busy", json.RawMessage(data))
		if known.Name != "workspace_busy" || !known.Retryable || known.Hint == "" || known.Details != nil {
			t.Errorf("data %q hid the table: %+v", data, known)
		}
		later := NewRemoteError(999999, "new", json.RawMessage(data))
		if later.Name != "unknown_error" || later.Retryable || later.Error() != "new" {
			t.Errorf("data %q: %+v", data, later)
		}
	}
	later := NewRemoteError(999999, "new", json.RawMessage(`{"name":"from_later","retryable":true,"hint":"h"}`))
	if later.Name != "from_later" || !later.Retryable || later.Hint != "h" {
		t.Errorf("%+v", later)
	}
}
