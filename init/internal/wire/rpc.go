package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Names of errors, in `data.name` of a JSON-RPC error.
const (
	Unauthenticated = "unauthenticated"
	ProtocolUnknown = "protocol_unknown"
	InvalidParams   = "invalid_params"
	MethodUnknown   = "method_unknown"
	ProcessUnknown  = "process_unknown"
	ProcessExists   = "process_exists"
	ProcessRunning  = "process_running"
	CommandNotFound = "command_not_found"
	CwdInvalid      = "cwd_invalid"
	UserUnknown     = "user_unknown"
	SpawnFailed     = "spawn_failed"
	PortRefused     = "port_refused"
	StillRunning    = "still_running"
	Busy            = "busy"
	UpgradeFailed   = "upgrade_failed"
	Internal        = "internal"
)

var codes = map[string]int{MethodUnknown: -32601, InvalidParams: -32602, Internal: -32603}

// otherError is the number of every error that JSON-RPC has none for; the name tells them apart.
const otherError = 1

// Error is a failure that the daemon is told.
type Error struct {
	// Name is one of the constants above.
	Name string
	// Message says what happened to what.
	Message string
	// Reason is the system's word for it, empty where the system said nothing.
	Reason string
	// Protocols is what we speak; only in ProtocolUnknown.
	Protocols []int
}

func (e *Error) Error() string { return e.Message }

// Errorf makes an Error whose reason is cause's, the innermost error; cause may be nil.
func Errorf(name string, cause error, format string, args ...any) *Error {
	failure := &Error{Name: name, Message: fmt.Sprintf(format, args...)}
	if cause != nil {
		failure.Reason = innermost(cause).Error()
		failure.Message += ": " + failure.Reason
	}
	return failure
}

func innermost(err error) error {
	for {
		wrapped, ok := err.(interface{ Unwrap() error })
		if !ok || wrapped.Unwrap() == nil {
			return err
		}
		err = wrapped.Unwrap()
	}
}

// Request is a received text message: a call, or a notification, which has no ID.
type Request struct {
	ID     json.RawMessage
	Method string
	Params json.RawMessage
}

// ParseRequest reads a text message; it fails with a Violation.
func ParseRequest(text []byte) (*Request, error) {
	var object struct {
		Version string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Method  *string         `json:"method"`
		Params  json.RawMessage `json:"params"`
	}
	if len(text) == 0 || text[0] != '{' {
		return nil, Violation("a text message that is no JSON object")
	}
	if err := json.Unmarshal(text, &object); err != nil {
		return nil, Violation("a text message that is no JSON-RPC object: " + err.Error())
	}
	if object.Version != "2.0" || object.Method == nil {
		return nil, Violation("a text message that is no JSON-RPC 2.0 request")
	}
	if object.ID != nil && (object.ID[0] != '"' && object.ID[0] != '-' && (object.ID[0] < '0' || object.ID[0] > '9')) {
		return nil, Violation("an id that is neither a number nor a string")
	}
	return &Request{ID: object.ID, Method: *object.Method, Params: object.Params}, nil
}

// Decode reads the params into a struct. Fields that it does not have are refused.
func (r *Request) Decode(params any) *Error {
	text := r.Params
	if len(text) == 0 {
		text = json.RawMessage("{}")
	}
	if text[0] != '{' {
		return Errorf(InvalidParams, nil, "params of %s are no object", r.Method)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(params); err != nil {
		return Errorf(InvalidParams, nil, "params of %s: %v", r.Method, err)
	}
	return nil
}

// Result makes the text of a successful answer.
func Result(id json.RawMessage, result any) []byte {
	return marshal(struct {
		Version string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Result  any             `json:"result"`
	}{"2.0", id, result})
}

// Failure makes the text of an error answer.
func Failure(id json.RawMessage, failure *Error) []byte {
	code, known := codes[failure.Name]
	if !known {
		code = otherError
	}
	type data struct {
		Name      string `json:"name"`
		Reason    string `json:"reason,omitempty"`
		Protocols []int  `json:"protocols,omitempty"`
	}
	type body struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
		Data    data   `json:"data"`
	}
	return marshal(struct {
		Version string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Error   body            `json:"error"`
	}{"2.0", id, body{code, failure.Message, data{failure.Name, failure.Reason, failure.Protocols}}})
}

// Notification makes the text of a message that wants no answer.
func Notification(method string, params any) []byte {
	return marshal(struct {
		Version string `json:"jsonrpc"`
		Method  string `json:"method"`
		Params  any    `json:"params"`
	}{"2.0", method, params})
}

func marshal(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		// Only our own types come here, and all of them can be written.
		panic(err)
	}
	return text
}
