package strict

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// Bool reads true or false.
func (d *Decoder) Bool() bool {
	switch d.peek() {
	case 't':
		d.literal("true")
		return true
	case 'f':
		d.literal("false")
		return false
	}
	d.expected("a boolean")
	return false
}

// Integer reads a whole number within bounds.
func (d *Decoder) Integer(low, high int64) int64 {
	text, ok := d.number("an integer")
	if !ok {
		return 0
	}
	if bytes.ContainsAny(text, ".eE") {
		d.fail("expected an integer, got a fraction")
		return 0
	}
	value, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || value < low || value > high {
		d.fail("expected an integer from %d to %d", low, high)
		return 0
	}
	return value
}

// Number reads a number within bounds.
func (d *Decoder) Number(low, high float64) float64 {
	text, ok := d.number("a number")
	if !ok {
		return 0
	}
	value, err := strconv.ParseFloat(string(text), 64)
	if err != nil || math.IsInf(value, 0) || value < low || value > high {
		d.fail("expected a number from %g to %g", low, high)
		return 0
	}
	return value
}

// String reads text.
func (d *Decoder) String() string {
	if d.peek() != '"' {
		d.expected("a string")
		return ""
	}
	return string(d.text())
}

// Text reads text of low to high characters that matches a pattern; -1 and nil stand for no constraint.
func (d *Decoder) Text(low, high int, pattern *regexp.Regexp) string {
	text := d.String()
	if d.err != nil {
		return ""
	}
	if low >= 0 || high >= 0 {
		count := utf8.RuneCountInString(text)
		if count < low || high >= 0 && count > high {
			d.fail("text of %d characters is out of bounds", count)
			return ""
		}
	}
	if pattern != nil && !pattern.MatchString(text) {
		d.fail("text that does not match %s", pattern)
		return ""
	}
	return text
}

// Enum reads one of the given strings.
func (d *Decoder) Enum(values ...string) string {
	text := d.String()
	if d.err == nil && !slices.Contains(values, text) {
		d.fail("expected one of %s", strings.Join(values, ", "))
	}
	return text
}

// Time reads a moment with its time zone, as RFC 3339 writes it.
func (d *Decoder) Time() time.Time {
	text := d.String()
	var moment time.Time
	if d.err == nil && moment.UnmarshalText([]byte(text)) != nil {
		d.fail("expected a date and time with a time zone")
	}
	return moment
}

// Bytes reads bytes in padded base64 of the standard alphabet.
func (d *Decoder) Bytes() []byte {
	text := d.String()
	if d.err != nil {
		return nil
	}
	data, err := base64.StdEncoding.Strict().DecodeString(text)
	// Go skips line breaks inside base64; the schema has none.
	if err != nil || strings.ContainsAny(text, "\r\n") {
		d.fail("expected base64")
		return nil
	}
	return data
}

// Raw reads any value and returns a copy of its text.
func (d *Decoder) Raw() json.RawMessage { return bytes.Clone(d.Span()) }

// Span reads any value and returns its text, which shares memory with the input.
func (d *Decoder) Span() json.RawMessage {
	d.peek()
	start := d.pos
	d.Skip()
	if d.err != nil {
		return nil
	}
	return d.data[start:d.pos:d.pos]
}

// Skip reads any value and forgets it.
func (d *Decoder) Skip() {
	switch d.peek() {
	case '{':
		for m := d.Object(); m.Next(); {
			d.Skip()
		}
	case '[':
		d.skipList()
	case '"':
		d.text()
	case 't':
		d.literal("true")
	case 'f':
		d.literal("false")
	case 'n':
		d.literal("null")
	case 0:
	default:
		d.number("a value")
	}
}

func (d *Decoder) skipList() {
	if !d.enter() {
		return
	}
	d.pos++
	for first := true; d.peek() != ']'; first = false {
		if !first && !d.take(',') {
			d.syntax("a comma is missing")
		}
		if d.err != nil {
			return
		}
		d.Skip()
	}
	d.pos++
	d.depth--
}

func (d *Decoder) literal(want string) {
	if !bytes.HasPrefix(d.data[d.pos:], []byte(want)) {
		d.syntax("an unknown word")
		return
	}
	d.pos += len(want)
}

// number takes the text of a number; the grammar is that of RFC 8259, section 6.
func (d *Decoder) number(kind string) ([]byte, bool) {
	first := d.peek()
	if first != '-' && (first < '0' || first > '9') {
		if first == '{' || first == '[' || first == '"' || first == 't' || first == 'f' || first == 'n' {
			d.expected(kind)
		} else {
			d.syntax("an unexpected character")
		}
		return nil, false
	}
	start := d.pos
	d.accept("-")
	if !d.accept("0") && d.digits() == 0 {
		d.syntax("a number without digits")
	}
	if d.accept(".") && d.digits() == 0 {
		d.syntax("a fraction without digits")
	}
	if d.accept("eE") {
		d.accept("+-")
		if d.digits() == 0 {
			d.syntax("an exponent without digits")
		}
	}
	if d.pos < len(d.data) && !strings.ContainsRune(" \t\r\n,]}", rune(d.data[d.pos])) {
		d.syntax("an unexpected character")
	}
	return d.data[start:d.pos], d.err == nil
}

func (d *Decoder) accept(set string) bool {
	if d.pos < len(d.data) && strings.IndexByte(set, d.data[d.pos]) >= 0 {
		d.pos++
		return true
	}
	return false
}

func (d *Decoder) digits() int {
	start := d.pos
	for d.pos < len(d.data) && d.data[d.pos] >= '0' && d.data[d.pos] <= '9' {
		d.pos++
	}
	return d.pos - start
}

// text takes a string whose opening quote comes next. The result may share memory with the input.
func (d *Decoder) text() []byte {
	d.pos++
	start := d.pos
	for d.pos < len(d.data) {
		switch c := d.data[d.pos]; {
		case c == '"':
			d.pos++
			return d.data[start : d.pos-1]
		case c == '\\':
			return d.escaped(start)
		case c < ' ':
			d.syntax("a control character in a string")
			return nil
		}
		d.pos++
	}
	d.syntax("a string without end")
	return nil
}

// escaped takes the rest of a string that has escapes; start is where it began.
func (d *Decoder) escaped(start int) []byte {
	text := bytes.Clone(d.data[start:d.pos])
	for d.pos < len(d.data) {
		c := d.data[d.pos]
		d.pos++
		switch {
		case c == '"':
			return text
		case c < ' ':
			d.syntax("a control character in a string")
			return nil
		case c != '\\':
			text = append(text, c)
		default:
			text = d.escape(text)
			if d.err != nil {
				return nil
			}
		}
	}
	d.syntax("a string without end")
	return nil
}

const escapes = `"\/bfnrt`

var unescaped = [...]byte{'"', '\\', '/', '\b', '\f', '\n', '\r', '\t'}

// escape takes one escape after its backslash and appends what it stands for.
func (d *Decoder) escape(text []byte) []byte {
	if d.pos >= len(d.data) {
		d.syntax("a string without end")
		return text
	}
	c := d.data[d.pos]
	d.pos++
	if c != 'u' {
		at := strings.IndexByte(escapes, c)
		if at < 0 {
			d.syntax("an unknown escape")
			return text
		}
		return append(text, unescaped[at])
	}
	unit := d.hex()
	if !utf16.IsSurrogate(unit) {
		return utf8.AppendRune(text, unit)
	}
	if bytes.HasPrefix(d.data[min(d.pos, len(d.data)):], []byte(`\u`)) {
		d.pos += 2
		if pair := utf16.DecodeRune(unit, d.hex()); pair != utf8.RuneError {
			return utf8.AppendRune(text, pair)
		}
	}
	d.syntax("half of a surrogate pair")
	return text
}

func (d *Decoder) hex() rune {
	if d.pos+4 > len(d.data) {
		d.syntax("a string without end")
		return 0
	}
	value, err := strconv.ParseUint(string(d.data[d.pos:d.pos+4]), 16, 16)
	if err != nil {
		d.syntax("an escape without digits")
		return 0
	}
	d.pos += 4
	return rune(value)
}
