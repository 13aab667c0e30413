package process

import (
	"path/filepath"
	"strings"

	"github.com/nexus-workspaces/nexus/init/internal/wire"
)

// Main is the id of the process that was started with us.
const Main = "main"

const longestID = 128

// Spec says what to start.
type Spec struct {
	// Process is the id, which nobody has used since it was last forgotten.
	Process string `json:"process"`
	// Argv is the command, never interpreted by a shell.
	Argv []string `json:"argv"`
	// Env is the whole environment, "NAME=value" each; the marker is added.
	Env []string `json:"env"`
	// Cwd is absolute.
	Cwd string `json:"cwd"`
	// User is empty for our own, a name, "uid", or "uid:gid".
	User string `json:"user"`
	// Groups are the supplementary groups; nil for those of the user.
	Groups []uint32 `json:"groups"`
	// Rlimits are soft and hard limits by name.
	Rlimits map[string][2]Limit `json:"rlimits"`
	// PTY is the size of its terminal, columns and rows; nil for pipes.
	PTY *[2]uint16 `json:"pty"`
	// Stdin keeps its input open; a terminal always has one.
	Stdin bool `json:"stdin"`
	// Capacity is how many bytes of output are kept.
	Capacity uint64 `json:"capacity"`
	// Hold keeps its output from the first byte on, as if a hold came with the start.
	Hold *SpecHold `json:"hold"`
}

// SpecHold is a hold that begins with the process.
type SpecHold struct {
	// KeepMS is how long it lasts after the connection is lost.
	KeepMS uint64 `json:"keep_ms"`
}

// ValidID says whether an id can be a marker's value.
func ValidID(id string) bool {
	for _, letter := range []byte(id) {
		switch {
		case letter >= 'a' && letter <= 'z', letter >= 'A' && letter <= 'Z', letter >= '0' && letter <= '9',
			letter == '-', letter == '_', letter == '.':
		default:
			return false
		}
	}
	return id != "" && len(id) <= longestID
}

func (s *Spec) check() *wire.Error {
	bad := func(format string, args ...any) *wire.Error {
		return wire.Errorf(wire.InvalidParams, nil, format, args...)
	}
	if !ValidID(s.Process) {
		return bad("process: %q is no id", s.Process)
	}
	if len(s.Argv) == 0 || s.Argv[0] == "" {
		return bad("argv: there is no command")
	}
	for at, argument := range s.Argv {
		if strings.Contains(argument, "\x00") {
			return bad("argv[%d] contains a NUL character", at)
		}
	}
	for at, variable := range s.Env {
		if strings.IndexByte(variable, '=') < 1 || strings.Contains(variable, "\x00") {
			return bad("env[%d] is no variable", at)
		}
	}
	if !filepath.IsAbs(s.Cwd) || strings.Contains(s.Cwd, "\x00") {
		return bad("cwd: %q is no absolute path", s.Cwd)
	}
	for name, limit := range s.Rlimits {
		if _, known := limits[name]; !known {
			return bad("rlimits: there is no %q", name)
		}
		if limit[0] > limit[1] {
			return bad("rlimits: the soft limit of %s is above the hard one", name)
		}
	}
	return nil
}

// variable returns a variable of an environment; the last one wins.
func variable(env []string, name string) (string, bool) {
	for at := len(env) - 1; at >= 0; at-- {
		if value, found := strings.CutPrefix(env[at], name+"="); found {
			return value, true
		}
	}
	return "", false
}

// mark returns an environment with the marker, whatever it said before.
func mark(env []string, sign, id string) []string {
	marked := make([]string, 0, len(env)+1)
	for _, entry := range env {
		if !strings.HasPrefix(entry, sign+"=") {
			marked = append(marked, entry)
		}
	}
	return append(marked, sign+"="+id)
}
