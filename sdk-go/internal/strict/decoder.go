// Package strict decodes JSON without forgiving anything: exact names, no null where none belongs, whole integers
// within bounds, valid text. encoding/json matches names in any case, takes null for everything and leaves missing
// fields at zero, and so would let a broken peer look like a working one.
package strict

import (
	"fmt"
	"unicode/utf8"
)

// maxDepth bounds nesting, so that a hostile value cannot exhaust the stack.
const maxDepth = 512

// Error says what is wrong with a value, and where.
type Error struct {
	// Path is the innermost place that is wrong, from "$" for the whole value: "$.argv[0]", "$.env[...]".
	Path string

	// Reason says what is wrong there.
	Reason string
}

// Error returns reason and path.
func (e *Error) Error() string { return e.Reason + " at " + e.Path }

// Decoder reads one JSON value. After the first error every method returns zero values, so that callers need not look
// at errors in between.
type Decoder struct {
	data  []byte
	pos   int
	depth int
	path  []segment
	err   *Error
}

// segment is one step of a path: a name, an index, or an entry of a map when index is -1 and name is nil.
type segment struct {
	name  []byte
	index int
}

// Decode reads data as one value into v. It returns nil or an *Error; v is unchanged on error.
func Decode[T any](data []byte, v *T, read func(*Decoder) T) error {
	d := Decoder{data: data}
	if !utf8.Valid(data) {
		d.syntax("text that is not UTF-8")
		return d.err
	}
	value := read(&d)
	if d.err == nil {
		d.space()
		if d.pos != len(d.data) {
			d.syntax("more than one value")
		}
	}
	if d.err != nil {
		return d.err
	}
	*v = value
	return nil
}

// fail notes an error at the current path. The first one stays.
func (d *Decoder) fail(format string, args ...any) {
	if d.err != nil {
		return
	}
	path := []byte("$")
	for _, step := range d.path {
		switch {
		case step.name != nil:
			path = append(append(path, '.'), step.name...)
		case step.index < 0:
			path = append(path, "[...]"...)
		default:
			path = fmt.Appendf(path, "[%d]", step.index)
		}
	}
	d.err = &Error{Path: string(path), Reason: fmt.Sprintf(format, args...)}
}

// syntax notes that the text is not JSON; no place in it has a meaning then.
func (d *Decoder) syntax(reason string) {
	if d.err == nil {
		d.err = &Error{Path: "$", Reason: fmt.Sprintf("not JSON: %s at byte %d", reason, d.pos)}
	}
}

func (d *Decoder) space() {
	for d.pos < len(d.data) {
		switch d.data[d.pos] {
		case ' ', '\t', '\n', '\r':
			d.pos++
		default:
			return
		}
	}
}

// peek returns the first byte of the next value, 0 after an error or at the end.
func (d *Decoder) peek() byte {
	if d.err != nil {
		return 0
	}
	d.space()
	if d.pos >= len(d.data) {
		d.syntax("the text ends early")
		return 0
	}
	return d.data[d.pos]
}

func (d *Decoder) take(want byte) bool {
	if d.peek() != want {
		return false
	}
	d.pos++
	return true
}

// expected notes that a value is of another kind, once it is known to be JSON at all.
func (d *Decoder) expected(kind string) {
	if d.err != nil {
		return
	}
	start := d.pos
	name := d.kind()
	d.Skip()
	if d.err == nil {
		d.pos = start
		d.fail("expected %s, got %s", kind, name)
	}
}

func (d *Decoder) kind() string {
	switch d.peek() {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

func (d *Decoder) enter() bool {
	d.depth++
	if d.depth > maxDepth {
		d.syntax("nested too deeply")
		return false
	}
	return true
}

func (d *Decoder) push(step segment) { d.path = append(d.path, step) }

func (d *Decoder) pop() { d.path = d.path[:len(d.path)-1] }

// Members walks over the members of an object.
type Members struct {
	d       *Decoder
	name    []byte
	open    bool
	started bool
	isMap   bool
}

// Object begins an object.
func (d *Decoder) Object() Members {
	m := Members{d: d}
	switch {
	case d.peek() != '{':
		d.expected("an object")
	case d.enter():
		d.pos++
		m.open = true
	}
	return m
}

// Name returns the name of the current member.
func (m *Members) Name() []byte { return m.name }

// Next moves to the next member and reports whether there is one. The value of the member before must have been read.
func (m *Members) Next() bool {
	d := m.d
	if !m.open || d.err != nil {
		return false
	}
	if m.started {
		d.pop()
	}
	if d.peek() == '}' {
		d.pos++
		d.depth--
		m.open = false
		return false
	}
	if m.started && !d.take(',') {
		d.syntax("a comma is missing")
		return false
	}
	if d.peek() != '"' {
		d.syntax("a name is missing")
		return false
	}
	m.name = d.text()
	if !d.take(':') {
		d.syntax("a colon is missing")
		return false
	}
	m.started = true
	if m.isMap {
		d.push(segment{index: -1})
	} else {
		d.push(segment{name: m.name})
	}
	return true
}

// Unknown refuses the current member: the object has no such field.
func (d *Decoder) Unknown() {
	if d.err != nil {
		return
	}
	name := d.path[len(d.path)-1].name
	d.Skip()
	if d.err == nil {
		d.pop()
		d.fail("unknown field %q", name)
	}
}

// Require refuses the object that was just read when one of its required fields is missing. Bit n of seen stands for
// the nth name.
func (d *Decoder) Require(seen uint64, names ...string) {
	if d.err != nil || seen == 1<<len(names)-1 {
		return
	}
	for number, name := range names {
		if seen&(1<<number) == 0 {
			d.fail("field %q is missing", name)
			return
		}
	}
}

// Tag returns the value of the tag field of the object that comes next, without reading the object. It refuses a value
// that is not an object, has no tag, or has one that is not among the given ones.
func (d *Decoder) Tag(field string, tags ...string) string {
	if d.peek() != '{' {
		d.expected("an object")
		return ""
	}
	ahead := Decoder{data: d.data, pos: d.pos, depth: d.depth, path: append([]segment(nil), d.path...)}
	tag, found := "", false
	for m := ahead.Object(); m.Next(); {
		if string(m.Name()) == field {
			tag, found = ahead.Enum(tags...), true
		} else {
			ahead.Skip()
		}
	}
	if ahead.err == nil && !found {
		ahead.fail("the tag %q is missing", field)
	}
	d.err = ahead.err
	return tag
}

// List reads an array of low to high items; -1 stands for no bound.
func List[T any](d *Decoder, low, high int, item func(*Decoder) T) []T {
	if d.peek() != '[' {
		d.expected("an array")
		return nil
	}
	if !d.enter() {
		return nil
	}
	d.pos++
	items := []T{}
	for d.peek() != ']' {
		if len(items) > 0 && !d.take(',') {
			d.syntax("a comma is missing")
		}
		d.push(segment{index: len(items)})
		value := item(d)
		if d.err != nil {
			return nil
		}
		d.pop()
		items = append(items, value)
	}
	d.pos++
	d.depth--
	d.count("items", len(items), low, high)
	return items
}

// Map reads an object with free names and low to high entries; -1 stands for no bound.
func Map[T any](d *Decoder, low, high int, value func(*Decoder) T) map[string]T {
	entries := map[string]T{}
	m := d.Object()
	m.isMap = true
	for m.Next() {
		entries[string(m.Name())] = value(d)
	}
	d.count("entries", len(entries), low, high)
	return entries
}

func (d *Decoder) count(what string, got, low, high int) {
	if d.err == nil && (got < low || high >= 0 && got > high) {
		d.fail("%d %s are too %s", got, what, map[bool]string{true: "few", false: "many"}[got < low])
	}
}

// Nullable reads a value or null, which gives nil.
func Nullable[T any](d *Decoder, value func(*Decoder) T) *T {
	if d.peek() == 'n' {
		d.literal("null")
		return nil
	}
	return Pointer(value(d))
}

// Pointer returns a pointer to a copy of v.
func Pointer[T any](v T) *T { return &v }
