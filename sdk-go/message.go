package nexus

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"unicode/utf8"

	"github.com/nexus-workspaces/nexus/sdk-go/internal/strict"
)

// message is one text frame: a response, an error or a notification. Its parts share memory with the frame.
type message struct {
	id     json.RawMessage
	method string
	params json.RawMessage
	result json.RawMessage
	err    json.RawMessage
}

func decodeMessage(data []byte) (m message, err error) {
	return m, strict.Decode(data, &m, readMessage)
}

func readMessage(d *strict.Decoder) (m message) {
	version := false
	for members := d.Object(); members.Next(); {
		switch string(members.Name()) {
		case "jsonrpc":
			d.Enum("2.0")
			version = true
		case "id":
			m.id = d.Span()
		case "method":
			m.method = d.String()
		case "params":
			m.params = d.Span()
		case "result":
			m.result = d.Span()
		case "error":
			m.err = d.Span()
		default:
			d.Skip()
		}
	}
	if !version {
		d.Require(0, "jsonrpc")
	}
	return m
}

// identified reports whether the id, where there is one, is one that JSON-RPC and every language know.
func (m message) identified() bool {
	if m.id == nil || m.id[0] == '"' || string(m.id) == "null" {
		return true
	}
	id, err := strconv.ParseInt(string(m.id), 10, 64)
	return err == nil && -maxInteger <= id && id <= maxInteger
}

// maxInteger is the largest integer on the wire: the largest that every JavaScript number holds exactly.
const maxInteger = 1<<53 - 1

// number returns the id as one of ours; others are 0, which is never used.
func (m message) number() int64 {
	id, err := strconv.ParseInt(string(m.id), 10, 64)
	if err != nil {
		return 0
	}
	return id
}

// errorObject is the error member of a response.
type errorObject struct {
	code    int
	message string
	data    json.RawMessage
}

func readErrorObject(d *strict.Decoder) (e errorObject) {
	var seen uint64
	for members := d.Object(); members.Next(); {
		switch string(members.Name()) {
		case "code":
			e.code = int(d.Integer(-1<<31, 1<<31-1))
			seen |= 1
		case "message":
			e.message = d.String()
			seen |= 2
		case "data":
			e.data = d.Raw()
		default:
			d.Skip()
		}
	}
	d.Require(seen, "code", "message")
	return e
}

// encodeParams returns params as JSON without escapes for HTML; nil gives an empty object.
func encodeParams(params any) (json.RawMessage, error) {
	if params == nil {
		return json.RawMessage("{}"), nil
	}
	if raw, ok := params.(json.RawMessage); ok {
		return raw, nil
	}
	// encoding/json would send something else than it was given.
	if path := firstInvalid(reflect.ValueOf(params), "$"); path != "" {
		return nil, fmt.Errorf("%s is not valid UTF-8", path)
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(params); err != nil {
		return nil, err
	}
	data := bytes.TrimSpace(out.Bytes())
	if len(data) == 0 || data[0] != '{' {
		return nil, errors.New("params are an object")
	}
	return data, nil
}

// firstInvalid returns the path of the first text that is not UTF-8; empty when all of it is.
func firstInvalid(v reflect.Value, path string) string {
	switch v.Kind() {
	case reflect.String:
		if !utf8.ValidString(v.String()) {
			return path
		}
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			return firstInvalid(v.Elem(), path)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Type().Field(i)
			if found := firstInvalid(v.Field(i), path+"."+field.Name); field.IsExported() && found != "" {
				return found
			}
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return ""
		}
		for i := range v.Len() {
			if found := firstInvalid(v.Index(i), path); found != "" {
				return path + "[" + strconv.Itoa(i) + "]" + found[len(path):]
			}
		}
	case reflect.Map:
		for entries := v.MapRange(); entries.Next(); {
			if firstInvalid(entries.Key(), path)+firstInvalid(entries.Value(), path) != "" {
				return path + "[...]"
			}
		}
	}
	return ""
}

func encodeRequest(id int64, method string, params json.RawMessage) []byte {
	out := make([]byte, 0, 64+len(method)+len(params))
	out = append(out, `{"jsonrpc":"2.0","id":`...)
	out = strconv.AppendInt(out, id, 10)
	out = append(out, `,"method":`...)
	quoted, _ := json.Marshal(method) // a string can always be written
	out = append(out, quoted...)
	out = append(out, `,"params":`...)
	out = append(out, params...)
	return append(out, '}')
}

func encodeCancel(id int64) []byte {
	return fmt.Appendf(nil, `{"jsonrpc":"2.0","method":"$/cancel","params":{"id":%d}}`, id)
}
