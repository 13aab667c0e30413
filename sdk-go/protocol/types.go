// Code generated from the schema. DO NOT EDIT.
//
// Generated from schema/nexus; do not edit.

// Package protocol holds what crosses the wire between a client and a daemon: the types, the errors and the method
// table, generated from the schema.
//
// Decoding is strict: a missing field, a wrong type, a value out of bounds or null in the wrong place is a
// *DecodeError with the path of the mistake. Types of params refuse unknown fields, all others ignore them. An
// optional field is left out when it has Go's zero value; where the zero value means something, the field is a
// pointer and nil leaves it out.
package protocol

import (
	"encoding/json"
	"math"
	"regexp"
	"time"

	"github.com/nexus-workspaces/nexus/sdk-go/internal/strict"
)

var pattern013b31a6 = regexp.MustCompile(`^[0-7]{3,4}$`)

var patterndb992b7f = regexp.MustCompile(`^[0-9a-f]{64}$`)

var patternb636c8f7 = regexp.MustCompile(`^[A-Za-z0-9_-]{8,64}$`)

var pattern9919f09d = regexp.MustCompile(`^[A-Za-z0-9_.@:-]{1,128}$`)

var pattern09bbae25 = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// CheckpointRef: which checkpoint.
type CheckpointRef struct {
	// The id or name as the caller gave it.
	Checkpoint string `json:"checkpoint"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *CheckpointRef) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readCheckpointRef)
}

func readCheckpointRef(d *strict.Decoder) (v CheckpointRef) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "checkpoint":
			v.Checkpoint = d.String()
			seen |= 1 << 0
		default:
			d.Skip()
		}
	}
	d.Require(seen, "checkpoint")
	return v
}

// CheckpointMissing: what is gone.
type CheckpointMissing struct {
	// The checkpoint's id.
	Checkpoint string `json:"checkpoint"`

	// What of it is missing: `files`, `commit` or `image`.
	Missing string `json:"missing"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *CheckpointMissing) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readCheckpointMissing)
}

func readCheckpointMissing(d *strict.Decoder) (v CheckpointMissing) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "checkpoint":
			v.Checkpoint = d.String()
			seen |= 1 << 0
		case "missing":
			v.Missing = d.String()
			seen |= 1 << 1
		default:
			d.Skip()
		}
	}
	d.Require(seen, "checkpoint", "missing")
	return v
}

// CheckpointElsewhere: whose it is.
type CheckpointElsewhere struct {
	// The checkpoint's id.
	Checkpoint string `json:"checkpoint"`

	// The id of the workspace that it was made of.
	Workspace string `json:"workspace"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *CheckpointElsewhere) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readCheckpointElsewhere)
}

func readCheckpointElsewhere(d *strict.Decoder) (v CheckpointElsewhere) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "checkpoint":
			v.Checkpoint = d.String()
			seen |= 1 << 0
		case "workspace":
			v.Workspace = d.String()
			seen |= 1 << 1
		default:
			d.Skip()
		}
	}
	d.Require(seen, "checkpoint", "workspace")
	return v
}

// CheckpointObstacle: what cannot be saved.
type CheckpointObstacle struct {
	// The workspace's id.
	Workspace string `json:"workspace"`

	// Where it is, relative to the worktree; outside of it as the machine's processes see it.
	Path string `json:"path"`

	// Why not.
	Reason string `json:"reason"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *CheckpointObstacle) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readCheckpointObstacle)
}

func readCheckpointObstacle(d *strict.Decoder) (v CheckpointObstacle) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "workspace":
			v.Workspace = d.String()
			seen |= 1 << 0
		case "path":
			v.Path = d.String()
			seen |= 1 << 1
		case "reason":
			v.Reason = d.String()
			seen |= 1 << 2
		default:
			d.Skip()
		}
	}
	d.Require(seen, "workspace", "path", "reason")
	return v
}

// CheckpointState: how far a checkpoint is.
//
// A later daemon may send others.
type CheckpointState string

// Values of CheckpointState.
const (
	// Its operation is under way.
	CheckpointStateMaking CheckpointState = "making"

	// It can be restored and forked.
	CheckpointStateReady CheckpointState = "ready"

	// Gone; only its record remains.
	CheckpointStateRemoved CheckpointState = "removed"
)

func readCheckpointState(d *strict.Decoder) CheckpointState {
	return CheckpointState(d.String())
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *CheckpointState) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readCheckpointState)
}

// Checkpoint: what a workspace was at one moment: its files, what git was in the middle of, and its machine's own
// filesystem.
type Checkpoint struct {
	// Its id.
	ID string `json:"id"`

	// The id of the workspace that it was made of.
	Workspace string `json:"workspace"`

	// The name of that workspace.
	WorkspaceName string `json:"workspace_name"`

	// How far it is.
	State CheckpointState `json:"state"`

	// A name for people, unique in its workspace.
	Name string `json:"name"`

	// What it is for.
	Comment string `json:"comment"`

	// Whether Nexus made it by itself, before a restore.
	Automatic bool `json:"automatic"`

	// The backend that ran the workspace.
	Backend string `json:"backend"`

	// The branch it was on; absent when HEAD was detached. Optional; nil leaves it out.
	Branch *string `json:"branch,omitzero"`

	// The commit that HEAD was; absent on a branch without commits. Optional; nil leaves it out.
	Commit *string `json:"commit,omitzero"`

	// Files, directories and links in the worktree.
	Files int64 `json:"files"`

	// What was left out because it cannot be kept: sockets, device nodes, other filesystems mounted there.
	Skipped int64 `json:"skipped"`

	// Bytes that it takes: the copy of the worktree, and of the machine what its image does not share. Filesystems that
	// share blocks (Btrfs, XFS) take less.
	Size int64 `json:"size"`

	// When it was asked for.
	CreatedAt time.Time `json:"created_at"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *Checkpoint) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readCheckpoint)
}

func readCheckpoint(d *strict.Decoder) (v Checkpoint) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "id":
			v.ID = d.String()
			seen |= 1 << 0
		case "workspace":
			v.Workspace = d.String()
			seen |= 1 << 1
		case "workspace_name":
			v.WorkspaceName = d.String()
			seen |= 1 << 2
		case "state":
			v.State = readCheckpointState(d)
			seen |= 1 << 3
		case "name":
			v.Name = d.String()
			seen |= 1 << 4
		case "comment":
			v.Comment = d.String()
			seen |= 1 << 5
		case "automatic":
			v.Automatic = d.Bool()
			seen |= 1 << 6
		case "backend":
			v.Backend = d.String()
			seen |= 1 << 7
		case "branch":
			v.Branch = strict.Pointer(d.String())
		case "commit":
			v.Commit = strict.Pointer(d.String())
		case "files":
			v.Files = d.Integer(0, 9007199254740991)
			seen |= 1 << 8
		case "skipped":
			v.Skipped = d.Integer(0, 9007199254740991)
			seen |= 1 << 9
		case "size":
			v.Size = d.Integer(0, 9007199254740991)
			seen |= 1 << 10
		case "created_at":
			v.CreatedAt = d.Time()
			seen |= 1 << 11
		default:
			d.Skip()
		}
	}
	d.Require(seen, "id", "workspace", "workspace_name", "state", "name", "comment", "automatic", "backend", "files", "skipped", "size", "created_at")
	return v
}

// CheckpointCreateParams: a new checkpoint.
type CheckpointCreateParams struct {
	// Workspace id, or its name.
	Workspace string `json:"workspace"`

	// A name for people, unique in its workspace; default: `checkpoint` and a number. Optional; the zero value leaves it
	// out.
	Name string `json:"name,omitzero"`

	// What it is for.
	Comment string `json:"comment,omitzero"`

	// Answer when done; otherwise at once, with the operation. Optional; nil stands for the default, true.
	Wait *bool `json:"wait,omitzero"`

	// Send $/progress.
	Progress bool `json:"progress,omitzero"`

	// Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`.
	// Optional; the zero value leaves it out.
	Key string `json:"key,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *CheckpointCreateParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readCheckpointCreateParams)
}

func readCheckpointCreateParams(d *strict.Decoder) (v CheckpointCreateParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "workspace":
			v.Workspace = d.Text(1, 128, nil)
			seen |= 1 << 0
		case "name":
			v.Name = d.Text(1, 200, nil)
		case "comment":
			v.Comment = d.Text(-1, 2000, nil)
		case "wait":
			v.Wait = strict.Pointer(d.Bool())
		case "progress":
			v.Progress = d.Bool()
		case "key":
			v.Key = d.Text(1, 128, nil)
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "workspace")
	return v
}

// CheckpointResult: a checkpoint and what was done to it.
type CheckpointResult struct {
	// The checkpoint now.
	Checkpoint Checkpoint `json:"checkpoint"`

	// The operation that did it.
	Operation Operation `json:"operation"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *CheckpointResult) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readCheckpointResult)
}

func readCheckpointResult(d *strict.Decoder) (v CheckpointResult) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "checkpoint":
			v.Checkpoint = readCheckpoint(d)
			seen |= 1 << 0
		case "operation":
			v.Operation = readOperation(d)
			seen |= 1 << 1
		default:
			d.Skip()
		}
	}
	d.Require(seen, "checkpoint", "operation")
	return v
}

// CheckpointListParams: which checkpoints.
type CheckpointListParams struct {
	// Only those of this workspace; default: of every one that the identity can see. Optional; the zero value leaves it
	// out.
	Workspace string `json:"workspace,omitzero"`

	// At most so many. Optional; the zero value stands for the default, 100.
	Limit int64 `json:"limit,omitzero"`

	// Continue a list, from `next_cursor`. Optional; nil leaves it out.
	Cursor *string `json:"cursor,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *CheckpointListParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readCheckpointListParams)
}

func readCheckpointListParams(d *strict.Decoder) (v CheckpointListParams) {
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "workspace":
			v.Workspace = d.Text(1, 128, nil)
		case "limit":
			v.Limit = d.Integer(1, 1000)
		case "cursor":
			v.Cursor = strict.Pointer(d.String())
		default:
			d.Unknown()
		}
	}
	return v
}

// CheckpointList: checkpoints, newest first.
type CheckpointList struct {
	// The checkpoints.
	Checkpoints []Checkpoint `json:"checkpoints"`

	// There are more; pass this as `cursor`. Optional; nil leaves it out.
	NextCursor *string `json:"next_cursor,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *CheckpointList) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readCheckpointList)
}

func readCheckpointList(d *strict.Decoder) (v CheckpointList) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "checkpoints":
			v.Checkpoints = strict.List(d, -1, -1, readCheckpoint)
			seen |= 1 << 0
		case "next_cursor":
			v.NextCursor = strict.Pointer(d.String())
		default:
			d.Skip()
		}
	}
	d.Require(seen, "checkpoints")
	return v
}

// CheckpointRestoreParams: bring a workspace back to a checkpoint of its own.
type CheckpointRestoreParams struct {
	// Workspace id, or its name.
	Workspace string `json:"workspace"`

	// The checkpoint's id, or its name.
	Checkpoint string `json:"checkpoint"`

	// How long processes may take to end by themselves before they are killed. Optional; nil stands for the default,
	// 10000.
	TimeoutMS *int64 `json:"timeout_ms,omitzero"`

	// Answer when done; otherwise at once, with the operation. Optional; nil stands for the default, true.
	Wait *bool `json:"wait,omitzero"`

	// Send $/progress.
	Progress bool `json:"progress,omitzero"`

	// Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`.
	// Optional; the zero value leaves it out.
	Key string `json:"key,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *CheckpointRestoreParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readCheckpointRestoreParams)
}

func readCheckpointRestoreParams(d *strict.Decoder) (v CheckpointRestoreParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "workspace":
			v.Workspace = d.Text(1, 128, nil)
			seen |= 1 << 0
		case "checkpoint":
			v.Checkpoint = d.Text(1, 200, nil)
			seen |= 1 << 1
		case "timeout_ms":
			v.TimeoutMS = strict.Pointer(d.Integer(0, 9007199254740991))
		case "wait":
			v.Wait = strict.Pointer(d.Bool())
		case "progress":
			v.Progress = d.Bool()
		case "key":
			v.Key = d.Text(1, 128, nil)
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "workspace", "checkpoint")
	return v
}

// CheckpointRestored: what restoring did.
type CheckpointRestored struct {
	// The workspace now.
	Workspace Workspace `json:"workspace"`

	// The operation that did it.
	Operation Operation `json:"operation"`

	// The checkpoint that was restored.
	Checkpoint Checkpoint `json:"checkpoint"`

	// What the workspace was until then, saved as a checkpoint of its own.
	Before Checkpoint `json:"before"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *CheckpointRestored) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readCheckpointRestored)
}

func readCheckpointRestored(d *strict.Decoder) (v CheckpointRestored) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "workspace":
			v.Workspace = readWorkspace(d)
			seen |= 1 << 0
		case "operation":
			v.Operation = readOperation(d)
			seen |= 1 << 1
		case "checkpoint":
			v.Checkpoint = readCheckpoint(d)
			seen |= 1 << 2
		case "before":
			v.Before = readCheckpoint(d)
			seen |= 1 << 3
		default:
			d.Skip()
		}
	}
	d.Require(seen, "workspace", "operation", "checkpoint", "before")
	return v
}

// CheckpointRemoveParams: which checkpoint.
type CheckpointRemoveParams struct {
	// The checkpoint's id.
	Checkpoint string `json:"checkpoint"`

	// Answer when done; otherwise at once, with the operation. Optional; nil stands for the default, true.
	Wait *bool `json:"wait,omitzero"`

	// Send $/progress.
	Progress bool `json:"progress,omitzero"`

	// Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`.
	// Optional; the zero value leaves it out.
	Key string `json:"key,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *CheckpointRemoveParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readCheckpointRemoveParams)
}

func readCheckpointRemoveParams(d *strict.Decoder) (v CheckpointRemoveParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "checkpoint":
			v.Checkpoint = d.Text(1, 128, nil)
			seen |= 1 << 0
		case "wait":
			v.Wait = strict.Pointer(d.Bool())
		case "progress":
			v.Progress = d.Bool()
		case "key":
			v.Key = d.Text(1, 128, nil)
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "checkpoint")
	return v
}

// CheckpointForkParams: a new workspace that begins as another one is, or as a checkpoint of it. Give `checkpoint` or
// `workspace`.
type CheckpointForkParams struct {
	// Id of the checkpoint that it begins as. Optional; the zero value leaves it out.
	Checkpoint string `json:"checkpoint,omitzero"`

	// Id or name of the workspace that it begins as; its state now is what counts. Optional; the zero value leaves it
	// out.
	Workspace string `json:"workspace,omitzero"`

	// The new workspace's name: lower-case letters, digits, inner hyphens.
	Name string `json:"name"`

	// A name for people. Optional; nil leaves it out.
	DisplayName *string `json:"display_name,omitzero"`

	// Added to the environment that the other workspace has.
	Env map[string]string `json:"env,omitzero"`

	// Labels; those of the other workspace are not taken over.
	Labels map[string]string `json:"labels,omitzero"`

	// Names of ports to allocate now, besides the standard ones and those that the other workspace has.
	Ports []string `json:"ports,omitzero"`

	// Start it too. Optional; nil stands for the default, true.
	Start *bool `json:"start,omitzero"`

	// Answer when done; otherwise at once, with the operation. Optional; nil stands for the default, true.
	Wait *bool `json:"wait,omitzero"`

	// Send $/progress.
	Progress bool `json:"progress,omitzero"`

	// Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`.
	// Optional; the zero value leaves it out.
	Key string `json:"key,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *CheckpointForkParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readCheckpointForkParams)
}

func readCheckpointForkParams(d *strict.Decoder) (v CheckpointForkParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "checkpoint":
			v.Checkpoint = d.Text(1, 128, nil)
		case "workspace":
			v.Workspace = d.Text(1, 128, nil)
		case "name":
			v.Name = d.Text(-1, -1, pattern09bbae25)
			seen |= 1 << 0
		case "display_name":
			v.DisplayName = strict.Pointer(d.Text(-1, 200, nil))
		case "env":
			v.Env = strict.Map(d, -1, -1, (*strict.Decoder).String)
		case "labels":
			v.Labels = strict.Map(d, -1, -1, (*strict.Decoder).String)
		case "ports":
			v.Ports = strict.List(d, -1, -1, (*strict.Decoder).String)
		case "start":
			v.Start = strict.Pointer(d.Bool())
		case "wait":
			v.Wait = strict.Pointer(d.Bool())
		case "progress":
			v.Progress = d.Bool()
		case "key":
			v.Key = d.Text(1, 128, nil)
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "name")
	return v
}

// ProcessRef: which process.
type ProcessRef struct {
	// The id as the caller gave it.
	Process string `json:"process"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *ProcessRef) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readProcessRef)
}

func readProcessRef(d *strict.Decoder) (v ProcessRef) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "process":
			v.Process = d.String()
			seen |= 1 << 0
		default:
			d.Skip()
		}
	}
	d.Require(seen, "process")
	return v
}

// CommandData: which command.
type CommandData struct {
	// argv[0], or the directory.
	Command string `json:"command"`

	// What the operating system said.
	Reason string `json:"reason"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *CommandData) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readCommandData)
}

func readCommandData(d *strict.Decoder) (v CommandData) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "command":
			v.Command = d.String()
			seen |= 1 << 0
		case "reason":
			v.Reason = d.String()
			seen |= 1 << 1
		default:
			d.Skip()
		}
	}
	d.Require(seen, "command", "reason")
	return v
}

// OffsetData: where the output is.
type OffsetData struct {
	// The process.
	Process string `json:"process"`

	// The offset that was asked for.
	Offset int64 `json:"offset"`

	// The first offset that is kept.
	Earliest int64 `json:"earliest"`

	// The end of the output so far.
	End int64 `json:"end"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *OffsetData) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readOffsetData)
}

func readOffsetData(d *strict.Decoder) (v OffsetData) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "process":
			v.Process = d.String()
			seen |= 1 << 0
		case "offset":
			v.Offset = d.Integer(0, 9007199254740991)
			seen |= 1 << 1
		case "earliest":
			v.Earliest = d.Integer(0, 9007199254740991)
			seen |= 1 << 2
		case "end":
			v.End = d.Integer(0, 9007199254740991)
			seen |= 1 << 3
		default:
			d.Skip()
		}
	}
	d.Require(seen, "process", "offset", "earliest", "end")
	return v
}

// ProcessState: what a process is doing.
//
// A later daemon may send others.
type ProcessState string

// Values of ProcessState.
const (
	// It has not ended.
	ProcessStateRunning ProcessState = "running"

	// It ended by itself or by a signal; `exit` says how.
	ProcessStateExited ProcessState = "exited"

	// The daemon lost it; its exit code is unknown.
	ProcessStateLost ProcessState = "lost"
)

func readProcessState(d *strict.Decoder) ProcessState {
	return ProcessState(d.String())
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *ProcessState) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readProcessState)
}

// Signal: a signal, by name without SIG.
type Signal string

// Values of Signal.
const (
	// Hang up.
	SignalHUP Signal = "HUP"

	// Interrupt, as Ctrl-C.
	SignalINT Signal = "INT"

	// Quit, as Ctrl-\.
	SignalQUIT Signal = "QUIT"

	// Please end.
	SignalTERM Signal = "TERM"

	// End at once; cannot be caught.
	SignalKILL Signal = "KILL"

	// User-defined.
	SignalUSR1 Signal = "USR1"

	// User-defined.
	SignalUSR2 Signal = "USR2"

	// Freeze.
	SignalSTOP Signal = "STOP"

	// Go on.
	SignalCONT Signal = "CONT"

	// The window changed.
	SignalWINCH Signal = "WINCH"
)

func readSignal(d *strict.Decoder) Signal {
	return Signal(d.Enum("HUP", "INT", "QUIT", "TERM", "KILL", "USR1", "USR2", "STOP", "CONT", "WINCH"))
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *Signal) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readSignal)
}

// PtySize: a terminal's size.
type PtySize struct {
	// Columns.
	Cols int64 `json:"cols"`

	// Rows.
	Rows int64 `json:"rows"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *PtySize) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readPtySize)
}

func readPtySize(d *strict.Decoder) (v PtySize) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "cols":
			v.Cols = d.Integer(1, 10000)
			seen |= 1 << 0
		case "rows":
			v.Rows = d.Integer(1, 10000)
			seen |= 1 << 1
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "cols", "rows")
	return v
}

// PtyState: a terminal's size now.
type PtyState struct {
	// Columns.
	Cols int64 `json:"cols"`

	// Rows.
	Rows int64 `json:"rows"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *PtyState) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readPtyState)
}

func readPtyState(d *strict.Decoder) (v PtyState) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "cols":
			v.Cols = d.Integer(0, 9007199254740991)
			seen |= 1 << 0
		case "rows":
			v.Rows = d.Integer(0, 9007199254740991)
			seen |= 1 << 1
		default:
			d.Skip()
		}
	}
	d.Require(seen, "cols", "rows")
	return v
}

// ExitStatus: how a process ended.
type ExitStatus struct {
	// The exit code; absent where a signal ended it. Optional; nil leaves it out.
	Code *int64 `json:"code,omitzero"`

	// The signal that ended it, by name without SIG. Optional; nil leaves it out.
	Signal *string `json:"signal,omitzero"`

	// Why.
	Reason ExitReason `json:"reason"`

	// When it was reaped.
	At time.Time `json:"at"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *ExitStatus) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readExitStatus)
}

func readExitStatus(d *strict.Decoder) (v ExitStatus) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "code":
			v.Code = strict.Pointer(d.Integer(-9007199254740991, 9007199254740991))
		case "signal":
			v.Signal = strict.Pointer(d.String())
		case "reason":
			v.Reason = readExitReason(d)
			seen |= 1 << 0
		case "at":
			v.At = d.Time()
			seen |= 1 << 1
		default:
			d.Skip()
		}
	}
	d.Require(seen, "reason", "at")
	return v
}

// ExitReason: why a process ended.
//
// A later daemon may send others.
type ExitReason string

// Values of ExitReason.
const (
	// It ended by itself, or by a signal from elsewhere.
	ExitReasonExited ExitReason = "exited"

	// A caller signalled it.
	ExitReasonSignalled ExitReason = "signalled"

	// Its timeout passed.
	ExitReasonTimeout ExitReason = "timeout"

	// Its workspace was stopped or destroyed.
	ExitReasonStopped ExitReason = "stopped"
)

func readExitReason(d *strict.Decoder) ExitReason {
	return ExitReason(d.String())
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *ExitReason) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readExitReason)
}

// Process: a process.
type Process struct {
	// Its id.
	ID string `json:"id"`

	// The workspace's id.
	Workspace string `json:"workspace"`

	// The command.
	Argv []string `json:"argv"`

	// Where it started, relative to the workspace's root.
	Cwd string `json:"cwd"`

	// What it is doing.
	State ProcessState `json:"state"`

	// Its process id in the machine, while it runs. Optional; nil leaves it out.
	PID *int64 `json:"pid,omitzero"`

	// Its terminal's size; absent without a terminal. Optional; nil leaves it out.
	PTY *PtyState `json:"pty,omitzero"`

	// Whether its stdin is open.
	Stdin bool `json:"stdin"`

	// How it ended. Optional; nil leaves it out.
	Exit *ExitStatus `json:"exit,omitzero"`

	// The first offset that is kept.
	OutputStart int64 `json:"output_start"`

	// How many bytes it has written, both channels.
	OutputEnd int64 `json:"output_end"`

	// Attachments now.
	Attached int64 `json:"attached"`

	// Labels.
	Labels map[string]string `json:"labels"`

	// The workspace's incarnation it belongs to.
	Generation int64 `json:"generation"`

	// When it started.
	StartedAt time.Time `json:"started_at"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *Process) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readProcess)
}

func readProcess(d *strict.Decoder) (v Process) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "id":
			v.ID = d.String()
			seen |= 1 << 0
		case "workspace":
			v.Workspace = d.String()
			seen |= 1 << 1
		case "argv":
			v.Argv = strict.List(d, -1, -1, (*strict.Decoder).String)
			seen |= 1 << 2
		case "cwd":
			v.Cwd = d.String()
			seen |= 1 << 3
		case "state":
			v.State = readProcessState(d)
			seen |= 1 << 4
		case "pid":
			v.PID = strict.Pointer(d.Integer(0, 9007199254740991))
		case "pty":
			v.PTY = strict.Pointer(readPtyState(d))
		case "stdin":
			v.Stdin = d.Bool()
			seen |= 1 << 5
		case "exit":
			v.Exit = strict.Pointer(readExitStatus(d))
		case "output_start":
			v.OutputStart = d.Integer(0, 9007199254740991)
			seen |= 1 << 6
		case "output_end":
			v.OutputEnd = d.Integer(0, 9007199254740991)
			seen |= 1 << 7
		case "attached":
			v.Attached = d.Integer(0, 9007199254740991)
			seen |= 1 << 8
		case "labels":
			v.Labels = strict.Map(d, -1, -1, (*strict.Decoder).String)
			seen |= 1 << 9
		case "generation":
			v.Generation = d.Integer(0, 9007199254740991)
			seen |= 1 << 10
		case "started_at":
			v.StartedAt = d.Time()
			seen |= 1 << 11
		default:
			d.Skip()
		}
	}
	d.Require(seen, "id", "workspace", "argv", "cwd", "state", "stdin", "output_start", "output_end", "attached", "labels", "generation", "started_at")
	return v
}

// ExecRunParams: a command to run to its end.
type ExecRunParams struct {
	// Workspace id, or its name.
	Workspace string `json:"workspace"`

	// The command; not interpreted by a shell.
	Argv []string `json:"argv"`

	// Where, relative to the workspace's root. Optional; the zero value stands for the default, ".".
	Cwd string `json:"cwd,omitzero"`

	// Added to the workspace's environment.
	Env map[string]string `json:"env,omitzero"`

	// Bytes for its stdin; absent: stdin is closed. Optional; nil leaves it out.
	Input []byte `json:"input,omitzero"`

	// After so long the group is killed; 0: never. Optional; nil stands for the default, 600000.
	TimeoutMS *int64 `json:"timeout_ms,omitzero"`

	// At most so many bytes of each channel are returned: the first half and the last half. Optional; nil stands for the
	// default, 262144.
	OutputLimit *int64 `json:"output_limit,omitzero"`

	// Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`.
	// Optional; the zero value leaves it out.
	Key string `json:"key,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *ExecRunParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readExecRunParams)
}

func readExecRunParams(d *strict.Decoder) (v ExecRunParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "workspace":
			v.Workspace = d.Text(1, 128, nil)
			seen |= 1 << 0
		case "argv":
			v.Argv = strict.List(d, 1, 10000, (*strict.Decoder).String)
			seen |= 1 << 1
		case "cwd":
			v.Cwd = d.Text(1, 4096, nil)
		case "env":
			v.Env = strict.Map(d, -1, -1, (*strict.Decoder).String)
		case "input":
			v.Input = d.Bytes()
		case "timeout_ms":
			v.TimeoutMS = strict.Pointer(d.Integer(0, 9007199254740991))
		case "output_limit":
			v.OutputLimit = strict.Pointer(d.Integer(0, 1048576))
		case "key":
			v.Key = d.Text(1, 128, nil)
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "workspace", "argv")
	return v
}

// OutputText: one channel's output.
type OutputText struct {
	// The output as UTF-8, invalid bytes replaced; head and tail where it was cut.
	Text string `json:"text"`

	// How many bytes were written in all.
	Bytes int64 `json:"bytes"`

	// How many were left out between head and tail.
	Dropped int64 `json:"dropped"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *OutputText) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readOutputText)
}

func readOutputText(d *strict.Decoder) (v OutputText) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "text":
			v.Text = d.String()
			seen |= 1 << 0
		case "bytes":
			v.Bytes = d.Integer(0, 9007199254740991)
			seen |= 1 << 1
		case "dropped":
			v.Dropped = d.Integer(0, 9007199254740991)
			seen |= 1 << 2
		default:
			d.Skip()
		}
	}
	d.Require(seen, "text", "bytes", "dropped")
	return v
}

// ExecRunResult: what a command did.
type ExecRunResult struct {
	// Its id; its whole output can be attached to while it is kept.
	Process string `json:"process"`

	// How it ended.
	Exit ExitStatus `json:"exit"`

	// What it wrote to stdout.
	Stdout OutputText `json:"stdout"`

	// What it wrote to stderr.
	Stderr OutputText `json:"stderr"`

	// How long it ran.
	DurationMS int64 `json:"duration_ms"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *ExecRunResult) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readExecRunResult)
}

func readExecRunResult(d *strict.Decoder) (v ExecRunResult) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "process":
			v.Process = d.String()
			seen |= 1 << 0
		case "exit":
			v.Exit = readExitStatus(d)
			seen |= 1 << 1
		case "stdout":
			v.Stdout = readOutputText(d)
			seen |= 1 << 2
		case "stderr":
			v.Stderr = readOutputText(d)
			seen |= 1 << 3
		case "duration_ms":
			v.DurationMS = d.Integer(0, 9007199254740991)
			seen |= 1 << 4
		default:
			d.Skip()
		}
	}
	d.Require(seen, "process", "exit", "stdout", "stderr", "duration_ms")
	return v
}

// ExecStartParams: a command to start.
type ExecStartParams struct {
	// Workspace id, or its name.
	Workspace string `json:"workspace"`

	// The command; not interpreted by a shell.
	Argv []string `json:"argv"`

	// Where, relative to the workspace's root. Optional; the zero value stands for the default, ".".
	Cwd string `json:"cwd,omitzero"`

	// Added to the workspace's environment.
	Env map[string]string `json:"env,omitzero"`

	// Give it a terminal of this size. Optional; nil leaves it out.
	PTY *PtySize `json:"pty,omitzero"`

	// Keep its stdin open for an attachment; a terminal always has one.
	Stdin bool `json:"stdin,omitzero"`

	// After so long the group is killed; 0: never.
	TimeoutMS int64 `json:"timeout_ms,omitzero"`

	// How much output is kept on disk, in bytes. Optional; the zero value stands for the default, 16777216.
	LogLimit int64 `json:"log_limit,omitzero"`

	// Labels.
	Labels map[string]string `json:"labels,omitzero"`

	// Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`.
	// Optional; the zero value leaves it out.
	Key string `json:"key,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *ExecStartParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readExecStartParams)
}

func readExecStartParams(d *strict.Decoder) (v ExecStartParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "workspace":
			v.Workspace = d.Text(1, 128, nil)
			seen |= 1 << 0
		case "argv":
			v.Argv = strict.List(d, 1, 10000, (*strict.Decoder).String)
			seen |= 1 << 1
		case "cwd":
			v.Cwd = d.Text(1, 4096, nil)
		case "env":
			v.Env = strict.Map(d, -1, -1, (*strict.Decoder).String)
		case "pty":
			v.PTY = strict.Pointer(readPtySize(d))
		case "stdin":
			v.Stdin = d.Bool()
		case "timeout_ms":
			v.TimeoutMS = d.Integer(0, 9007199254740991)
		case "log_limit":
			v.LogLimit = d.Integer(65536, 1073741824)
		case "labels":
			v.Labels = strict.Map(d, -1, -1, (*strict.Decoder).String)
		case "key":
			v.Key = d.Text(1, 128, nil)
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "workspace", "argv")
	return v
}

// ExecAttachParams: follow a process.
type ExecAttachParams struct {
	// Its id.
	Process string `json:"process"`

	// First byte of output wanted. With `tail` ignored.
	Offset int64 `json:"offset,omitzero"`

	// Begin so many bytes before the end, or at the earliest kept. Optional; nil leaves it out.
	Tail *int64 `json:"tail,omitzero"`

	// Whether to control a terminal or stdin. Optional; the zero value stands for the default, "auto".
	Role AttachRole `json:"role,omitzero"`

	// Take control from another attachment.
	Takeover bool `json:"takeover,omitzero"`

	// Caller-chosen id. After a lost connection, unread output is held for this id for `hold_ms`; attaching again with
	// it replaces the old attachment. Optional; the zero value leaves it out.
	Attachment string `json:"attachment,omitzero"`

	// How long output is held after a lost connection. Optional; nil stands for the default, 60000.
	HoldMS *int64 `json:"hold_ms,omitzero"`

	// Initial credit, in bytes. Optional; the zero value stands for the default, 262144.
	Window int64 `json:"window,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *ExecAttachParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readExecAttachParams)
}

func readExecAttachParams(d *strict.Decoder) (v ExecAttachParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "process":
			v.Process = d.String()
			seen |= 1 << 0
		case "offset":
			v.Offset = d.Integer(0, 9007199254740991)
		case "tail":
			v.Tail = strict.Pointer(d.Integer(0, 9007199254740991))
		case "role":
			v.Role = readAttachRole(d)
		case "takeover":
			v.Takeover = d.Bool()
		case "attachment":
			v.Attachment = d.Text(-1, -1, patternb636c8f7)
		case "hold_ms":
			v.HoldMS = strict.Pointer(d.Integer(0, 3600000))
		case "window":
			v.Window = d.Integer(4096, 67108864)
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "process")
	return v
}

// AttachRole: what an attachment may do.
type AttachRole string

// Values of AttachRole.
const (
	// Controller if there is none, else observer.
	AttachRoleAuto AttachRole = "auto"

	// May write to stdin and resize.
	AttachRoleController AttachRole = "controller"

	// Only reads.
	AttachRoleObserver AttachRole = "observer"
)

func readAttachRole(d *strict.Decoder) AttachRole {
	return AttachRole(d.Enum("auto", "controller", "observer"))
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *AttachRole) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readAttachRole)
}

// ExecAttachOpen: the attachment is in place.
type ExecAttachOpen struct {
	// The process now.
	Process Process `json:"process"`

	// What this attachment may do.
	Role AttachRole `json:"role"`

	// Where output begins.
	Offset int64 `json:"offset"`

	// How many bytes of stdin the process has taken; send from here.
	StdinOffset int64 `json:"stdin_offset"`

	// Credit for stdin beyond that, in bytes; 0 for an observer.
	StdinWindow int64 `json:"stdin_window"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *ExecAttachOpen) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readExecAttachOpen)
}

func readExecAttachOpen(d *strict.Decoder) (v ExecAttachOpen) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "process":
			v.Process = readProcess(d)
			seen |= 1 << 0
		case "role":
			v.Role = readAttachRole(d)
			seen |= 1 << 1
		case "offset":
			v.Offset = d.Integer(0, 9007199254740991)
			seen |= 1 << 2
		case "stdin_offset":
			v.StdinOffset = d.Integer(0, 9007199254740991)
			seen |= 1 << 3
		case "stdin_window":
			v.StdinWindow = d.Integer(0, 9007199254740991)
			seen |= 1 << 4
		default:
			d.Skip()
		}
	}
	d.Require(seen, "process", "role", "offset", "stdin_offset", "stdin_window")
	return v
}

// ExecExit: how the process ended, and where its output ended.
type ExecExit struct {
	// The process now.
	Process Process `json:"process"`

	// How it ended.
	Exit ExitStatus `json:"exit"`

	// How many bytes it wrote.
	OutputEnd int64 `json:"output_end"`

	// False where a descendant still held the pipe when the wait for it ended.
	OutputComplete bool `json:"output_complete"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *ExecExit) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readExecExit)
}

func readExecExit(d *strict.Decoder) (v ExecExit) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "process":
			v.Process = readProcess(d)
			seen |= 1 << 0
		case "exit":
			v.Exit = readExitStatus(d)
			seen |= 1 << 1
		case "output_end":
			v.OutputEnd = d.Integer(0, 9007199254740991)
			seen |= 1 << 2
		case "output_complete":
			v.OutputComplete = d.Bool()
			seen |= 1 << 3
		default:
			d.Skip()
		}
	}
	d.Require(seen, "process", "exit", "output_end", "output_complete")
	return v
}

// ExecGetParams: which process.
type ExecGetParams struct {
	// Its id.
	Process string `json:"process"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *ExecGetParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readExecGetParams)
}

func readExecGetParams(d *strict.Decoder) (v ExecGetParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "process":
			v.Process = d.String()
			seen |= 1 << 0
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "process")
	return v
}

// ExecListParams: which processes.
type ExecListParams struct {
	// Workspace id, or its name.
	Workspace string `json:"workspace"`

	// Only those that run.
	Running bool `json:"running,omitzero"`

	// Only those that have all of these labels.
	Labels map[string]string `json:"labels,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *ExecListParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readExecListParams)
}

func readExecListParams(d *strict.Decoder) (v ExecListParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "workspace":
			v.Workspace = d.Text(1, 128, nil)
			seen |= 1 << 0
		case "running":
			v.Running = d.Bool()
		case "labels":
			v.Labels = strict.Map(d, -1, -1, (*strict.Decoder).String)
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "workspace")
	return v
}

// ExecList: processes, newest first.
type ExecList struct {
	// The processes.
	Processes []Process `json:"processes"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *ExecList) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readExecList)
}

func readExecList(d *strict.Decoder) (v ExecList) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "processes":
			v.Processes = strict.List(d, -1, -1, readProcess)
			seen |= 1 << 0
		default:
			d.Skip()
		}
	}
	d.Require(seen, "processes")
	return v
}

// ExecSignalParams: a signal to send.
type ExecSignalParams struct {
	// Its id.
	Process string `json:"process"`

	// The signal. Optional; the zero value stands for the default, "TERM".
	Signal Signal `json:"signal,omitzero"`

	// To the whole group and all descendants; otherwise to the process alone. Optional; nil stands for the default,
	// true.
	Group *bool `json:"group,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *ExecSignalParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readExecSignalParams)
}

func readExecSignalParams(d *strict.Decoder) (v ExecSignalParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "process":
			v.Process = d.String()
			seen |= 1 << 0
		case "signal":
			v.Signal = readSignal(d)
		case "group":
			v.Group = strict.Pointer(d.Bool())
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "process")
	return v
}

// ExecResizeParams: a terminal's new size.
type ExecResizeParams struct {
	// Its id.
	Process string `json:"process"`

	// The size.
	Size PtySize `json:"size"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *ExecResizeParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readExecResizeParams)
}

func readExecResizeParams(d *strict.Decoder) (v ExecResizeParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "process":
			v.Process = d.String()
			seen |= 1 << 0
		case "size":
			v.Size = readPtySize(d)
			seen |= 1 << 1
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "process", "size")
	return v
}

// ExecWaitParams: wait for a process.
type ExecWaitParams struct {
	// Its id.
	Process string `json:"process"`

	// Answer after so long in any case; `exit` is then absent. Optional; nil stands for the default, 300000.
	TimeoutMS *int64 `json:"timeout_ms,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *ExecWaitParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readExecWaitParams)
}

func readExecWaitParams(d *strict.Decoder) (v ExecWaitParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "process":
			v.Process = d.String()
			seen |= 1 << 0
		case "timeout_ms":
			v.TimeoutMS = strict.Pointer(d.Integer(0, 3600000))
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "process")
	return v
}

// ExecRemoveParams: forget an ended process.
type ExecRemoveParams struct {
	// Its id.
	Process string `json:"process"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *ExecRemoveParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readExecRemoveParams)
}

func readExecRemoveParams(d *strict.Decoder) (v ExecRemoveParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "process":
			v.Process = d.String()
			seen |= 1 << 0
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "process")
	return v
}

// PathData: which path.
type PathData struct {
	// The path as the caller gave it.
	Path string `json:"path"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *PathData) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readPathData)
}

func readPathData(d *strict.Decoder) (v PathData) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "path":
			v.Path = d.String()
			seen |= 1 << 0
		default:
			d.Skip()
		}
	}
	d.Require(seen, "path")
	return v
}

// EtagData: which file and its etag now.
type EtagData struct {
	// The path.
	Path string `json:"path"`

	// The etag now; empty where the file is gone.
	Etag string `json:"etag"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *EtagData) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readEtagData)
}

func readEtagData(d *strict.Decoder) (v EtagData) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "path":
			v.Path = d.String()
			seen |= 1 << 0
		case "etag":
			v.Etag = d.String()
			seen |= 1 << 1
		default:
			d.Skip()
		}
	}
	d.Require(seen, "path", "etag")
	return v
}

// SizeData: how large.
type SizeData struct {
	// The path.
	Path string `json:"path"`

	// Its size, in bytes.
	Size int64 `json:"size"`

	// The limit, in bytes.
	Limit int64 `json:"limit"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *SizeData) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readSizeData)
}

func readSizeData(d *strict.Decoder) (v SizeData) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "path":
			v.Path = d.String()
			seen |= 1 << 0
		case "size":
			v.Size = d.Integer(0, 9007199254740991)
			seen |= 1 << 1
		case "limit":
			v.Limit = d.Integer(0, 9007199254740991)
			seen |= 1 << 2
		default:
			d.Skip()
		}
	}
	d.Require(seen, "path", "size", "limit")
	return v
}

// EditData: which edit.
type EditData struct {
	// The path.
	Path string `json:"path"`

	// Which edit of the list, from 0.
	Index int64 `json:"index"`

	// How often its text was found.
	Matches int64 `json:"matches"`

	// Why it did not apply.
	Reason string `json:"reason"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *EditData) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readEditData)
}

func readEditData(d *strict.Decoder) (v EditData) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "path":
			v.Path = d.String()
			seen |= 1 << 0
		case "index":
			v.Index = d.Integer(0, 9007199254740991)
			seen |= 1 << 1
		case "matches":
			v.Matches = d.Integer(0, 9007199254740991)
			seen |= 1 << 2
		case "reason":
			v.Reason = d.String()
			seen |= 1 << 3
		default:
			d.Skip()
		}
	}
	d.Require(seen, "path", "index", "matches", "reason")
	return v
}

// PatternData: which pattern.
type PatternData struct {
	// The pattern.
	Pattern string `json:"pattern"`

	// What is wrong with it.
	Reason string `json:"reason"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *PatternData) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readPatternData)
}

func readPatternData(d *strict.Decoder) (v PatternData) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "pattern":
			v.Pattern = d.String()
			seen |= 1 << 0
		case "reason":
			v.Reason = d.String()
			seen |= 1 << 1
		default:
			d.Skip()
		}
	}
	d.Require(seen, "pattern", "reason")
	return v
}

// UploadData: what was expected and what came.
type UploadData struct {
	// The path.
	Path string `json:"path"`

	// The size or checksum that was announced.
	Expected string `json:"expected"`

	// What was received.
	Actual string `json:"actual"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *UploadData) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readUploadData)
}

func readUploadData(d *strict.Decoder) (v UploadData) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "path":
			v.Path = d.String()
			seen |= 1 << 0
		case "expected":
			v.Expected = d.String()
			seen |= 1 << 1
		case "actual":
			v.Actual = d.String()
			seen |= 1 << 2
		default:
			d.Skip()
		}
	}
	d.Require(seen, "path", "expected", "actual")
	return v
}

// CursorData: where events begin.
type CursorData struct {
	// The cursor as the caller gave it.
	Cursor string `json:"cursor"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *CursorData) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readCursorData)
}

func readCursorData(d *strict.Decoder) (v CursorData) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "cursor":
			v.Cursor = d.String()
			seen |= 1 << 0
		default:
			d.Skip()
		}
	}
	d.Require(seen, "cursor")
	return v
}

// EntryType: what an entry is.
//
// A later daemon may send others.
type EntryType string

// Values of EntryType.
const (
	// A regular file.
	EntryTypeFile EntryType = "file"

	// A directory.
	EntryTypeDirectory EntryType = "directory"

	// A symbolic link.
	EntryTypeSymlink EntryType = "symlink"

	// A FIFO, socket or device; it can be listed and removed, not opened.
	EntryTypeOther EntryType = "other"
)

func readEntryType(d *strict.Decoder) EntryType {
	return EntryType(d.String())
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *EntryType) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readEntryType)
}

// FileInfo: what is known of an entry.
type FileInfo struct {
	// Relative to the workspace's root, `.` for the root; absolute where it lies outside.
	Path string `json:"path"`

	// The last part of the path.
	Name string `json:"name"`

	// What it is.
	Type EntryType `json:"type"`

	// Bytes; for a link the length of its target.
	Size int64 `json:"size"`

	// Permission bits.
	Mode string `json:"mode"`

	// When its content last changed.
	Mtime time.Time `json:"mtime"`

	// Changes whenever the content or identity of the file changes.
	Etag string `json:"etag"`

	// Owner.
	UID int64 `json:"uid"`

	// Group.
	GID int64 `json:"gid"`

	// Where a link points, as written. Optional; nil leaves it out.
	Target *string `json:"target,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *FileInfo) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readFileInfo)
}

func readFileInfo(d *strict.Decoder) (v FileInfo) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "path":
			v.Path = d.String()
			seen |= 1 << 0
		case "name":
			v.Name = d.String()
			seen |= 1 << 1
		case "type":
			v.Type = readEntryType(d)
			seen |= 1 << 2
		case "size":
			v.Size = d.Integer(0, 9007199254740991)
			seen |= 1 << 3
		case "mode":
			v.Mode = d.Text(-1, -1, pattern013b31a6)
			seen |= 1 << 4
		case "mtime":
			v.Mtime = d.Time()
			seen |= 1 << 5
		case "etag":
			v.Etag = d.String()
			seen |= 1 << 6
		case "uid":
			v.UID = d.Integer(0, 9007199254740991)
			seen |= 1 << 7
		case "gid":
			v.GID = d.Integer(0, 9007199254740991)
			seen |= 1 << 8
		case "target":
			v.Target = strict.Pointer(d.String())
		default:
			d.Skip()
		}
	}
	d.Require(seen, "path", "name", "type", "size", "mode", "mtime", "etag", "uid", "gid")
	return v
}

// FsStatParams: which entry.
type FsStatParams struct {
	// Workspace id, or its name.
	Workspace string `json:"workspace"`

	// The path.
	Path string `json:"path"`

	// Follow a link in the last position. Optional; nil stands for the default, true.
	Follow *bool `json:"follow,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *FsStatParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readFsStatParams)
}

func readFsStatParams(d *strict.Decoder) (v FsStatParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "workspace":
			v.Workspace = d.Text(1, 128, nil)
			seen |= 1 << 0
		case "path":
			v.Path = d.Text(1, 4096, nil)
			seen |= 1 << 1
		case "follow":
			v.Follow = strict.Pointer(d.Bool())
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "workspace", "path")
	return v
}

// FsListParams: which directory.
type FsListParams struct {
	// Workspace id, or its name.
	Workspace string `json:"workspace"`

	// The directory. Optional; the zero value stands for the default, ".".
	Path string `json:"path,omitzero"`

	// How deep; 1 is the directory's own entries. Optional; the zero value stands for the default, 1.
	Depth int64 `json:"depth,omitzero"`

	// Include names that begin with a dot. Optional; nil stands for the default, true.
	Hidden *bool `json:"hidden,omitzero"`

	// Leave out what .gitignore excludes, and .git.
	Gitignore bool `json:"gitignore,omitzero"`

	// At most so many entries. Optional; the zero value stands for the default, 1000.
	Limit int64 `json:"limit,omitzero"`

	// Continue a list, from `next_cursor`. Optional; nil leaves it out.
	Cursor *string `json:"cursor,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *FsListParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readFsListParams)
}

func readFsListParams(d *strict.Decoder) (v FsListParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "workspace":
			v.Workspace = d.Text(1, 128, nil)
			seen |= 1 << 0
		case "path":
			v.Path = d.Text(1, 4096, nil)
		case "depth":
			v.Depth = d.Integer(1, 64)
		case "hidden":
			v.Hidden = strict.Pointer(d.Bool())
		case "gitignore":
			v.Gitignore = d.Bool()
		case "limit":
			v.Limit = d.Integer(1, 10000)
		case "cursor":
			v.Cursor = strict.Pointer(d.String())
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "workspace")
	return v
}

// FsListing: entries of a directory, ordered by path.
type FsListing struct {
	// The entries.
	Entries []FileInfo `json:"entries"`

	// There are more; pass this as `cursor`. Optional; nil leaves it out.
	NextCursor *string `json:"next_cursor,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *FsListing) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readFsListing)
}

func readFsListing(d *strict.Decoder) (v FsListing) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "entries":
			v.Entries = strict.List(d, -1, -1, readFileInfo)
			seen |= 1 << 0
		case "next_cursor":
			v.NextCursor = strict.Pointer(d.String())
		default:
			d.Skip()
		}
	}
	d.Require(seen, "entries")
	return v
}

// Encoding: how bytes travel in JSON.
type Encoding string

// Values of Encoding.
const (
	// As text; the bytes must be UTF-8.
	EncodingUtf8 Encoding = "utf-8"

	// As base64.
	EncodingBase64 Encoding = "base64"
)

func readEncoding(d *strict.Decoder) Encoding {
	return Encoding(d.Enum("utf-8", "base64"))
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *Encoding) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readEncoding)
}

// FsReadParams: what to read. Give a byte range or a line window, not both.
type FsReadParams struct {
	// Workspace id, or its name.
	Workspace string `json:"workspace"`

	// The file.
	Path string `json:"path"`

	// How to answer. Optional; the zero value stands for the default, "utf-8".
	Encoding Encoding `json:"encoding,omitzero"`

	// First byte, from 0. Optional; nil leaves it out.
	Offset *int64 `json:"offset,omitzero"`

	// At most so many bytes. Optional; nil leaves it out.
	Length *int64 `json:"length,omitzero"`

	// First line, from 1. Optional; the zero value leaves it out.
	Line int64 `json:"line,omitzero"`

	// At most so many lines. Optional; the zero value leaves it out.
	Lines int64 `json:"lines,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *FsReadParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readFsReadParams)
}

func readFsReadParams(d *strict.Decoder) (v FsReadParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "workspace":
			v.Workspace = d.Text(1, 128, nil)
			seen |= 1 << 0
		case "path":
			v.Path = d.Text(1, 4096, nil)
			seen |= 1 << 1
		case "encoding":
			v.Encoding = readEncoding(d)
		case "offset":
			v.Offset = strict.Pointer(d.Integer(0, 9007199254740991))
		case "length":
			v.Length = strict.Pointer(d.Integer(0, 9007199254740991))
		case "line":
			v.Line = d.Integer(1, 9007199254740991)
		case "lines":
			v.Lines = d.Integer(1, 9007199254740991)
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "workspace", "path")
	return v
}

// FileContent: content of a file.
type FileContent struct {
	// The file.
	Path string `json:"path"`

	// How `content` is encoded.
	Encoding Encoding `json:"encoding"`

	// The bytes asked for.
	Content string `json:"content"`

	// Position of the first byte.
	Offset int64 `json:"offset"`

	// Size of the whole file, in bytes.
	Size int64 `json:"size"`

	// The file's etag.
	Etag string `json:"etag"`

	// The first line's number, for a line window. Optional; nil leaves it out.
	Line *int64 `json:"line,omitzero"`

	// How many lines `content` holds, for a line window. Optional; nil leaves it out.
	Lines *int64 `json:"lines,omitzero"`

	// How many lines the file has, for a line window. Optional; nil leaves it out.
	TotalLines *int64 `json:"total_lines,omitzero"`

	// Whether the file goes on after `content`.
	Truncated bool `json:"truncated"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *FileContent) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readFileContent)
}

func readFileContent(d *strict.Decoder) (v FileContent) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "path":
			v.Path = d.String()
			seen |= 1 << 0
		case "encoding":
			v.Encoding = readEncoding(d)
			seen |= 1 << 1
		case "content":
			v.Content = d.String()
			seen |= 1 << 2
		case "offset":
			v.Offset = d.Integer(0, 9007199254740991)
			seen |= 1 << 3
		case "size":
			v.Size = d.Integer(0, 9007199254740991)
			seen |= 1 << 4
		case "etag":
			v.Etag = d.String()
			seen |= 1 << 5
		case "line":
			v.Line = strict.Pointer(d.Integer(0, 9007199254740991))
		case "lines":
			v.Lines = strict.Pointer(d.Integer(0, 9007199254740991))
		case "total_lines":
			v.TotalLines = strict.Pointer(d.Integer(0, 9007199254740991))
		case "truncated":
			v.Truncated = d.Bool()
			seen |= 1 << 6
		default:
			d.Skip()
		}
	}
	d.Require(seen, "path", "encoding", "content", "offset", "size", "etag", "truncated")
	return v
}

// FsWriteParams: what to write. The file is replaced as a whole, atomically.
type FsWriteParams struct {
	// Workspace id, or its name.
	Workspace string `json:"workspace"`

	// The file.
	Path string `json:"path"`

	// The content.
	Content string `json:"content"`

	// How `content` is encoded. Optional; the zero value stands for the default, "utf-8".
	Encoding Encoding `json:"encoding,omitzero"`

	// Permission bits; default: those of the file replaced, else 644. Optional; the zero value leaves it out.
	Mode string `json:"mode,omitzero"`

	// Only if the file's etag is this; empty: only if there is no file. Optional; nil leaves it out.
	IfMatch *string `json:"if_match,omitzero"`

	// Make missing directories.
	Parents bool `json:"parents,omitzero"`

	// Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`.
	// Optional; the zero value leaves it out.
	Key string `json:"key,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *FsWriteParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readFsWriteParams)
}

func readFsWriteParams(d *strict.Decoder) (v FsWriteParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "workspace":
			v.Workspace = d.Text(1, 128, nil)
			seen |= 1 << 0
		case "path":
			v.Path = d.Text(1, 4096, nil)
			seen |= 1 << 1
		case "content":
			v.Content = d.String()
			seen |= 1 << 2
		case "encoding":
			v.Encoding = readEncoding(d)
		case "mode":
			v.Mode = d.Text(-1, -1, pattern013b31a6)
		case "if_match":
			v.IfMatch = strict.Pointer(d.String())
		case "parents":
			v.Parents = d.Bool()
		case "key":
			v.Key = d.Text(1, 128, nil)
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "workspace", "path", "content")
	return v
}

// FsEditParams: changes to one text file, all or nothing. Give `edits` or `diff`.
type FsEditParams struct {
	// Workspace id, or its name.
	Workspace string `json:"workspace"`

	// The file.
	Path string `json:"path"`

	// Replacements, applied in order.
	Edits []FsEdit `json:"edits,omitzero"`

	// A unified diff of this one file. Optional; nil leaves it out.
	Diff *string `json:"diff,omitzero"`

	// Only if the file's etag is this. Optional; nil leaves it out.
	IfMatch *string `json:"if_match,omitzero"`

	// Check only.
	DryRun bool `json:"dry_run,omitzero"`

	// Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`.
	// Optional; the zero value leaves it out.
	Key string `json:"key,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *FsEditParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readFsEditParams)
}

func readFsEditParams(d *strict.Decoder) (v FsEditParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "workspace":
			v.Workspace = d.Text(1, 128, nil)
			seen |= 1 << 0
		case "path":
			v.Path = d.Text(1, 4096, nil)
			seen |= 1 << 1
		case "edits":
			v.Edits = strict.List(d, -1, 1000, readFsEdit)
		case "diff":
			v.Diff = strict.Pointer(d.String())
		case "if_match":
			v.IfMatch = strict.Pointer(d.String())
		case "dry_run":
			v.DryRun = d.Bool()
		case "key":
			v.Key = d.Text(1, 128, nil)
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "workspace", "path")
	return v
}

// FsEdit: one replacement of exactly matching text.
type FsEdit struct {
	// The text to find.
	Old string `json:"old"`

	// The text to put there.
	New string `json:"new"`

	// Replace every match; otherwise there must be exactly one.
	All bool `json:"all,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *FsEdit) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readFsEdit)
}

func readFsEdit(d *strict.Decoder) (v FsEdit) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "old":
			v.Old = d.Text(1, -1, nil)
			seen |= 1 << 0
		case "new":
			v.New = d.String()
			seen |= 1 << 1
		case "all":
			v.All = d.Bool()
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "old", "new")
	return v
}

// FsEdited: what an edit did.
type FsEdited struct {
	// The file now.
	Info FileInfo `json:"info"`

	// How many places changed.
	Replacements int64 `json:"replacements"`

	// What changed, as a unified diff.
	Diff string `json:"diff"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *FsEdited) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readFsEdited)
}

func readFsEdited(d *strict.Decoder) (v FsEdited) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "info":
			v.Info = readFileInfo(d)
			seen |= 1 << 0
		case "replacements":
			v.Replacements = d.Integer(0, 9007199254740991)
			seen |= 1 << 1
		case "diff":
			v.Diff = d.String()
			seen |= 1 << 2
		default:
			d.Skip()
		}
	}
	d.Require(seen, "info", "replacements", "diff")
	return v
}

// FsMkdirParams: a directory to make.
type FsMkdirParams struct {
	// Workspace id, or its name.
	Workspace string `json:"workspace"`

	// The directory.
	Path string `json:"path"`

	// Make missing parents; an existing directory is then success.
	Parents bool `json:"parents,omitzero"`

	// Permission bits. Optional; the zero value stands for the default, "755".
	Mode string `json:"mode,omitzero"`

	// Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`.
	// Optional; the zero value leaves it out.
	Key string `json:"key,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *FsMkdirParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readFsMkdirParams)
}

func readFsMkdirParams(d *strict.Decoder) (v FsMkdirParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "workspace":
			v.Workspace = d.Text(1, 128, nil)
			seen |= 1 << 0
		case "path":
			v.Path = d.Text(1, 4096, nil)
			seen |= 1 << 1
		case "parents":
			v.Parents = d.Bool()
		case "mode":
			v.Mode = d.Text(-1, -1, pattern013b31a6)
		case "key":
			v.Key = d.Text(1, 128, nil)
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "workspace", "path")
	return v
}

// FsRemoveParams: what to remove.
type FsRemoveParams struct {
	// Workspace id, or its name.
	Workspace string `json:"workspace"`

	// The entry; a link is removed, not followed.
	Path string `json:"path"`

	// Remove a directory with all it holds.
	Recursive bool `json:"recursive,omitzero"`

	// Nothing there is success.
	MissingOK bool `json:"missing_ok,omitzero"`

	// Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`.
	// Optional; the zero value leaves it out.
	Key string `json:"key,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *FsRemoveParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readFsRemoveParams)
}

func readFsRemoveParams(d *strict.Decoder) (v FsRemoveParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "workspace":
			v.Workspace = d.Text(1, 128, nil)
			seen |= 1 << 0
		case "path":
			v.Path = d.Text(1, 4096, nil)
			seen |= 1 << 1
		case "recursive":
			v.Recursive = d.Bool()
		case "missing_ok":
			v.MissingOK = d.Bool()
		case "key":
			v.Key = d.Text(1, 128, nil)
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "workspace", "path")
	return v
}

// FsRemoved: what was removed.
type FsRemoved struct {
	// How many entries.
	Removed int64 `json:"removed"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *FsRemoved) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readFsRemoved)
}

func readFsRemoved(d *strict.Decoder) (v FsRemoved) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "removed":
			v.Removed = d.Integer(0, 9007199254740991)
			seen |= 1 << 0
		default:
			d.Skip()
		}
	}
	d.Require(seen, "removed")
	return v
}

// FsRenameParams: what to rename or move.
type FsRenameParams struct {
	// Workspace id, or its name.
	Workspace string `json:"workspace"`

	// The entry; a link itself is moved.
	Source string `json:"source"`

	// Its new path.
	Target string `json:"target"`

	// Replace a file that is there.
	Overwrite bool `json:"overwrite,omitzero"`

	// Make missing directories.
	Parents bool `json:"parents,omitzero"`

	// Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`.
	// Optional; the zero value leaves it out.
	Key string `json:"key,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *FsRenameParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readFsRenameParams)
}

func readFsRenameParams(d *strict.Decoder) (v FsRenameParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "workspace":
			v.Workspace = d.Text(1, 128, nil)
			seen |= 1 << 0
		case "source":
			v.Source = d.Text(1, 4096, nil)
			seen |= 1 << 1
		case "target":
			v.Target = d.Text(1, 4096, nil)
			seen |= 1 << 2
		case "overwrite":
			v.Overwrite = d.Bool()
		case "parents":
			v.Parents = d.Bool()
		case "key":
			v.Key = d.Text(1, 128, nil)
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "workspace", "source", "target")
	return v
}

// FsCopyParams: what to copy.
type FsCopyParams struct {
	// Workspace id, or its name.
	Workspace string `json:"workspace"`

	// The entry.
	Source string `json:"source"`

	// The path of the copy.
	Target string `json:"target"`

	// Copy a directory with all it holds; links are copied as links.
	Recursive bool `json:"recursive,omitzero"`

	// Replace files that are there.
	Overwrite bool `json:"overwrite,omitzero"`

	// Make missing directories.
	Parents bool `json:"parents,omitzero"`

	// Send $/progress.
	Progress bool `json:"progress,omitzero"`

	// Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`.
	// Optional; the zero value leaves it out.
	Key string `json:"key,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *FsCopyParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readFsCopyParams)
}

func readFsCopyParams(d *strict.Decoder) (v FsCopyParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "workspace":
			v.Workspace = d.Text(1, 128, nil)
			seen |= 1 << 0
		case "source":
			v.Source = d.Text(1, 4096, nil)
			seen |= 1 << 1
		case "target":
			v.Target = d.Text(1, 4096, nil)
			seen |= 1 << 2
		case "recursive":
			v.Recursive = d.Bool()
		case "overwrite":
			v.Overwrite = d.Bool()
		case "parents":
			v.Parents = d.Bool()
		case "progress":
			v.Progress = d.Bool()
		case "key":
			v.Key = d.Text(1, 128, nil)
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "workspace", "source", "target")
	return v
}

// FsChmodParams: new permission bits.
type FsChmodParams struct {
	// Workspace id, or its name.
	Workspace string `json:"workspace"`

	// The entry; links are followed inside the workspace.
	Path string `json:"path"`

	// Permission bits.
	Mode string `json:"mode"`

	// Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`.
	// Optional; the zero value leaves it out.
	Key string `json:"key,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *FsChmodParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readFsChmodParams)
}

func readFsChmodParams(d *strict.Decoder) (v FsChmodParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "workspace":
			v.Workspace = d.Text(1, 128, nil)
			seen |= 1 << 0
		case "path":
			v.Path = d.Text(1, 4096, nil)
			seen |= 1 << 1
		case "mode":
			v.Mode = d.Text(-1, -1, pattern013b31a6)
			seen |= 1 << 2
		case "key":
			v.Key = d.Text(1, 128, nil)
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "workspace", "path", "mode")
	return v
}

// FsSymlinkParams: a link to make.
type FsSymlinkParams struct {
	// Workspace id, or its name.
	Workspace string `json:"workspace"`

	// The link.
	Path string `json:"path"`

	// Where it points; must stay inside the workspace.
	Target string `json:"target"`

	// Replace a link that is there.
	Overwrite bool `json:"overwrite,omitzero"`

	// Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`.
	// Optional; the zero value leaves it out.
	Key string `json:"key,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *FsSymlinkParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readFsSymlinkParams)
}

func readFsSymlinkParams(d *strict.Decoder) (v FsSymlinkParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "workspace":
			v.Workspace = d.Text(1, 128, nil)
			seen |= 1 << 0
		case "path":
			v.Path = d.Text(1, 4096, nil)
			seen |= 1 << 1
		case "target":
			v.Target = d.Text(1, 4096, nil)
			seen |= 1 << 2
		case "overwrite":
			v.Overwrite = d.Bool()
		case "key":
			v.Key = d.Text(1, 128, nil)
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "workspace", "path", "target")
	return v
}

// FsGlobParams: which paths to find.
type FsGlobParams struct {
	// Workspace id, or its name.
	Workspace string `json:"workspace"`

	// `*`, `?`, `[…]` and `**`, relative to `path`.
	Pattern string `json:"pattern"`

	// Where to begin. Optional; the zero value stands for the default, ".".
	Path string `json:"path,omitzero"`

	// Leave out what .gitignore excludes, and .git. Optional; nil stands for the default, true.
	Gitignore *bool `json:"gitignore,omitzero"`

	// At most so many. Optional; the zero value stands for the default, 1000.
	Limit int64 `json:"limit,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *FsGlobParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readFsGlobParams)
}

func readFsGlobParams(d *strict.Decoder) (v FsGlobParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "workspace":
			v.Workspace = d.Text(1, 128, nil)
			seen |= 1 << 0
		case "pattern":
			v.Pattern = d.Text(1, 4096, nil)
			seen |= 1 << 1
		case "path":
			v.Path = d.Text(1, 4096, nil)
		case "gitignore":
			v.Gitignore = strict.Pointer(d.Bool())
		case "limit":
			v.Limit = d.Integer(1, 10000)
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "workspace", "pattern")
	return v
}

// FsGlobbed: paths that match, in order.
type FsGlobbed struct {
	// Relative to the workspace's root; absolute where it lies outside.
	Paths []string `json:"paths"`

	// Whether there are more.
	Truncated bool `json:"truncated"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *FsGlobbed) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readFsGlobbed)
}

func readFsGlobbed(d *strict.Decoder) (v FsGlobbed) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "paths":
			v.Paths = strict.List(d, -1, -1, (*strict.Decoder).String)
			seen |= 1 << 0
		case "truncated":
			v.Truncated = d.Bool()
			seen |= 1 << 1
		default:
			d.Skip()
		}
	}
	d.Require(seen, "paths", "truncated")
	return v
}

// FsSearchParams: what to search for in the content of files.
type FsSearchParams struct {
	// Workspace id, or its name.
	Workspace string `json:"workspace"`

	// What to find.
	Pattern string `json:"pattern"`

	// Whether the pattern is a regular expression.
	Regex bool `json:"regex,omitzero"`

	// Whether case is ignored.
	IgnoreCase bool `json:"ignore_case,omitzero"`

	// Only whole words.
	Word bool `json:"word,omitzero"`

	// Where to begin. Optional; the zero value stands for the default, ".".
	Path string `json:"path,omitzero"`

	// Only paths that match one of these globs.
	Include []string `json:"include,omitzero"`

	// Not paths that match one of these globs.
	Exclude []string `json:"exclude,omitzero"`

	// Leave out what .gitignore excludes, and .git. Optional; nil stands for the default, true.
	Gitignore *bool `json:"gitignore,omitzero"`

	// Lines around a match.
	Context int64 `json:"context,omitzero"`

	// At most so many matches. Optional; the zero value stands for the default, 1000.
	Limit int64 `json:"limit,omitzero"`

	// Initial credit, in events. Optional; the zero value stands for the default, 256.
	Window int64 `json:"window,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *FsSearchParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readFsSearchParams)
}

func readFsSearchParams(d *strict.Decoder) (v FsSearchParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "workspace":
			v.Workspace = d.Text(1, 128, nil)
			seen |= 1 << 0
		case "pattern":
			v.Pattern = d.Text(1, 4096, nil)
			seen |= 1 << 1
		case "regex":
			v.Regex = d.Bool()
		case "ignore_case":
			v.IgnoreCase = d.Bool()
		case "word":
			v.Word = d.Bool()
		case "path":
			v.Path = d.Text(1, 4096, nil)
		case "include":
			v.Include = strict.List(d, -1, -1, (*strict.Decoder).String)
		case "exclude":
			v.Exclude = strict.List(d, -1, -1, (*strict.Decoder).String)
		case "gitignore":
			v.Gitignore = strict.Pointer(d.Bool())
		case "context":
			v.Context = d.Integer(0, 100)
		case "limit":
			v.Limit = d.Integer(1, 100000)
		case "window":
			v.Window = d.Integer(1, 65536)
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "workspace", "pattern")
	return v
}

// FsMatch: one match.
type FsMatch struct {
	// The file.
	Path string `json:"path"`

	// The line's number, from 1.
	Line int64 `json:"line"`

	// The match's first character in the line, from 1.
	Column int64 `json:"column"`

	// The line, cut at 2,000 characters.
	Text string `json:"text"`

	// Lines before it.
	Before []string `json:"before"`

	// Lines after it.
	After []string `json:"after"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *FsMatch) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readFsMatch)
}

// MarshalJSON writes the value with its tag.
func (v FsMatch) MarshalJSON() ([]byte, error) {
	type fields FsMatch
	return json.Marshal(struct {
		Tag string `json:"kind"`
		fields
	}{"match", fields(v)})
}

func readFsMatch(d *strict.Decoder) (v FsMatch) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "path":
			v.Path = d.String()
			seen |= 1 << 0
		case "line":
			v.Line = d.Integer(0, 9007199254740991)
			seen |= 1 << 1
		case "column":
			v.Column = d.Integer(0, 9007199254740991)
			seen |= 1 << 2
		case "text":
			v.Text = d.String()
			seen |= 1 << 3
		case "before":
			v.Before = strict.List(d, -1, -1, (*strict.Decoder).String)
			seen |= 1 << 4
		case "after":
			v.After = strict.List(d, -1, -1, (*strict.Decoder).String)
			seen |= 1 << 5
		case "kind":
			d.Enum("match")
		default:
			d.Skip()
		}
	}
	d.Require(seen, "path", "line", "column", "text", "before", "after")
	return v
}

// FsSearchProgress: how far the search is.
type FsSearchProgress struct {
	// Files looked at.
	Files int64 `json:"files"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *FsSearchProgress) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readFsSearchProgress)
}

// MarshalJSON writes the value with its tag.
func (v FsSearchProgress) MarshalJSON() ([]byte, error) {
	type fields FsSearchProgress
	return json.Marshal(struct {
		Tag string `json:"kind"`
		fields
	}{"progress", fields(v)})
}

func readFsSearchProgress(d *strict.Decoder) (v FsSearchProgress) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "files":
			v.Files = d.Integer(0, 9007199254740991)
			seen |= 1 << 0
		case "kind":
			d.Enum("progress")
		default:
			d.Skip()
		}
	}
	d.Require(seen, "files")
	return v
}

// FsSearchEvent: something a search found. It is one of FsMatch, FsSearchProgress.
type FsSearchEvent interface{ isFsSearchEvent() }

func (FsMatch) isFsSearchEvent() {}

func (FsSearchProgress) isFsSearchEvent() {}

// DecodeFsSearchEvent decodes a FsSearchEvent by its tag. Errors are of type *DecodeError.
func DecodeFsSearchEvent(data []byte) (v FsSearchEvent, err error) {
	err = strict.Decode(data, &v, readFsSearchEvent)
	return v, err
}

func readFsSearchEvent(d *strict.Decoder) FsSearchEvent {
	switch d.Tag("kind", "match", "progress") {
	case "match":
		return readFsMatch(d)
	case "progress":
		return readFsSearchProgress(d)
	}
	return nil
}

// FsSearched: what a search did.
type FsSearched struct {
	// Files looked at.
	Files int64 `json:"files"`

	// Matches sent.
	Matches int64 `json:"matches"`

	// Files left out as binary, too large or unreadable.
	Skipped int64 `json:"skipped"`

	// Whether there are more.
	Truncated bool `json:"truncated"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *FsSearched) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readFsSearched)
}

func readFsSearched(d *strict.Decoder) (v FsSearched) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "files":
			v.Files = d.Integer(0, 9007199254740991)
			seen |= 1 << 0
		case "matches":
			v.Matches = d.Integer(0, 9007199254740991)
			seen |= 1 << 1
		case "skipped":
			v.Skipped = d.Integer(0, 9007199254740991)
			seen |= 1 << 2
		case "truncated":
			v.Truncated = d.Bool()
			seen |= 1 << 3
		default:
			d.Skip()
		}
	}
	d.Require(seen, "files", "matches", "skipped", "truncated")
	return v
}

// FsWatchParams: what to watch.
type FsWatchParams struct {
	// Workspace id, or its name.
	Workspace string `json:"workspace"`

	// File or directory. Optional; the zero value stands for the default, ".".
	Path string `json:"path,omitzero"`

	// Whether directories below are watched too. Optional; nil stands for the default, true.
	Recursive *bool `json:"recursive,omitzero"`

	// Leave out what .gitignore excludes, and .git. Optional; nil stands for the default, true.
	Gitignore *bool `json:"gitignore,omitzero"`

	// Continue after this cursor. Optional; nil leaves it out.
	Cursor *string `json:"cursor,omitzero"`

	// Initial credit, in events. Optional; the zero value stands for the default, 256.
	Window int64 `json:"window,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *FsWatchParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readFsWatchParams)
}

func readFsWatchParams(d *strict.Decoder) (v FsWatchParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "workspace":
			v.Workspace = d.Text(1, 128, nil)
			seen |= 1 << 0
		case "path":
			v.Path = d.Text(1, 4096, nil)
		case "recursive":
			v.Recursive = strict.Pointer(d.Bool())
		case "gitignore":
			v.Gitignore = strict.Pointer(d.Bool())
		case "cursor":
			v.Cursor = strict.Pointer(d.String())
		case "window":
			v.Window = d.Integer(1, 65536)
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "workspace")
	return v
}

// FsWatchOpen: the watch is in place: later changes are reported.
type FsWatchOpen struct {
	// Where the watch begins.
	Cursor string `json:"cursor"`

	// Whether it continues after the given cursor without a gap.
	Resumed bool `json:"resumed"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *FsWatchOpen) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readFsWatchOpen)
}

func readFsWatchOpen(d *strict.Decoder) (v FsWatchOpen) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "cursor":
			v.Cursor = d.String()
			seen |= 1 << 0
		case "resumed":
			v.Resumed = d.Bool()
			seen |= 1 << 1
		default:
			d.Skip()
		}
	}
	d.Require(seen, "cursor", "resumed")
	return v
}

// ChangeType: what happened to an entry.
//
// A later daemon may send others.
type ChangeType string

// Values of ChangeType.
const (
	// It appeared.
	ChangeTypeCreated ChangeType = "created"

	// Its content or attributes changed.
	ChangeTypeModified ChangeType = "modified"

	// It went away.
	ChangeTypeDeleted ChangeType = "deleted"
)

func readChangeType(d *strict.Decoder) ChangeType {
	return ChangeType(d.String())
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *ChangeType) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readChangeType)
}

// FsChange: an entry changed.
type FsChange struct {
	// Relative to the workspace's root; absolute where it lies outside.
	Path string `json:"path"`

	// What happened, after coalescing.
	Change ChangeType `json:"change"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *FsChange) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readFsChange)
}

// MarshalJSON writes the value with its tag.
func (v FsChange) MarshalJSON() ([]byte, error) {
	type fields FsChange
	return json.Marshal(struct {
		Tag string `json:"kind"`
		fields
	}{"change", fields(v)})
}

func readFsChange(d *strict.Decoder) (v FsChange) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "path":
			v.Path = d.String()
			seen |= 1 << 0
		case "change":
			v.Change = readChangeType(d)
			seen |= 1 << 1
		case "kind":
			d.Enum("change")
		default:
			d.Skip()
		}
	}
	d.Require(seen, "path", "change")
	return v
}

// FsOverflow: changes were missed; list again.
type FsOverflow struct {
	// Why.
	Reason string `json:"reason"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *FsOverflow) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readFsOverflow)
}

// MarshalJSON writes the value with its tag.
func (v FsOverflow) MarshalJSON() ([]byte, error) {
	type fields FsOverflow
	return json.Marshal(struct {
		Tag string `json:"kind"`
		fields
	}{"overflow", fields(v)})
}

func readFsOverflow(d *strict.Decoder) (v FsOverflow) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "reason":
			v.Reason = d.String()
			seen |= 1 << 0
		case "kind":
			d.Enum("overflow")
		default:
			d.Skip()
		}
	}
	d.Require(seen, "reason")
	return v
}

// FsWatchEvent: what happened in the watched tree. It is one of FsChange, FsOverflow.
type FsWatchEvent interface{ isFsWatchEvent() }

func (FsChange) isFsWatchEvent() {}

func (FsOverflow) isFsWatchEvent() {}

// DecodeFsWatchEvent decodes a FsWatchEvent by its tag. Errors are of type *DecodeError.
func DecodeFsWatchEvent(data []byte) (v FsWatchEvent, err error) {
	err = strict.Decode(data, &v, readFsWatchEvent)
	return v, err
}

func readFsWatchEvent(d *strict.Decoder) FsWatchEvent {
	switch d.Tag("kind", "change", "overflow") {
	case "change":
		return readFsChange(d)
	case "overflow":
		return readFsOverflow(d)
	}
	return nil
}

// FsDownloadParams: which file to stream.
type FsDownloadParams struct {
	// Workspace id, or its name.
	Workspace string `json:"workspace"`

	// The file.
	Path string `json:"path"`

	// First byte.
	Offset int64 `json:"offset,omitzero"`

	// At most so many bytes. Optional; nil leaves it out.
	Length *int64 `json:"length,omitzero"`

	// Only if the file's etag is this. Optional; nil leaves it out.
	IfMatch *string `json:"if_match,omitzero"`

	// Initial credit, in bytes. Optional; the zero value stands for the default, 1048576.
	Window int64 `json:"window,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *FsDownloadParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readFsDownloadParams)
}

func readFsDownloadParams(d *strict.Decoder) (v FsDownloadParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "workspace":
			v.Workspace = d.Text(1, 128, nil)
			seen |= 1 << 0
		case "path":
			v.Path = d.Text(1, 4096, nil)
			seen |= 1 << 1
		case "offset":
			v.Offset = d.Integer(0, 9007199254740991)
		case "length":
			v.Length = strict.Pointer(d.Integer(0, 9007199254740991))
		case "if_match":
			v.IfMatch = strict.Pointer(d.String())
		case "window":
			v.Window = d.Integer(4096, 67108864)
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "workspace", "path")
	return v
}

// FsDownloadOpen: what is coming.
type FsDownloadOpen struct {
	// The file.
	Info FileInfo `json:"info"`

	// How many bytes will come.
	Length int64 `json:"length"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *FsDownloadOpen) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readFsDownloadOpen)
}

func readFsDownloadOpen(d *strict.Decoder) (v FsDownloadOpen) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "info":
			v.Info = readFileInfo(d)
			seen |= 1 << 0
		case "length":
			v.Length = d.Integer(0, 9007199254740991)
			seen |= 1 << 1
		default:
			d.Skip()
		}
	}
	d.Require(seen, "info", "length")
	return v
}

// FsDownloaded: the file arrived whole.
type FsDownloaded struct {
	// The file.
	Info FileInfo `json:"info"`

	// Checksum of the bytes sent, in hex. Optional; nil leaves it out.
	SHA256 *string `json:"sha256,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *FsDownloaded) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readFsDownloaded)
}

func readFsDownloaded(d *strict.Decoder) (v FsDownloaded) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "info":
			v.Info = readFileInfo(d)
			seen |= 1 << 0
		case "sha256":
			v.SHA256 = strict.Pointer(d.String())
		default:
			d.Skip()
		}
	}
	d.Require(seen, "info")
	return v
}

// FsUploadParams: a file to receive. The file is replaced as a whole, when all bytes have come.
type FsUploadParams struct {
	// Workspace id, or its name.
	Workspace string `json:"workspace"`

	// The file.
	Path string `json:"path"`

	// Caller-chosen id of this upload; the same id resumes it.
	Upload string `json:"upload"`

	// How many bytes will come. Optional; nil leaves it out.
	Size *int64 `json:"size,omitzero"`

	// Their checksum. Optional; the zero value leaves it out.
	SHA256 string `json:"sha256,omitzero"`

	// Permission bits; default: those of the file replaced, else 644. Optional; the zero value leaves it out.
	Mode string `json:"mode,omitzero"`

	// Only if the file's etag is this; empty: only if there is no file. Optional; nil leaves it out.
	IfMatch *string `json:"if_match,omitzero"`

	// Make missing directories.
	Parents bool `json:"parents,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *FsUploadParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readFsUploadParams)
}

func readFsUploadParams(d *strict.Decoder) (v FsUploadParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "workspace":
			v.Workspace = d.Text(1, 128, nil)
			seen |= 1 << 0
		case "path":
			v.Path = d.Text(1, 4096, nil)
			seen |= 1 << 1
		case "upload":
			v.Upload = d.Text(-1, -1, patternb636c8f7)
			seen |= 1 << 2
		case "size":
			v.Size = strict.Pointer(d.Integer(0, 9007199254740991))
		case "sha256":
			v.SHA256 = d.Text(-1, -1, patterndb992b7f)
		case "mode":
			v.Mode = d.Text(-1, -1, pattern013b31a6)
		case "if_match":
			v.IfMatch = strict.Pointer(d.String())
		case "parents":
			v.Parents = d.Bool()
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "workspace", "path", "upload")
	return v
}

// FsUploadOpen: the upload may begin.
type FsUploadOpen struct {
	// How many bytes are there already; continue from here.
	Offset int64 `json:"offset"`

	// The initial grant of credit beyond `offset`, in bytes.
	Window int64 `json:"window"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *FsUploadOpen) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readFsUploadOpen)
}

func readFsUploadOpen(d *strict.Decoder) (v FsUploadOpen) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "offset":
			v.Offset = d.Integer(0, 9007199254740991)
			seen |= 1 << 0
		case "window":
			v.Window = d.Integer(0, 9007199254740991)
			seen |= 1 << 1
		default:
			d.Skip()
		}
	}
	d.Require(seen, "offset", "window")
	return v
}

// FsUploaded: the file is in place.
type FsUploaded struct {
	// The file.
	Info FileInfo `json:"info"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *FsUploaded) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readFsUploaded)
}

func readFsUploaded(d *strict.Decoder) (v FsUploaded) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "info":
			v.Info = readFileInfo(d)
			seen |= 1 << 0
		default:
			d.Skip()
		}
	}
	d.Require(seen, "info")
	return v
}

// RepositoryData: which repository.
type RepositoryData struct {
	// The path or URL, without credentials.
	URL string `json:"url"`

	// What git said.
	Reason string `json:"reason"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *RepositoryData) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readRepositoryData)
}

func readRepositoryData(d *strict.Decoder) (v RepositoryData) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "url":
			v.URL = d.String()
			seen |= 1 << 0
		case "reason":
			v.Reason = d.String()
			seen |= 1 << 1
		default:
			d.Skip()
		}
	}
	d.Require(seen, "url", "reason")
	return v
}

// RefData: which ref.
type RefData struct {
	// The branch, tag or commit.
	Ref string `json:"ref"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *RefData) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readRefData)
}

func readRefData(d *strict.Decoder) (v RefData) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "ref":
			v.Ref = d.String()
			seen |= 1 << 0
		default:
			d.Skip()
		}
	}
	d.Require(seen, "ref")
	return v
}

// ConflictData: where.
type ConflictData struct {
	// The files in conflict.
	Files []string `json:"files"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *ConflictData) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readConflictData)
}

func readConflictData(d *strict.Decoder) (v ConflictData) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "files":
			v.Files = strict.List(d, -1, -1, (*strict.Decoder).String)
			seen |= 1 << 0
		default:
			d.Skip()
		}
	}
	d.Require(seen, "files")
	return v
}

// GitFailure: what git said.
type GitFailure struct {
	// The git subcommand.
	Command string `json:"command"`

	// Its last lines.
	Reason string `json:"reason"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *GitFailure) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readGitFailure)
}

func readGitFailure(d *strict.Decoder) (v GitFailure) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "command":
			v.Command = d.String()
			seen |= 1 << 0
		case "reason":
			v.Reason = d.String()
			seen |= 1 << 1
		default:
			d.Skip()
		}
	}
	d.Require(seen, "command", "reason")
	return v
}

// GitStatusParams: which workspace.
type GitStatusParams struct {
	// Workspace id, or its name.
	Workspace string `json:"workspace"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *GitStatusParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readGitStatusParams)
}

func readGitStatusParams(d *strict.Decoder) (v GitStatusParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "workspace":
			v.Workspace = d.Text(1, 128, nil)
			seen |= 1 << 0
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "workspace")
	return v
}

// GitFileState: what happened to a file, compared with the index or HEAD.
//
// A later daemon may send others.
type GitFileState string

// Values of GitFileState.
const (
	// Nothing.
	GitFileStateUnmodified GitFileState = "unmodified"

	// Changed.
	GitFileStateModified GitFileState = "modified"

	// New.
	GitFileStateAdded GitFileState = "added"

	// Gone.
	GitFileStateDeleted GitFileState = "deleted"

	// Moved.
	GitFileStateRenamed GitFileState = "renamed"

	// Copied.
	GitFileStateCopied GitFileState = "copied"

	// Became another kind of entry.
	GitFileStateTypechange GitFileState = "typechange"

	// In conflict.
	GitFileStateUnmerged GitFileState = "unmerged"

	// Not known to git.
	GitFileStateUntracked GitFileState = "untracked"
)

func readGitFileState(d *strict.Decoder) GitFileState {
	return GitFileState(d.String())
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *GitFileState) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readGitFileState)
}

// GitFile: one changed file.
type GitFile struct {
	// The path.
	Path string `json:"path"`

	// Where it was, for a rename or copy. Optional; nil leaves it out.
	Original *string `json:"original,omitzero"`

	// In the index, compared with HEAD.
	Index GitFileState `json:"index"`

	// In the worktree, compared with the index.
	Worktree GitFileState `json:"worktree"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *GitFile) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readGitFile)
}

func readGitFile(d *strict.Decoder) (v GitFile) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "path":
			v.Path = d.String()
			seen |= 1 << 0
		case "original":
			v.Original = strict.Pointer(d.String())
		case "index":
			v.Index = readGitFileState(d)
			seen |= 1 << 1
		case "worktree":
			v.Worktree = readGitFileState(d)
			seen |= 1 << 2
		default:
			d.Skip()
		}
	}
	d.Require(seen, "path", "index", "worktree")
	return v
}

// GitStatus: where a worktree stands.
type GitStatus struct {
	// The branch; absent when detached. Optional; nil leaves it out.
	Branch *string `json:"branch,omitzero"`

	// HEAD's commit; absent before the first. Optional; nil leaves it out.
	Commit *string `json:"commit,omitzero"`

	// The branch it follows. Optional; nil leaves it out.
	Upstream *string `json:"upstream,omitzero"`

	// Commits the upstream does not have.
	Ahead int64 `json:"ahead"`

	// Commits only the upstream has.
	Behind int64 `json:"behind"`

	// Changed files, at most 10,000.
	Files []GitFile `json:"files"`

	// Whether there are more.
	Truncated bool `json:"truncated"`

	// Whether nothing is changed.
	Clean bool `json:"clean"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *GitStatus) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readGitStatus)
}

func readGitStatus(d *strict.Decoder) (v GitStatus) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "branch":
			v.Branch = strict.Pointer(d.String())
		case "commit":
			v.Commit = strict.Pointer(d.String())
		case "upstream":
			v.Upstream = strict.Pointer(d.String())
		case "ahead":
			v.Ahead = d.Integer(0, 9007199254740991)
			seen |= 1 << 0
		case "behind":
			v.Behind = d.Integer(0, 9007199254740991)
			seen |= 1 << 1
		case "files":
			v.Files = strict.List(d, -1, -1, readGitFile)
			seen |= 1 << 2
		case "truncated":
			v.Truncated = d.Bool()
			seen |= 1 << 3
		case "clean":
			v.Clean = d.Bool()
			seen |= 1 << 4
		default:
			d.Skip()
		}
	}
	d.Require(seen, "ahead", "behind", "files", "truncated", "clean")
	return v
}

// GitDiffParams: what to compare.
type GitDiffParams struct {
	// Workspace id, or its name.
	Workspace string `json:"workspace"`

	// Compare with this commit; default: the index, or HEAD with `staged`. Optional; the zero value leaves it out.
	Base string `json:"base,omitzero"`

	// What would be committed.
	Staged bool `json:"staged,omitzero"`

	// Include new files. Optional; nil stands for the default, true.
	Untracked *bool `json:"untracked,omitzero"`

	// Only these.
	Paths []string `json:"paths,omitzero"`

	// Lines around a change. Optional; nil stands for the default, 3.
	Context *int64 `json:"context,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *GitDiffParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readGitDiffParams)
}

func readGitDiffParams(d *strict.Decoder) (v GitDiffParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "workspace":
			v.Workspace = d.Text(1, 128, nil)
			seen |= 1 << 0
		case "base":
			v.Base = d.Text(1, 255, nil)
		case "staged":
			v.Staged = d.Bool()
		case "untracked":
			v.Untracked = strict.Pointer(d.Bool())
		case "paths":
			v.Paths = strict.List(d, -1, -1, func(d *strict.Decoder) string { return d.Text(1, 4096, nil) })
		case "context":
			v.Context = strict.Pointer(d.Integer(0, 1000))
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "workspace")
	return v
}

// GitDiffFile: one file of a diff.
type GitDiffFile struct {
	// The path.
	Path string `json:"path"`

	// Lines added.
	Added int64 `json:"added"`

	// Lines removed.
	Removed int64 `json:"removed"`

	// Whether it is binary.
	Binary bool `json:"binary"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *GitDiffFile) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readGitDiffFile)
}

func readGitDiffFile(d *strict.Decoder) (v GitDiffFile) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "path":
			v.Path = d.String()
			seen |= 1 << 0
		case "added":
			v.Added = d.Integer(0, 9007199254740991)
			seen |= 1 << 1
		case "removed":
			v.Removed = d.Integer(0, 9007199254740991)
			seen |= 1 << 2
		case "binary":
			v.Binary = d.Bool()
			seen |= 1 << 3
		default:
			d.Skip()
		}
	}
	d.Require(seen, "path", "added", "removed", "binary")
	return v
}

// GitDiff: a difference.
type GitDiff struct {
	// As a unified diff, at most 512 KiB.
	Diff string `json:"diff"`

	// Per file.
	Files []GitDiffFile `json:"files"`

	// Whether the diff was cut.
	Truncated bool `json:"truncated"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *GitDiff) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readGitDiff)
}

func readGitDiff(d *strict.Decoder) (v GitDiff) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "diff":
			v.Diff = d.String()
			seen |= 1 << 0
		case "files":
			v.Files = strict.List(d, -1, -1, readGitDiffFile)
			seen |= 1 << 1
		case "truncated":
			v.Truncated = d.Bool()
			seen |= 1 << 2
		default:
			d.Skip()
		}
	}
	d.Require(seen, "diff", "files", "truncated")
	return v
}

// GitLogParams: which commits.
type GitLogParams struct {
	// Workspace id, or its name.
	Workspace string `json:"workspace"`

	// Where to begin. Optional; the zero value stands for the default, "HEAD".
	Ref string `json:"ref,omitzero"`

	// Only commits that touch these.
	Paths []string `json:"paths,omitzero"`

	// At most so many. Optional; the zero value stands for the default, 50.
	Limit int64 `json:"limit,omitzero"`

	// Leave out the first.
	Skip int64 `json:"skip,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *GitLogParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readGitLogParams)
}

func readGitLogParams(d *strict.Decoder) (v GitLogParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "workspace":
			v.Workspace = d.Text(1, 128, nil)
			seen |= 1 << 0
		case "ref":
			v.Ref = d.Text(1, 255, nil)
		case "paths":
			v.Paths = strict.List(d, -1, -1, func(d *strict.Decoder) string { return d.Text(1, 4096, nil) })
		case "limit":
			v.Limit = d.Integer(1, 1000)
		case "skip":
			v.Skip = d.Integer(0, 9007199254740991)
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "workspace")
	return v
}

// GitCommit: a commit.
type GitCommit struct {
	// Its hash.
	Commit string `json:"commit"`

	// Its parents' hashes.
	Parents []string `json:"parents"`

	// Who wrote it.
	Author string `json:"author"`

	// Their address.
	Email string `json:"email"`

	// When it was written.
	Time time.Time `json:"time"`

	// The first line.
	Subject string `json:"subject"`

	// The rest.
	Body string `json:"body"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *GitCommit) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readGitCommit)
}

func readGitCommit(d *strict.Decoder) (v GitCommit) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "commit":
			v.Commit = d.String()
			seen |= 1 << 0
		case "parents":
			v.Parents = strict.List(d, -1, -1, (*strict.Decoder).String)
			seen |= 1 << 1
		case "author":
			v.Author = d.String()
			seen |= 1 << 2
		case "email":
			v.Email = d.String()
			seen |= 1 << 3
		case "time":
			v.Time = d.Time()
			seen |= 1 << 4
		case "subject":
			v.Subject = d.String()
			seen |= 1 << 5
		case "body":
			v.Body = d.String()
			seen |= 1 << 6
		default:
			d.Skip()
		}
	}
	d.Require(seen, "commit", "parents", "author", "email", "time", "subject", "body")
	return v
}

// GitLog: commits, newest first.
type GitLog struct {
	// The commits.
	Commits []GitCommit `json:"commits"`

	// Whether there are more.
	Truncated bool `json:"truncated"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *GitLog) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readGitLog)
}

func readGitLog(d *strict.Decoder) (v GitLog) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "commits":
			v.Commits = strict.List(d, -1, -1, readGitCommit)
			seen |= 1 << 0
		case "truncated":
			v.Truncated = d.Bool()
			seen |= 1 << 1
		default:
			d.Skip()
		}
	}
	d.Require(seen, "commits", "truncated")
	return v
}

// GitCommitParams: what to commit.
type GitCommitParams struct {
	// Workspace id, or its name.
	Workspace string `json:"workspace"`

	// The message.
	Message string `json:"message"`

	// Only these; default with `all`: everything.
	Paths []string `json:"paths,omitzero"`

	// Stage every change first, new files too; otherwise commit the index. Optional; nil stands for the default, true.
	All *bool `json:"all,omitzero"`

	// `Name <address>`. Optional; nil leaves it out.
	Author *string `json:"author,omitzero"`

	// Replace the last commit.
	Amend bool `json:"amend,omitzero"`

	// Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`.
	// Optional; the zero value leaves it out.
	Key string `json:"key,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *GitCommitParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readGitCommitParams)
}

func readGitCommitParams(d *strict.Decoder) (v GitCommitParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "workspace":
			v.Workspace = d.Text(1, 128, nil)
			seen |= 1 << 0
		case "message":
			v.Message = d.Text(1, 65536, nil)
			seen |= 1 << 1
		case "paths":
			v.Paths = strict.List(d, -1, -1, func(d *strict.Decoder) string { return d.Text(1, 4096, nil) })
		case "all":
			v.All = strict.Pointer(d.Bool())
		case "author":
			v.Author = strict.Pointer(d.Text(-1, 320, nil))
		case "amend":
			v.Amend = d.Bool()
		case "key":
			v.Key = d.Text(1, 128, nil)
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "workspace", "message")
	return v
}

// GitBranchParams: branches of the repository; with `create`, `switch` or `delete` one is changed first.
type GitBranchParams struct {
	// Workspace id, or its name.
	Workspace string `json:"workspace"`

	// Make a branch of this name. Optional; the zero value leaves it out.
	Create string `json:"create,omitzero"`

	// Where the new branch begins; default HEAD. Optional; the zero value leaves it out.
	Start string `json:"start,omitzero"`

	// Check out this branch. Optional; the zero value leaves it out.
	Switch string `json:"switch,omitzero"`

	// Delete this merged branch. Optional; the zero value leaves it out.
	Delete string `json:"delete,omitzero"`

	// Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`.
	// Optional; the zero value leaves it out.
	Key string `json:"key,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *GitBranchParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readGitBranchParams)
}

func readGitBranchParams(d *strict.Decoder) (v GitBranchParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "workspace":
			v.Workspace = d.Text(1, 128, nil)
			seen |= 1 << 0
		case "create":
			v.Create = d.Text(1, 200, nil)
		case "start":
			v.Start = d.Text(1, 255, nil)
		case "switch":
			v.Switch = d.Text(1, 200, nil)
		case "delete":
			v.Delete = d.Text(1, 200, nil)
		case "key":
			v.Key = d.Text(1, 128, nil)
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "workspace")
	return v
}

// GitBranch: a branch.
type GitBranch struct {
	// Its name.
	Name string `json:"name"`

	// Where it points.
	Commit string `json:"commit"`

	// Whether it is checked out here.
	Current bool `json:"current"`

	// Whether it is a remote-tracking branch.
	Remote bool `json:"remote"`

	// What it follows. Optional; nil leaves it out.
	Upstream *string `json:"upstream,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *GitBranch) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readGitBranch)
}

func readGitBranch(d *strict.Decoder) (v GitBranch) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "name":
			v.Name = d.String()
			seen |= 1 << 0
		case "commit":
			v.Commit = d.String()
			seen |= 1 << 1
		case "current":
			v.Current = d.Bool()
			seen |= 1 << 2
		case "remote":
			v.Remote = d.Bool()
			seen |= 1 << 3
		case "upstream":
			v.Upstream = strict.Pointer(d.String())
		default:
			d.Skip()
		}
	}
	d.Require(seen, "name", "commit", "current", "remote")
	return v
}

// GitBranches: branches.
type GitBranches struct {
	// The branches.
	Branches []GitBranch `json:"branches"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *GitBranches) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readGitBranches)
}

func readGitBranches(d *strict.Decoder) (v GitBranches) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "branches":
			v.Branches = strict.List(d, -1, -1, readGitBranch)
			seen |= 1 << 0
		default:
			d.Skip()
		}
	}
	d.Require(seen, "branches")
	return v
}

// GitSyncParams: exchange commits with a remote.
type GitSyncParams struct {
	// Workspace id, or its name.
	Workspace string `json:"workspace"`

	// The remote. Optional; the zero value stands for the default, "origin".
	Remote string `json:"remote,omitzero"`

	// How to take theirs. Optional; the zero value stands for the default, "rebase".
	Pull SyncMode `json:"pull,omitzero"`

	// Send ours, to the branch of the same name.
	Push bool `json:"push,omitzero"`

	// Send $/progress.
	Progress bool `json:"progress,omitzero"`

	// Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`.
	// Optional; the zero value leaves it out.
	Key string `json:"key,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *GitSyncParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readGitSyncParams)
}

func readGitSyncParams(d *strict.Decoder) (v GitSyncParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "workspace":
			v.Workspace = d.Text(1, 128, nil)
			seen |= 1 << 0
		case "remote":
			v.Remote = d.Text(1, 200, nil)
		case "pull":
			v.Pull = readSyncMode(d)
		case "push":
			v.Push = d.Bool()
		case "progress":
			v.Progress = d.Bool()
		case "key":
			v.Key = d.Text(1, 128, nil)
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "workspace")
	return v
}

// SyncMode: how to take a remote's commits.
type SyncMode string

// Values of SyncMode.
const (
	// Only fetch.
	SyncModeNone SyncMode = "none"

	// Only if nothing of ours is in the way.
	SyncModeFf SyncMode = "ff"

	// Put ours on top.
	SyncModeRebase SyncMode = "rebase"

	// Make a merge commit.
	SyncModeMerge SyncMode = "merge"
)

func readSyncMode(d *strict.Decoder) SyncMode {
	return SyncMode(d.Enum("none", "ff", "rebase", "merge"))
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *SyncMode) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readSyncMode)
}

// GitSynced: what an exchange did.
type GitSynced struct {
	// Where the worktree stands now.
	Status GitStatus `json:"status"`

	// Whether a fetch was made.
	Fetched bool `json:"fetched"`

	// Commits taken.
	Pulled int64 `json:"pulled"`

	// Commits sent.
	Pushed int64 `json:"pushed"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *GitSynced) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readGitSynced)
}

func readGitSynced(d *strict.Decoder) (v GitSynced) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "status":
			v.Status = readGitStatus(d)
			seen |= 1 << 0
		case "fetched":
			v.Fetched = d.Bool()
			seen |= 1 << 1
		case "pulled":
			v.Pulled = d.Integer(0, 9007199254740991)
			seen |= 1 << 2
		case "pushed":
			v.Pushed = d.Integer(0, 9007199254740991)
			seen |= 1 << 3
		default:
			d.Skip()
		}
	}
	d.Require(seen, "status", "fetched", "pulled", "pushed")
	return v
}

// OperationRef: which operation.
type OperationRef struct {
	// The id as the caller gave it.
	Operation string `json:"operation"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *OperationRef) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readOperationRef)
}

func readOperationRef(d *strict.Decoder) (v OperationRef) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "operation":
			v.Operation = d.String()
			seen |= 1 << 0
		default:
			d.Skip()
		}
	}
	d.Require(seen, "operation")
	return v
}

// OperationState: how far an operation is.
//
// A later daemon may send others.
type OperationState string

// Values of OperationState.
const (
	// Under way.
	OperationStateRunning OperationState = "running"

	// It succeeded.
	OperationStateDone OperationState = "done"

	// A step failed; what was done was undone where it could be.
	OperationStateFailed OperationState = "failed"

	// It was cancelled and undone.
	OperationStateCancelled OperationState = "cancelled"
)

func readOperationState(d *strict.Decoder) OperationState {
	return OperationState(d.String())
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *OperationState) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readOperationState)
}

// OperationStep: one step of an operation.
type OperationStep struct {
	// The step's name.
	Name string `json:"name"`

	// How far it is.
	State StepState `json:"state"`

	// When it began. Optional; the zero value leaves it out.
	StartedAt time.Time `json:"started_at,omitzero"`

	// When it ended. Optional; the zero value leaves it out.
	EndedAt time.Time `json:"ended_at,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *OperationStep) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readOperationStep)
}

func readOperationStep(d *strict.Decoder) (v OperationStep) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "name":
			v.Name = d.String()
			seen |= 1 << 0
		case "state":
			v.State = readStepState(d)
			seen |= 1 << 1
		case "started_at":
			v.StartedAt = d.Time()
		case "ended_at":
			v.EndedAt = d.Time()
		default:
			d.Skip()
		}
	}
	d.Require(seen, "name", "state")
	return v
}

// StepState: how far a step is.
//
// A later daemon may send others.
type StepState string

// Values of StepState.
const (
	// Not begun.
	StepStateWaiting StepState = "waiting"

	// Under way.
	StepStateRunning StepState = "running"

	// Done.
	StepStateDone StepState = "done"

	// Failed.
	StepStateFailed StepState = "failed"

	// Its compensation ran.
	StepStateUndone StepState = "undone"
)

func readStepState(d *strict.Decoder) StepState {
	return StepState(d.String())
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *StepState) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readStepState)
}

// OperationError: why an operation failed, as the call would have said it.
type OperationError struct {
	// The error's number.
	Code int64 `json:"code"`

	// The error's name.
	Name string `json:"name"`

	// What happened.
	Message string `json:"message"`

	// What to try.
	Hint string `json:"hint"`

	// The error's typed data. Optional; nil leaves it out.
	Details json.RawMessage `json:"details,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *OperationError) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readOperationError)
}

func readOperationError(d *strict.Decoder) (v OperationError) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "code":
			v.Code = d.Integer(-9007199254740991, 9007199254740991)
			seen |= 1 << 0
		case "name":
			v.Name = d.String()
			seen |= 1 << 1
		case "message":
			v.Message = d.String()
			seen |= 1 << 2
		case "hint":
			v.Hint = d.String()
			seen |= 1 << 3
		case "details":
			v.Details = d.Raw()
		default:
			d.Skip()
		}
	}
	d.Require(seen, "code", "name", "message", "hint")
	return v
}

// Operation: a lifecycle change.
type Operation struct {
	// Its id.
	ID string `json:"id"`

	// The verb: create, start, stop, pause, resume, restart, switch, destroy, checkpoint, restore, fork, forget.
	Kind string `json:"kind"`

	// The workspace's id.
	Workspace string `json:"workspace"`

	// How far it is.
	State OperationState `json:"state"`

	// Its steps, in order.
	Steps []OperationStep `json:"steps"`

	// What is being done, for a person.
	Message string `json:"message"`

	// Why it failed. Optional; nil leaves it out.
	Error *OperationError `json:"error,omitzero"`

	// When it was accepted.
	CreatedAt time.Time `json:"created_at"`

	// When it ended. Optional; the zero value leaves it out.
	EndedAt time.Time `json:"ended_at,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *Operation) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readOperation)
}

func readOperation(d *strict.Decoder) (v Operation) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "id":
			v.ID = d.String()
			seen |= 1 << 0
		case "kind":
			v.Kind = d.String()
			seen |= 1 << 1
		case "workspace":
			v.Workspace = d.String()
			seen |= 1 << 2
		case "state":
			v.State = readOperationState(d)
			seen |= 1 << 3
		case "steps":
			v.Steps = strict.List(d, -1, -1, readOperationStep)
			seen |= 1 << 4
		case "message":
			v.Message = d.String()
			seen |= 1 << 5
		case "error":
			v.Error = strict.Pointer(readOperationError(d))
		case "created_at":
			v.CreatedAt = d.Time()
			seen |= 1 << 6
		case "ended_at":
			v.EndedAt = d.Time()
		default:
			d.Skip()
		}
	}
	d.Require(seen, "id", "kind", "workspace", "state", "steps", "message", "created_at")
	return v
}

// OperationGetParams: which operation.
type OperationGetParams struct {
	// Its id.
	Operation string `json:"operation"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *OperationGetParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readOperationGetParams)
}

func readOperationGetParams(d *strict.Decoder) (v OperationGetParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "operation":
			v.Operation = d.String()
			seen |= 1 << 0
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "operation")
	return v
}

// OperationListParams: which operations.
type OperationListParams struct {
	// Only those of this workspace. Optional; the zero value leaves it out.
	Workspace string `json:"workspace,omitzero"`

	// Only those under way.
	Running bool `json:"running,omitzero"`

	// At most so many. Optional; the zero value stands for the default, 100.
	Limit int64 `json:"limit,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *OperationListParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readOperationListParams)
}

func readOperationListParams(d *strict.Decoder) (v OperationListParams) {
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "workspace":
			v.Workspace = d.Text(1, 128, nil)
		case "running":
			v.Running = d.Bool()
		case "limit":
			v.Limit = d.Integer(1, 1000)
		default:
			d.Unknown()
		}
	}
	return v
}

// OperationList: operations, newest first.
type OperationList struct {
	// The operations.
	Operations []Operation `json:"operations"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *OperationList) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readOperationList)
}

func readOperationList(d *strict.Decoder) (v OperationList) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "operations":
			v.Operations = strict.List(d, -1, -1, readOperation)
			seen |= 1 << 0
		default:
			d.Skip()
		}
	}
	d.Require(seen, "operations")
	return v
}

// OperationWaitParams: wait for an operation.
type OperationWaitParams struct {
	// Its id.
	Operation string `json:"operation"`

	// Answer after so long in any case, with the state it then has. Optional; nil stands for the default, 300000.
	TimeoutMS *int64 `json:"timeout_ms,omitzero"`

	// Send $/progress.
	Progress bool `json:"progress,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *OperationWaitParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readOperationWaitParams)
}

func readOperationWaitParams(d *strict.Decoder) (v OperationWaitParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "operation":
			v.Operation = d.String()
			seen |= 1 << 0
		case "timeout_ms":
			v.TimeoutMS = strict.Pointer(d.Integer(0, 3600000))
		case "progress":
			v.Progress = d.Bool()
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "operation")
	return v
}

// PortRange: the range.
type PortRange struct {
	// First port.
	Start int64 `json:"start"`

	// Last port.
	End int64 `json:"end"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *PortRange) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readPortRange)
}

func readPortRange(d *strict.Decoder) (v PortRange) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "start":
			v.Start = d.Integer(0, 9007199254740991)
			seen |= 1 << 0
		case "end":
			v.End = d.Integer(0, 9007199254740991)
			seen |= 1 << 1
		default:
			d.Skip()
		}
	}
	d.Require(seen, "start", "end")
	return v
}

// PortData: which port.
type PortData struct {
	// The port.
	Port int64 `json:"port"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *PortData) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readPortData)
}

func readPortData(d *strict.Decoder) (v PortData) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "port":
			v.Port = d.Integer(0, 9007199254740991)
			seen |= 1 << 0
		default:
			d.Skip()
		}
	}
	d.Require(seen, "port")
	return v
}

// PortListParams: which workspace.
type PortListParams struct {
	// Workspace id, or its name.
	Workspace string `json:"workspace"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *PortListParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readPortListParams)
}

func readPortListParams(d *strict.Decoder) (v PortListParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "workspace":
			v.Workspace = d.Text(1, 128, nil)
			seen |= 1 << 0
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "workspace")
	return v
}

// ListeningPort: a port of a workspace.
type ListeningPort struct {
	// The port.
	Port int64 `json:"port"`

	// The name it is allocated under. Optional; nil leaves it out.
	Name *string `json:"name,omitzero"`

	// Whether something accepts connections on it.
	Listening bool `json:"listening"`

	// The address it is bound to. Optional; nil leaves it out.
	Address *string `json:"address,omitzero"`

	// The process that listens. Optional; nil leaves it out.
	PID *int64 `json:"pid,omitzero"`

	// Its command's name. Optional; nil leaves it out.
	Command *string `json:"command,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *ListeningPort) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readListeningPort)
}

func readListeningPort(d *strict.Decoder) (v ListeningPort) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "port":
			v.Port = d.Integer(0, 9007199254740991)
			seen |= 1 << 0
		case "name":
			v.Name = strict.Pointer(d.String())
		case "listening":
			v.Listening = d.Bool()
			seen |= 1 << 1
		case "address":
			v.Address = strict.Pointer(d.String())
		case "pid":
			v.PID = strict.Pointer(d.Integer(0, 9007199254740991))
		case "command":
			v.Command = strict.Pointer(d.String())
		default:
			d.Skip()
		}
	}
	d.Require(seen, "port", "listening")
	return v
}

// PortList: ports that are allocated to the workspace, and ports its processes listen on.
type PortList struct {
	// The ports, in order.
	Ports []ListeningPort `json:"ports"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *PortList) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readPortList)
}

func readPortList(d *strict.Decoder) (v PortList) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "ports":
			v.Ports = strict.List(d, -1, -1, readListeningPort)
			seen |= 1 << 0
		default:
			d.Skip()
		}
	}
	d.Require(seen, "ports")
	return v
}

// PortForwardParams: one TCP connection into the workspace.
type PortForwardParams struct {
	// Workspace id, or its name.
	Workspace string `json:"workspace"`

	// The port, on the machine's own loopback.
	Port int64 `json:"port"`

	// Initial credit, in bytes. Optional; the zero value stands for the default, 262144.
	Window int64 `json:"window,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *PortForwardParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readPortForwardParams)
}

func readPortForwardParams(d *strict.Decoder) (v PortForwardParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "workspace":
			v.Workspace = d.Text(1, 128, nil)
			seen |= 1 << 0
		case "port":
			v.Port = d.Integer(1, 65535)
			seen |= 1 << 1
		case "window":
			v.Window = d.Integer(4096, 67108864)
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "workspace", "port")
	return v
}

// PortForwardOpen: the connection is made.
type PortForwardOpen struct {
	// Credit towards the machine, in bytes.
	Window int64 `json:"window"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *PortForwardOpen) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readPortForwardOpen)
}

func readPortForwardOpen(d *strict.Decoder) (v PortForwardOpen) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "window":
			v.Window = d.Integer(0, 9007199254740991)
			seen |= 1 << 0
		default:
			d.Skip()
		}
	}
	d.Require(seen, "window")
	return v
}

// PortForwarded: the connection ended.
type PortForwarded struct {
	// Bytes to the machine.
	Sent int64 `json:"sent"`

	// Bytes from the machine.
	Received int64 `json:"received"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *PortForwarded) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readPortForwarded)
}

func readPortForwarded(d *strict.Decoder) (v PortForwarded) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "sent":
			v.Sent = d.Integer(0, 9007199254740991)
			seen |= 1 << 0
		case "received":
			v.Received = d.Integer(0, 9007199254740991)
			seen |= 1 << 1
		default:
			d.Skip()
		}
	}
	d.Require(seen, "sent", "received")
	return v
}

// ForbiddenData: what was missing.
type ForbiddenData struct {
	// The scope that the method needs.
	Scope string `json:"scope"`

	// The method that was called.
	Method string `json:"method"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *ForbiddenData) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readForbiddenData)
}

func readForbiddenData(d *strict.Decoder) (v ForbiddenData) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "scope":
			v.Scope = d.String()
			seen |= 1 << 0
		case "method":
			v.Method = d.String()
			seen |= 1 << 1
		default:
			d.Skip()
		}
	}
	d.Require(seen, "scope", "method")
	return v
}

// DeadlineData: which deadline passed.
type DeadlineData struct {
	// The deadline.
	TimeoutMS int64 `json:"timeout_ms"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *DeadlineData) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readDeadlineData)
}

func readDeadlineData(d *strict.Decoder) (v DeadlineData) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "timeout_ms":
			v.TimeoutMS = d.Integer(0, 9007199254740991)
			seen |= 1 << 0
		default:
			d.Skip()
		}
	}
	d.Require(seen, "timeout_ms")
	return v
}

// LimitData: which limit was reached.
type LimitData struct {
	// The limit's name, as in `Limits`.
	Limit string `json:"limit"`

	// Its value.
	Value int64 `json:"value"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *LimitData) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readLimitData)
}

func readLimitData(d *strict.Decoder) (v LimitData) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "limit":
			v.Limit = d.String()
			seen |= 1 << 0
		case "value":
			v.Value = d.Integer(0, 9007199254740991)
			seen |= 1 << 1
		default:
			d.Skip()
		}
	}
	d.Require(seen, "limit", "value")
	return v
}

// KeyData: which key.
type KeyData struct {
	// The key.
	Key string `json:"key"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *KeyData) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readKeyData)
}

func readKeyData(d *strict.Decoder) (v KeyData) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "key":
			v.Key = d.String()
			seen |= 1 << 0
		default:
			d.Skip()
		}
	}
	d.Require(seen, "key")
	return v
}

// StreamData: where a stream broke.
type StreamData struct {
	// The stream's number.
	Stream int64 `json:"stream"`

	// What was wrong.
	Reason string `json:"reason"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *StreamData) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readStreamData)
}

func readStreamData(d *strict.Decoder) (v StreamData) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "stream":
			v.Stream = d.Integer(0, 9007199254740991)
			seen |= 1 << 0
		case "reason":
			v.Reason = d.String()
			seen |= 1 << 1
		default:
			d.Skip()
		}
	}
	d.Require(seen, "stream", "reason")
	return v
}

// CapabilityData: what cannot be done.
type CapabilityData struct {
	// The backend.
	Backend string `json:"backend"`

	// The missing capability.
	Capability string `json:"capability"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *CapabilityData) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readCapabilityData)
}

func readCapabilityData(d *strict.Decoder) (v CapabilityData) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "backend":
			v.Backend = d.String()
			seen |= 1 << 0
		case "capability":
			v.Capability = d.String()
			seen |= 1 << 1
		default:
			d.Skip()
		}
	}
	d.Require(seen, "backend", "capability")
	return v
}

// StorageData: where space is missing.
type StorageData struct {
	// The directory or file that could not grow.
	Path string `json:"path"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *StorageData) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readStorageData)
}

func readStorageData(d *strict.Decoder) (v StorageData) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "path":
			v.Path = d.String()
			seen |= 1 << 0
		default:
			d.Skip()
		}
	}
	d.Require(seen, "path")
	return v
}

// Limits: what the server accepts. Counts are per connection unless said otherwise.
type Limits struct {
	// Largest text frame, in bytes.
	MaxMessage int64 `json:"max_message"`

	// Largest payload of a binary frame, in bytes.
	MaxPayload int64 `json:"max_payload"`

	// Calls in flight.
	MaxRequests int64 `json:"max_requests"`

	// Open streams.
	MaxStreams int64 `json:"max_streams"`

	// Largest `output_limit` of exec.run, in bytes.
	MaxOutput int64 `json:"max_output"`

	// Largest answer of fs.read, in bytes.
	MaxRead int64 `json:"max_read"`

	// How often the server pings.
	PingIntervalMS int64 `json:"ping_interval_ms"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *Limits) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readLimits)
}

func readLimits(d *strict.Decoder) (v Limits) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "max_message":
			v.MaxMessage = d.Integer(0, 9007199254740991)
			seen |= 1 << 0
		case "max_payload":
			v.MaxPayload = d.Integer(0, 9007199254740991)
			seen |= 1 << 1
		case "max_requests":
			v.MaxRequests = d.Integer(0, 9007199254740991)
			seen |= 1 << 2
		case "max_streams":
			v.MaxStreams = d.Integer(0, 9007199254740991)
			seen |= 1 << 3
		case "max_output":
			v.MaxOutput = d.Integer(0, 9007199254740991)
			seen |= 1 << 4
		case "max_read":
			v.MaxRead = d.Integer(0, 9007199254740991)
			seen |= 1 << 5
		case "ping_interval_ms":
			v.PingIntervalMS = d.Integer(0, 9007199254740991)
			seen |= 1 << 6
		default:
			d.Skip()
		}
	}
	d.Require(seen, "max_message", "max_payload", "max_requests", "max_streams", "max_output", "max_read", "ping_interval_ms")
	return v
}

// Identity: who the server takes the caller for.
type Identity struct {
	// The token's subject, or `uid:<n>` on the Unix socket.
	Subject string `json:"subject"`

	// Granted scopes; `*` grants all.
	Scopes []string `json:"scopes"`

	// Workspace ids, `*` for all, or `own` for those this subject created.
	Workspaces []string `json:"workspaces"`

	// How the identity was established: `jwt` or `peer`.
	Via string `json:"via"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *Identity) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readIdentity)
}

func readIdentity(d *strict.Decoder) (v Identity) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "subject":
			v.Subject = d.String()
			seen |= 1 << 0
		case "scopes":
			v.Scopes = strict.List(d, -1, -1, (*strict.Decoder).String)
			seen |= 1 << 1
		case "workspaces":
			v.Workspaces = strict.List(d, -1, -1, (*strict.Decoder).String)
			seen |= 1 << 2
		case "via":
			v.Via = d.String()
			seen |= 1 << 3
		default:
			d.Skip()
		}
	}
	d.Require(seen, "subject", "scopes", "workspaces", "via")
	return v
}

// ServerInfo: who is answering.
type ServerInfo struct {
	// The server's name, `nexusd`.
	Name string `json:"name"`

	// Its version.
	Version string `json:"version"`

	// The node's name.
	Node string `json:"node"`

	// An id that changes with every start of the daemon.
	Instance string `json:"instance"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *ServerInfo) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readServerInfo)
}

func readServerInfo(d *strict.Decoder) (v ServerInfo) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "name":
			v.Name = d.String()
			seen |= 1 << 0
		case "version":
			v.Version = d.String()
			seen |= 1 << 1
		case "node":
			v.Node = d.String()
			seen |= 1 << 2
		case "instance":
			v.Instance = d.String()
			seen |= 1 << 3
		default:
			d.Skip()
		}
	}
	d.Require(seen, "name", "version", "node", "instance")
	return v
}

// SessionReady: the first message on every connection.
type SessionReady struct {
	// The schema level the server speaks.
	Level int64 `json:"level"`

	// Who is answering.
	Server ServerInfo `json:"server"`

	// Optional features of this server.
	Capabilities []string `json:"capabilities"`

	// What the server accepts.
	Limits Limits `json:"limits"`

	// Who the caller is.
	Identity Identity `json:"identity"`

	// When the identity expires; null for never.
	ExpiresAt *time.Time `json:"expires_at"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *SessionReady) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readSessionReady)
}

func readSessionReady(d *strict.Decoder) (v SessionReady) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "level":
			v.Level = d.Integer(0, 9007199254740991)
			seen |= 1 << 0
		case "server":
			v.Server = readServerInfo(d)
			seen |= 1 << 1
		case "capabilities":
			v.Capabilities = strict.List(d, -1, -1, (*strict.Decoder).String)
			seen |= 1 << 2
		case "limits":
			v.Limits = readLimits(d)
			seen |= 1 << 3
		case "identity":
			v.Identity = readIdentity(d)
			seen |= 1 << 4
		case "expires_at":
			v.ExpiresAt = strict.Nullable(d, (*strict.Decoder).Time)
			seen |= 1 << 5
		default:
			d.Skip()
		}
	}
	d.Require(seen, "level", "server", "capabilities", "limits", "identity", "expires_at")
	return v
}

// SessionRefreshParams: a new token for the same subject.
type SessionRefreshParams struct {
	// The token.
	Token string `json:"token"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *SessionRefreshParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readSessionRefreshParams)
}

func readSessionRefreshParams(d *strict.Decoder) (v SessionRefreshParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "token":
			v.Token = d.Text(-1, 16384, nil)
			seen |= 1 << 0
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "token")
	return v
}

// SessionRefreshed: the renewed identity.
type SessionRefreshed struct {
	// Who the caller is now.
	Identity Identity `json:"identity"`

	// When it expires; null for never.
	ExpiresAt *time.Time `json:"expires_at"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *SessionRefreshed) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readSessionRefreshed)
}

func readSessionRefreshed(d *strict.Decoder) (v SessionRefreshed) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "identity":
			v.Identity = readIdentity(d)
			seen |= 1 << 0
		case "expires_at":
			v.ExpiresAt = strict.Nullable(d, (*strict.Decoder).Time)
			seen |= 1 << 1
		default:
			d.Skip()
		}
	}
	d.Require(seen, "identity", "expires_at")
	return v
}

// Empty: nothing.
type Empty struct{}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *Empty) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readEmpty)
}

func readEmpty(d *strict.Decoder) (v Empty) {
	for m := d.Object(); m.Next(); {
		d.Skip()
	}
	return v
}

// NoParams: no params.
type NoParams struct{}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *NoParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readNoParams)
}

func readNoParams(d *strict.Decoder) (v NoParams) {
	for m := d.Object(); m.Next(); {
		d.Unknown()
	}
	return v
}

// SessionPong: answer to a ping.
type SessionPong struct {
	// The server's clock.
	Time time.Time `json:"time"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *SessionPong) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readSessionPong)
}

func readSessionPong(d *strict.Decoder) (v SessionPong) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "time":
			v.Time = d.Time()
			seen |= 1 << 0
		default:
			d.Skip()
		}
	}
	d.Require(seen, "time")
	return v
}

// DiscoverResult: the schema as OpenRPC.
type DiscoverResult struct {
	// The OpenRPC document.
	Document json.RawMessage `json:"document"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *DiscoverResult) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readDiscoverResult)
}

func readDiscoverResult(d *strict.Decoder) (v DiscoverResult) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "document":
			v.Document = d.Raw()
			seen |= 1 << 0
		default:
			d.Skip()
		}
	}
	d.Require(seen, "document")
	return v
}

// CancelParams: which call to cancel.
type CancelParams struct {
	// The id of the request: an integer or a string.
	ID json.RawMessage `json:"id"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *CancelParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readCancelParams)
}

func readCancelParams(d *strict.Decoder) (v CancelParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "id":
			v.ID = d.Raw()
			seen |= 1 << 0
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "id")
	return v
}

// ProgressParams: how far a call is.
type ProgressParams struct {
	// The id of the request.
	ID json.RawMessage `json:"id"`

	// Units done; never decreases.
	Done int64 `json:"done"`

	// Units in all, when known. Optional; nil leaves it out.
	Total *int64 `json:"total,omitzero"`

	// What is being done, for a person.
	Message string `json:"message"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *ProgressParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readProgressParams)
}

func readProgressParams(d *strict.Decoder) (v ProgressParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "id":
			v.ID = d.Raw()
			seen |= 1 << 0
		case "done":
			v.Done = d.Integer(0, 9007199254740991)
			seen |= 1 << 1
		case "total":
			v.Total = strict.Pointer(d.Integer(0, 9007199254740991))
		case "message":
			v.Message = d.String()
			seen |= 1 << 2
		default:
			d.Skip()
		}
	}
	d.Require(seen, "id", "done", "message")
	return v
}

// StreamOpenParams: a stream is open.
type StreamOpenParams struct {
	// The id of the request that opened it.
	ID json.RawMessage `json:"id"`

	// The stream's number in binary frames.
	Stream int64 `json:"stream"`

	// What the method's `stream.open` type says. Optional; nil leaves it out.
	Info json.RawMessage `json:"info,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *StreamOpenParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readStreamOpenParams)
}

func readStreamOpenParams(d *strict.Decoder) (v StreamOpenParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "id":
			v.ID = d.Raw()
			seen |= 1 << 0
		case "stream":
			v.Stream = d.Integer(0, 9007199254740991)
			seen |= 1 << 1
		case "info":
			v.Info = d.Raw()
		default:
			d.Skip()
		}
	}
	d.Require(seen, "id", "stream")
	return v
}

// StreamEventParams: one event of a stream.
type StreamEventParams struct {
	// The stream's number.
	Stream int64 `json:"stream"`

	// Where to continue after this event, opaque. Optional; nil leaves it out.
	Cursor *string `json:"cursor,omitzero"`

	// The event; its type is the method's `stream.event`.
	Event json.RawMessage `json:"event"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *StreamEventParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readStreamEventParams)
}

func readStreamEventParams(d *strict.Decoder) (v StreamEventParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "stream":
			v.Stream = d.Integer(0, 9007199254740991)
			seen |= 1 << 0
		case "cursor":
			v.Cursor = strict.Pointer(d.String())
		case "event":
			v.Event = d.Raw()
			seen |= 1 << 1
		default:
			d.Skip()
		}
	}
	d.Require(seen, "stream", "event")
	return v
}

// SessionClosingParams: why the server is about to close the connection.
type SessionClosingParams struct {
	// The close code that follows.
	Code int64 `json:"code"`

	// Why.
	Reason string `json:"reason"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *SessionClosingParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readSessionClosingParams)
}

func readSessionClosingParams(d *strict.Decoder) (v SessionClosingParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "code":
			v.Code = d.Integer(0, 9007199254740991)
			seen |= 1 << 0
		case "reason":
			v.Reason = d.String()
			seen |= 1 << 1
		default:
			d.Skip()
		}
	}
	d.Require(seen, "code", "reason")
	return v
}

// ConfigProblem: one thing that is wrong.
type ConfigProblem struct {
	// The file, flag or variable.
	Source string `json:"source"`

	// The key.
	Key string `json:"key"`

	// The line, in a file. Optional; nil leaves it out.
	Line *int64 `json:"line,omitzero"`

	// What is wrong.
	Message string `json:"message"`

	// What would be right. Optional; nil leaves it out.
	Suggestion *string `json:"suggestion,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *ConfigProblem) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readConfigProblem)
}

func readConfigProblem(d *strict.Decoder) (v ConfigProblem) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "source":
			v.Source = d.String()
			seen |= 1 << 0
		case "key":
			v.Key = d.String()
			seen |= 1 << 1
		case "line":
			v.Line = strict.Pointer(d.Integer(0, 9007199254740991))
		case "message":
			v.Message = d.String()
			seen |= 1 << 2
		case "suggestion":
			v.Suggestion = strict.Pointer(d.String())
		default:
			d.Skip()
		}
	}
	d.Require(seen, "source", "key", "message")
	return v
}

// ConfigProblems: all that is wrong.
type ConfigProblems struct {
	// The problems.
	Problems []ConfigProblem `json:"problems"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *ConfigProblems) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readConfigProblems)
}

func readConfigProblems(d *strict.Decoder) (v ConfigProblems) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "problems":
			v.Problems = strict.List(d, -1, -1, readConfigProblem)
			seen |= 1 << 0
		default:
			d.Skip()
		}
	}
	d.Require(seen, "problems")
	return v
}

// Capabilities: what a backend can do.
type Capabilities struct {
	// Freeze and thaw.
	Pause bool `json:"pause"`

	// Save and restore its state.
	Checkpoint bool `json:"checkpoint"`

	// Copy a workspace with its state.
	Fork bool `json:"fork"`

	// Whether processes go on while the daemon restarts.
	SurvivesDaemon bool `json:"survives_daemon"`

	// none, container or vm: what separates tenants.
	Isolation string `json:"isolation"`

	// Whether each workspace has a loopback of its own.
	OwnNetwork bool `json:"own_network"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *Capabilities) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readCapabilities)
}

func readCapabilities(d *strict.Decoder) (v Capabilities) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "pause":
			v.Pause = d.Bool()
			seen |= 1 << 0
		case "checkpoint":
			v.Checkpoint = d.Bool()
			seen |= 1 << 1
		case "fork":
			v.Fork = d.Bool()
			seen |= 1 << 2
		case "survives_daemon":
			v.SurvivesDaemon = d.Bool()
			seen |= 1 << 3
		case "isolation":
			v.Isolation = d.String()
			seen |= 1 << 4
		case "own_network":
			v.OwnNetwork = d.Bool()
			seen |= 1 << 5
		default:
			d.Skip()
		}
	}
	d.Require(seen, "pause", "checkpoint", "fork", "survives_daemon", "isolation", "own_network")
	return v
}

// BackendInfo: a backend of this node.
type BackendInfo struct {
	// Its name.
	Name string `json:"name"`

	// Whether workspaces use it when they do not say.
	Default bool `json:"default"`

	// Whether it can be used now.
	Healthy bool `json:"healthy"`

	// What is wrong, where it is not healthy.
	Message string `json:"message"`

	// What it can do.
	Capabilities Capabilities `json:"capabilities"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *BackendInfo) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readBackendInfo)
}

func readBackendInfo(d *strict.Decoder) (v BackendInfo) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "name":
			v.Name = d.String()
			seen |= 1 << 0
		case "default":
			v.Default = d.Bool()
			seen |= 1 << 1
		case "healthy":
			v.Healthy = d.Bool()
			seen |= 1 << 2
		case "message":
			v.Message = d.String()
			seen |= 1 << 3
		case "capabilities":
			v.Capabilities = readCapabilities(d)
			seen |= 1 << 4
		default:
			d.Skip()
		}
	}
	d.Require(seen, "name", "default", "healthy", "message", "capabilities")
	return v
}

// BackendList: the backends of this node.
type BackendList struct {
	// The backends.
	Backends []BackendInfo `json:"backends"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *BackendList) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readBackendList)
}

func readBackendList(d *strict.Decoder) (v BackendList) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "backends":
			v.Backends = strict.List(d, -1, -1, readBackendInfo)
			seen |= 1 << 0
		default:
			d.Skip()
		}
	}
	d.Require(seen, "backends")
	return v
}

// ConfigGetParams: which keys.
type ConfigGetParams struct {
	// Only keys that begin with this.
	Prefix string `json:"prefix,omitzero"`

	// With this repository's project layer. Optional; nil leaves it out.
	Repository *string `json:"repository,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *ConfigGetParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readConfigGetParams)
}

func readConfigGetParams(d *strict.Decoder) (v ConfigGetParams) {
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "prefix":
			v.Prefix = d.String()
		case "repository":
			v.Repository = strict.Pointer(d.String())
		default:
			d.Unknown()
		}
	}
	return v
}

// ConfigEntry: one value and where it came from.
type ConfigEntry struct {
	// The key, with dots.
	Key string `json:"key"`

	// The value; secrets are shown as `***`.
	Value json.RawMessage `json:"value"`

	// default, or the file, flag or variable that set it.
	Source string `json:"source"`

	// What it is for.
	Description string `json:"description"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *ConfigEntry) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readConfigEntry)
}

func readConfigEntry(d *strict.Decoder) (v ConfigEntry) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "key":
			v.Key = d.String()
			seen |= 1 << 0
		case "value":
			v.Value = d.Raw()
			seen |= 1 << 1
		case "source":
			v.Source = d.String()
			seen |= 1 << 2
		case "description":
			v.Description = d.String()
			seen |= 1 << 3
		default:
			d.Skip()
		}
	}
	d.Require(seen, "key", "value", "source", "description")
	return v
}

// ConfigValues: the configuration in force.
type ConfigValues struct {
	// The values, by key.
	Entries []ConfigEntry `json:"entries"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *ConfigValues) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readConfigValues)
}

func readConfigValues(d *strict.Decoder) (v ConfigValues) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "entries":
			v.Entries = strict.List(d, -1, -1, readConfigEntry)
			seen |= 1 << 0
		default:
			d.Skip()
		}
	}
	d.Require(seen, "entries")
	return v
}

// ConfigValidateParams: a configuration to check.
type ConfigValidateParams struct {
	// The YAML text.
	Text string `json:"text"`

	// Which layer it is for. Optional; the zero value stands for the default, "user".
	Layer ConfigLayer `json:"layer,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *ConfigValidateParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readConfigValidateParams)
}

func readConfigValidateParams(d *strict.Decoder) (v ConfigValidateParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "text":
			v.Text = d.Text(-1, 262144, nil)
			seen |= 1 << 0
		case "layer":
			v.Layer = readConfigLayer(d)
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "text")
	return v
}

// ConfigLayer: the layers of configuration, low to high.
type ConfigLayer string

// Values of ConfigLayer.
const (
	// /etc/nexus/config.yaml
	ConfigLayerNode ConfigLayer = "node"

	// $NEXUS_HOME/config.yaml
	ConfigLayerUser ConfigLayer = "user"

	// .nexus/config.yaml in a repository
	ConfigLayerProject ConfigLayer = "project"
)

func readConfigLayer(d *strict.Decoder) ConfigLayer {
	return ConfigLayer(d.Enum("node", "user", "project"))
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *ConfigLayer) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readConfigLayer)
}

// ConfigValidated: whether it is valid.
type ConfigValidated struct {
	// Whether it is.
	Valid bool `json:"valid"`

	// What is wrong.
	Problems []ConfigProblem `json:"problems"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *ConfigValidated) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readConfigValidated)
}

func readConfigValidated(d *strict.Decoder) (v ConfigValidated) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "valid":
			v.Valid = d.Bool()
			seen |= 1 << 0
		case "problems":
			v.Problems = strict.List(d, -1, -1, readConfigProblem)
			seen |= 1 << 1
		default:
			d.Skip()
		}
	}
	d.Require(seen, "valid", "problems")
	return v
}

// HealthCheck: one check.
type HealthCheck struct {
	// What was checked.
	Name string `json:"name"`

	// Whether it is well.
	OK bool `json:"ok"`

	// What was found.
	Message string `json:"message"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *HealthCheck) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readHealthCheck)
}

func readHealthCheck(d *strict.Decoder) (v HealthCheck) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "name":
			v.Name = d.String()
			seen |= 1 << 0
		case "ok":
			v.OK = d.Bool()
			seen |= 1 << 1
		case "message":
			v.Message = d.String()
			seen |= 1 << 2
		default:
			d.Skip()
		}
	}
	d.Require(seen, "name", "ok", "message")
	return v
}

// SystemHealth: whether the daemon is well.
type SystemHealth struct {
	// Whether all checks are.
	OK bool `json:"ok"`

	// Whether it is shutting down.
	Draining bool `json:"draining"`

	// The checks.
	Checks []HealthCheck `json:"checks"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *SystemHealth) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readSystemHealth)
}

func readSystemHealth(d *strict.Decoder) (v SystemHealth) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "ok":
			v.OK = d.Bool()
			seen |= 1 << 0
		case "draining":
			v.Draining = d.Bool()
			seen |= 1 << 1
		case "checks":
			v.Checks = strict.List(d, -1, -1, readHealthCheck)
			seen |= 1 << 2
		default:
			d.Skip()
		}
	}
	d.Require(seen, "ok", "draining", "checks")
	return v
}

// SystemInfo: what the daemon is and does.
type SystemInfo struct {
	// Its version.
	Version string `json:"version"`

	// The schema level.
	Level int64 `json:"level"`

	// The node's name.
	Node string `json:"node"`

	// Its process id.
	PID int64 `json:"pid"`

	// When it started.
	StartedAt time.Time `json:"started_at"`

	// NEXUS_HOME.
	Home string `json:"home"`

	// Where it listens.
	Listen []string `json:"listen"`

	// Workspaces that are not destroyed.
	Workspaces int64 `json:"workspaces"`

	// Processes that run.
	Processes int64 `json:"processes"`

	// Connections now.
	Connections int64 `json:"connections"`

	// Its resident memory, in bytes.
	Memory int64 `json:"memory"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *SystemInfo) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readSystemInfo)
}

func readSystemInfo(d *strict.Decoder) (v SystemInfo) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "version":
			v.Version = d.String()
			seen |= 1 << 0
		case "level":
			v.Level = d.Integer(0, 9007199254740991)
			seen |= 1 << 1
		case "node":
			v.Node = d.String()
			seen |= 1 << 2
		case "pid":
			v.PID = d.Integer(0, 9007199254740991)
			seen |= 1 << 3
		case "started_at":
			v.StartedAt = d.Time()
			seen |= 1 << 4
		case "home":
			v.Home = d.String()
			seen |= 1 << 5
		case "listen":
			v.Listen = strict.List(d, -1, -1, (*strict.Decoder).String)
			seen |= 1 << 6
		case "workspaces":
			v.Workspaces = d.Integer(0, 9007199254740991)
			seen |= 1 << 7
		case "processes":
			v.Processes = d.Integer(0, 9007199254740991)
			seen |= 1 << 8
		case "connections":
			v.Connections = d.Integer(0, 9007199254740991)
			seen |= 1 << 9
		case "memory":
			v.Memory = d.Integer(0, 9007199254740991)
			seen |= 1 << 10
		default:
			d.Skip()
		}
	}
	d.Require(seen, "version", "level", "node", "pid", "started_at", "home", "listen", "workspaces", "processes", "connections", "memory")
	return v
}

// SystemDrainParams: how to stop.
type SystemDrainParams struct {
	// How long calls in flight may take. Optional; nil stands for the default, 30000.
	TimeoutMS *int64 `json:"timeout_ms,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *SystemDrainParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readSystemDrainParams)
}

func readSystemDrainParams(d *strict.Decoder) (v SystemDrainParams) {
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "timeout_ms":
			v.TimeoutMS = strict.Pointer(d.Integer(0, 600000))
		default:
			d.Unknown()
		}
	}
	return v
}

// TokenRef: which token.
type TokenRef struct {
	// The token's id.
	ID string `json:"id"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *TokenRef) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readTokenRef)
}

func readTokenRef(d *strict.Decoder) (v TokenRef) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "id":
			v.ID = d.String()
			seen |= 1 << 0
		default:
			d.Skip()
		}
	}
	d.Require(seen, "id")
	return v
}

// ScopeData: which scope.
type ScopeData struct {
	// The scope.
	Scope string `json:"scope"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *ScopeData) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readScopeData)
}

func readScopeData(d *strict.Decoder) (v ScopeData) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "scope":
			v.Scope = d.String()
			seen |= 1 << 0
		default:
			d.Skip()
		}
	}
	d.Require(seen, "scope")
	return v
}

// TokenCreateParams: a new token.
type TokenCreateParams struct {
	// Who it is for.
	Subject string `json:"subject"`

	// What it may do: scopes of the schema, or `*`.
	Scopes []string `json:"scopes"`

	// Workspace ids, `*`, or `own`. Optional; nil stands for the default, ["own"].
	Workspaces []string `json:"workspaces,omitzero"`

	// How long it is valid; default 30 days. Optional; nil stands for the default, 2592000000.
	TTLMS *int64 `json:"ttl_ms,omitzero"`

	// What it is for.
	Name string `json:"name,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *TokenCreateParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readTokenCreateParams)
}

func readTokenCreateParams(d *strict.Decoder) (v TokenCreateParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "subject":
			v.Subject = d.Text(-1, -1, pattern9919f09d)
			seen |= 1 << 0
		case "scopes":
			v.Scopes = strict.List(d, 1, -1, (*strict.Decoder).String)
			seen |= 1 << 1
		case "workspaces":
			v.Workspaces = strict.List(d, 1, 128, (*strict.Decoder).String)
		case "ttl_ms":
			v.TTLMS = strict.Pointer(d.Integer(0, 31622400000))
		case "name":
			v.Name = d.Text(-1, 200, nil)
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "subject", "scopes")
	return v
}

// TokenInfo: a token, without its secret.
type TokenInfo struct {
	// Its id, the claim `jti`.
	ID string `json:"id"`

	// Who it is for.
	Subject string `json:"subject"`

	// What it is for.
	Name string `json:"name"`

	// What it may do.
	Scopes []string `json:"scopes"`

	// Where.
	Workspaces []string `json:"workspaces"`

	// When it was made.
	CreatedAt time.Time `json:"created_at"`

	// When it expires.
	ExpiresAt time.Time `json:"expires_at"`

	// When it was revoked. Optional; the zero value leaves it out.
	RevokedAt time.Time `json:"revoked_at,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *TokenInfo) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readTokenInfo)
}

func readTokenInfo(d *strict.Decoder) (v TokenInfo) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "id":
			v.ID = d.String()
			seen |= 1 << 0
		case "subject":
			v.Subject = d.String()
			seen |= 1 << 1
		case "name":
			v.Name = d.String()
			seen |= 1 << 2
		case "scopes":
			v.Scopes = strict.List(d, -1, -1, (*strict.Decoder).String)
			seen |= 1 << 3
		case "workspaces":
			v.Workspaces = strict.List(d, -1, -1, (*strict.Decoder).String)
			seen |= 1 << 4
		case "created_at":
			v.CreatedAt = d.Time()
			seen |= 1 << 5
		case "expires_at":
			v.ExpiresAt = d.Time()
			seen |= 1 << 6
		case "revoked_at":
			v.RevokedAt = d.Time()
		default:
			d.Skip()
		}
	}
	d.Require(seen, "id", "subject", "name", "scopes", "workspaces", "created_at", "expires_at")
	return v
}

// TokenCreated: a new token.
type TokenCreated struct {
	// The token. It is shown once.
	Token string `json:"token"`

	// What is known of it.
	Info TokenInfo `json:"info"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *TokenCreated) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readTokenCreated)
}

func readTokenCreated(d *strict.Decoder) (v TokenCreated) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "token":
			v.Token = d.String()
			seen |= 1 << 0
		case "info":
			v.Info = readTokenInfo(d)
			seen |= 1 << 1
		default:
			d.Skip()
		}
	}
	d.Require(seen, "token", "info")
	return v
}

// TokenList: tokens, newest first.
type TokenList struct {
	// The tokens.
	Tokens []TokenInfo `json:"tokens"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *TokenList) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readTokenList)
}

func readTokenList(d *strict.Decoder) (v TokenList) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "tokens":
			v.Tokens = strict.List(d, -1, -1, readTokenInfo)
			seen |= 1 << 0
		default:
			d.Skip()
		}
	}
	d.Require(seen, "tokens")
	return v
}

// TokenRevokeParams: which token.
type TokenRevokeParams struct {
	// Its id.
	ID string `json:"id"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *TokenRevokeParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readTokenRevokeParams)
}

func readTokenRevokeParams(d *strict.Decoder) (v TokenRevokeParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "id":
			v.ID = d.String()
			seen |= 1 << 0
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "id")
	return v
}

// WorkspaceRef: which workspace.
type WorkspaceRef struct {
	// The id or name as the caller gave it.
	Workspace string `json:"workspace"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *WorkspaceRef) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readWorkspaceRef)
}

func readWorkspaceRef(d *strict.Decoder) (v WorkspaceRef) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "workspace":
			v.Workspace = d.String()
			seen |= 1 << 0
		default:
			d.Skip()
		}
	}
	d.Require(seen, "workspace")
	return v
}

// WorkspaceStateData: the state that was in the way.
type WorkspaceStateData struct {
	// The workspace's id.
	Workspace string `json:"workspace"`

	// Its state.
	State WorkspaceState `json:"state"`

	// The states in which this is allowed.
	Allowed []WorkspaceState `json:"allowed"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *WorkspaceStateData) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readWorkspaceStateData)
}

func readWorkspaceStateData(d *strict.Decoder) (v WorkspaceStateData) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "workspace":
			v.Workspace = d.String()
			seen |= 1 << 0
		case "state":
			v.State = readWorkspaceState(d)
			seen |= 1 << 1
		case "allowed":
			v.Allowed = strict.List(d, -1, -1, readWorkspaceState)
			seen |= 1 << 2
		default:
			d.Skip()
		}
	}
	d.Require(seen, "workspace", "state", "allowed")
	return v
}

// WorkspaceBusyData: what it is busy with.
type WorkspaceBusyData struct {
	// The workspace's id.
	Workspace string `json:"workspace"`

	// The operation that is running.
	Operation string `json:"operation"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *WorkspaceBusyData) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readWorkspaceBusyData)
}

func readWorkspaceBusyData(d *strict.Decoder) (v WorkspaceBusyData) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "workspace":
			v.Workspace = d.String()
			seen |= 1 << 0
		case "operation":
			v.Operation = d.String()
			seen |= 1 << 1
		default:
			d.Skip()
		}
	}
	d.Require(seen, "workspace", "operation")
	return v
}

// BackendRef: which backend.
type BackendRef struct {
	// The backend's name as the caller gave it.
	Backend string `json:"backend"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *BackendRef) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readBackendRef)
}

func readBackendRef(d *strict.Decoder) (v BackendRef) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "backend":
			v.Backend = d.String()
			seen |= 1 << 0
		default:
			d.Skip()
		}
	}
	d.Require(seen, "backend")
	return v
}

// BackendFailure: what failed where.
type BackendFailure struct {
	// The backend.
	Backend string `json:"backend"`

	// The step that failed.
	Step string `json:"step"`

	// What the backend said.
	Reason string `json:"reason"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *BackendFailure) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readBackendFailure)
}

func readBackendFailure(d *strict.Decoder) (v BackendFailure) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "backend":
			v.Backend = d.String()
			seen |= 1 << 0
		case "step":
			v.Step = d.String()
			seen |= 1 << 1
		case "reason":
			v.Reason = d.String()
			seen |= 1 << 2
		default:
			d.Skip()
		}
	}
	d.Require(seen, "backend", "step", "reason")
	return v
}

// NameData: which name.
type NameData struct {
	// The name as the caller gave it.
	Name string `json:"name"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *NameData) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readNameData)
}

func readNameData(d *strict.Decoder) (v NameData) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "name":
			v.Name = d.String()
			seen |= 1 << 0
		default:
			d.Skip()
		}
	}
	d.Require(seen, "name")
	return v
}

// WorkspaceKept: work that exists nowhere else.
type WorkspaceKept struct {
	// The workspace's id.
	Workspace string `json:"workspace"`

	// Where the worktree is.
	Path string `json:"path"`

	// Its branch.
	Branch string `json:"branch"`

	// Files changed or new and not committed.
	Changed int64 `json:"changed"`

	// Commits that no remote and no other branch has.
	Unpushed int64 `json:"unpushed"`

	// The first of the changed files, at most 20.
	Files []string `json:"files"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *WorkspaceKept) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readWorkspaceKept)
}

func readWorkspaceKept(d *strict.Decoder) (v WorkspaceKept) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "workspace":
			v.Workspace = d.String()
			seen |= 1 << 0
		case "path":
			v.Path = d.String()
			seen |= 1 << 1
		case "branch":
			v.Branch = d.String()
			seen |= 1 << 2
		case "changed":
			v.Changed = d.Integer(0, 9007199254740991)
			seen |= 1 << 3
		case "unpushed":
			v.Unpushed = d.Integer(0, 9007199254740991)
			seen |= 1 << 4
		case "files":
			v.Files = strict.List(d, -1, -1, (*strict.Decoder).String)
			seen |= 1 << 5
		default:
			d.Skip()
		}
	}
	d.Require(seen, "workspace", "path", "branch", "changed", "unpushed", "files")
	return v
}

// WorkspaceState: what a workspace is doing.
//
// A later daemon may send others.
type WorkspaceState string

// Values of WorkspaceState.
const (
	// Being created.
	WorkspaceStatePending WorkspaceState = "pending"

	// Exists; nothing runs.
	WorkspaceStateStopped WorkspaceState = "stopped"

	// Processes can be started.
	WorkspaceStateRunning WorkspaceState = "running"

	// Processes are frozen.
	WorkspaceStatePaused WorkspaceState = "paused"

	// A step failed; `message` says which. Start, stop or destroy repair it.
	WorkspaceStateError WorkspaceState = "error"

	// Being taken down.
	WorkspaceStateDestroying WorkspaceState = "destroying"

	// Gone; only its record remains.
	WorkspaceStateDestroyed WorkspaceState = "destroyed"
)

func readWorkspaceState(d *strict.Decoder) WorkspaceState {
	return WorkspaceState(d.String())
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *WorkspaceState) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readWorkspaceState)
}

// RepositorySource: where a workspace's code comes from.
type RepositorySource struct {
	// A local repository's absolute path, or a URL that git can fetch (https, ssh, git, file).
	URL string `json:"url"`

	// Branch, tag or commit to start from; default: the repository's HEAD. Optional; the zero value leaves it out.
	Ref string `json:"ref,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *RepositorySource) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readRepositorySource)
}

func readRepositorySource(d *strict.Decoder) (v RepositorySource) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "url":
			v.URL = d.Text(1, 4096, nil)
			seen |= 1 << 0
		case "ref":
			v.Ref = d.Text(1, 255, nil)
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "url")
	return v
}

// Repository: where a workspace's code came from.
type Repository struct {
	// As given, without credentials.
	URL string `json:"url"`

	// The repository on this node.
	Path string `json:"path"`

	// What it was started from.
	Ref string `json:"ref"`

	// The commit it was started from.
	Commit string `json:"commit"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *Repository) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readRepository)
}

func readRepository(d *strict.Decoder) (v Repository) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "url":
			v.URL = d.String()
			seen |= 1 << 0
		case "path":
			v.Path = d.String()
			seen |= 1 << 1
		case "ref":
			v.Ref = d.String()
			seen |= 1 << 2
		case "commit":
			v.Commit = d.String()
			seen |= 1 << 3
		default:
			d.Skip()
		}
	}
	d.Require(seen, "url", "path", "ref", "commit")
	return v
}

// PortMapping: one port of a workspace.
type PortMapping struct {
	// What it is for.
	Name string `json:"name"`

	// The host port that belongs to the workspace.
	Port int64 `json:"port"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *PortMapping) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readPortMapping)
}

func readPortMapping(d *strict.Decoder) (v PortMapping) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "name":
			v.Name = d.String()
			seen |= 1 << 0
		case "port":
			v.Port = d.Integer(1, 65535)
			seen |= 1 << 1
		default:
			d.Skip()
		}
	}
	d.Require(seen, "name", "port")
	return v
}

// ResourceStats: what a workspace uses now.
type ResourceStats struct {
	// CPU time used by the processes alive now, in milliseconds.
	CPUMS int64 `json:"cpu_ms"`

	// Resident memory, in bytes.
	Memory int64 `json:"memory"`

	// Processes alive, descendants included.
	Processes int64 `json:"processes"`

	// Bytes in the worktree; a cached figure, at most a minute old.
	Disk int64 `json:"disk"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *ResourceStats) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readResourceStats)
}

func readResourceStats(d *strict.Decoder) (v ResourceStats) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "cpu_ms":
			v.CPUMS = d.Integer(0, 9007199254740991)
			seen |= 1 << 0
		case "memory":
			v.Memory = d.Integer(0, 9007199254740991)
			seen |= 1 << 1
		case "processes":
			v.Processes = d.Integer(0, 9007199254740991)
			seen |= 1 << 2
		case "disk":
			v.Disk = d.Integer(0, 9007199254740991)
			seen |= 1 << 3
		default:
			d.Skip()
		}
	}
	d.Require(seen, "cpu_ms", "memory", "processes", "disk")
	return v
}

// Workspace: a workspace.
type Workspace struct {
	// Its id.
	ID string `json:"id"`

	// Its name, unique for its owner.
	Name string `json:"name"`

	// A name for people. Optional; nil leaves it out.
	DisplayName *string `json:"display_name,omitzero"`

	// The subject that created it.
	Owner string `json:"owner"`

	// What it is doing.
	State WorkspaceState `json:"state"`

	// What went wrong, in state error; else empty.
	Message string `json:"message"`

	// The backend that runs it.
	Backend string `json:"backend"`

	// Where its code came from.
	Repository Repository `json:"repository"`

	// Its branch.
	Branch string `json:"branch"`

	// Where its worktree is, as its processes see it. Absolute paths of file calls are of the same view.
	Root string `json:"root"`

	// The worktree on this node.
	Worktree string `json:"worktree"`

	// Ports that belong to it.
	Ports []PortMapping `json:"ports"`

	// Environment of every process in it.
	Env map[string]string `json:"env"`

	// Labels.
	Labels map[string]string `json:"labels"`

	// How its machine is made; absent on backends without options. Optional; nil leaves it out.
	Machine *MachineSettings `json:"machine,omitzero"`

	// Whether it is the one last switched to in its repository.
	Current bool `json:"current"`

	// Grows with each start; ties processes to one incarnation.
	Generation int64 `json:"generation"`

	// When it was created.
	CreatedAt time.Time `json:"created_at"`

	// When its record last changed.
	UpdatedAt time.Time `json:"updated_at"`

	// When something last ran or was attached in it.
	LastActiveAt time.Time `json:"last_active_at"`

	// The operation that is changing it, if any. Optional; nil leaves it out.
	Operation *string `json:"operation,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *Workspace) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readWorkspace)
}

func readWorkspace(d *strict.Decoder) (v Workspace) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "id":
			v.ID = d.String()
			seen |= 1 << 0
		case "name":
			v.Name = d.String()
			seen |= 1 << 1
		case "display_name":
			v.DisplayName = strict.Pointer(d.String())
		case "owner":
			v.Owner = d.String()
			seen |= 1 << 2
		case "state":
			v.State = readWorkspaceState(d)
			seen |= 1 << 3
		case "message":
			v.Message = d.String()
			seen |= 1 << 4
		case "backend":
			v.Backend = d.String()
			seen |= 1 << 5
		case "repository":
			v.Repository = readRepository(d)
			seen |= 1 << 6
		case "branch":
			v.Branch = d.String()
			seen |= 1 << 7
		case "root":
			v.Root = d.String()
			seen |= 1 << 8
		case "worktree":
			v.Worktree = d.String()
			seen |= 1 << 9
		case "ports":
			v.Ports = strict.List(d, -1, -1, readPortMapping)
			seen |= 1 << 10
		case "env":
			v.Env = strict.Map(d, -1, -1, (*strict.Decoder).String)
			seen |= 1 << 11
		case "labels":
			v.Labels = strict.Map(d, -1, -1, (*strict.Decoder).String)
			seen |= 1 << 12
		case "machine":
			v.Machine = strict.Pointer(readMachineSettings(d))
		case "current":
			v.Current = d.Bool()
			seen |= 1 << 13
		case "generation":
			v.Generation = d.Integer(0, 9007199254740991)
			seen |= 1 << 14
		case "created_at":
			v.CreatedAt = d.Time()
			seen |= 1 << 15
		case "updated_at":
			v.UpdatedAt = d.Time()
			seen |= 1 << 16
		case "last_active_at":
			v.LastActiveAt = d.Time()
			seen |= 1 << 17
		case "operation":
			v.Operation = strict.Pointer(d.String())
		default:
			d.Skip()
		}
	}
	d.Require(seen, "id", "name", "owner", "state", "message", "backend", "repository", "branch", "root", "worktree", "ports", "env", "labels", "current", "generation", "created_at", "updated_at", "last_active_at")
	return v
}

// ImagePull: when an image is fetched from its registry.
type ImagePull string

// Values of ImagePull.
const (
	// When this node does not have it.
	ImagePullMissing ImagePull = "missing"

	// Before each creation of the machine.
	ImagePullAlways ImagePull = "always"

	// Never; an image that is not there is an error.
	ImagePullNever ImagePull = "never"
)

func readImagePull(d *strict.Decoder) ImagePull {
	return ImagePull(d.Enum("missing", "always", "never"))
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *ImagePull) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readImagePull)
}

// MachineUser: whom the processes of a machine run as.
type MachineUser string

// Values of MachineUser.
const (
	// The user and group that own the worktree, so that files made inside belong to them.
	MachineUserOwner MachineUser = "owner"

	// Root inside the machine, for installing packages; files made in the worktree belong to root.
	MachineUserRoot MachineUser = "root"
)

func readMachineUser(d *strict.Decoder) MachineUser {
	return MachineUser(d.Enum("owner", "root"))
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *MachineUser) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readMachineUser)
}

// ImageBuild: how an image is built from files of the worktree.
type ImageBuild struct {
	// Directory whose files the build may use, relative to the worktree. Optional; the zero value stands for the
	// default, ".".
	Context string `json:"context,omitzero"`

	// The Dockerfile, relative to the context. Optional; the zero value stands for the default, "Dockerfile".
	Dockerfile string `json:"dockerfile,omitzero"`

	// The stage to stop at; default: the last. Optional; the zero value leaves it out.
	Target string `json:"target,omitzero"`

	// Build arguments. They stay visible in the image: no place for secrets.
	Args map[string]string `json:"args,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *ImageBuild) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readImageBuild)
}

func readImageBuild(d *strict.Decoder) (v ImageBuild) {
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "context":
			v.Context = d.Text(1, 4096, nil)
		case "dockerfile":
			v.Dockerfile = d.Text(1, 4096, nil)
		case "target":
			v.Target = d.Text(1, 255, nil)
		case "args":
			v.Args = strict.Map(d, -1, -1, (*strict.Decoder).String)
		default:
			d.Unknown()
		}
	}
	return v
}

// MachineOptions: how a backend makes a workspace's machine. What a backend cannot do is refused, never ignored.
type MachineOptions struct {
	// The image it is made from; default: the configured one. Excludes `build`. Optional; the zero value leaves it out.
	Image string `json:"image,omitzero"`

	// Build the image from the worktree. Optional; nil leaves it out.
	Build *ImageBuild `json:"build,omitzero"`

	// When the image is fetched. Optional; the zero value stands for the default, "missing".
	Pull ImagePull `json:"pull,omitzero"`

	// Limits by name, from `resources.classes` of the configuration; default: `resources.default`. The limits below win.
	// Optional; the zero value leaves it out.
	ResourceClass string `json:"resource_class,omitzero"`

	// CPUs that it may use at most; fractions are parts of one. Optional; the zero value leaves it out.
	CPU float64 `json:"cpu,omitzero"`

	// Memory it may use at most, in bytes, without swap. Optional; the zero value leaves it out.
	Memory int64 `json:"memory,omitzero"`

	// Processes and threads it may have at most. Optional; the zero value leaves it out.
	Pids int64 `json:"pids,omitzero"`

	// Bytes it may write outside of the worktree. Optional; the zero value leaves it out.
	Storage int64 `json:"storage,omitzero"`

	// Its root filesystem cannot be written; /tmp, /run and the home directory are in memory.
	ReadOnly bool `json:"read_only,omitzero"`

	// Whom its processes run as. Optional; the zero value stands for the default, "owner".
	User MachineUser `json:"user,omitzero"`

	// Whether it reaches other hosts. Its ports are reached from this node either way. Optional; nil stands for the
	// default, true.
	Egress *bool `json:"egress,omitzero"`

	// Port inside by name of an allocated port; default: the same number as on the node.
	ContainerPorts map[string]int64 `json:"container_ports,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *MachineOptions) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readMachineOptions)
}

func readMachineOptions(d *strict.Decoder) (v MachineOptions) {
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "image":
			v.Image = d.Text(1, 1024, nil)
		case "build":
			v.Build = strict.Pointer(readImageBuild(d))
		case "pull":
			v.Pull = readImagePull(d)
		case "resource_class":
			v.ResourceClass = d.Text(1, 64, nil)
		case "cpu":
			v.CPU = d.Number(0.01, 1024)
		case "memory":
			v.Memory = d.Integer(6291456, 9007199254740991)
		case "pids":
			v.Pids = d.Integer(8, 9007199254740991)
		case "storage":
			v.Storage = d.Integer(1048576, 9007199254740991)
		case "read_only":
			v.ReadOnly = d.Bool()
		case "user":
			v.User = readMachineUser(d)
		case "egress":
			v.Egress = strict.Pointer(d.Bool())
		case "container_ports":
			v.ContainerPorts = strict.Map(d, -1, -1, func(d *strict.Decoder) int64 { return d.Integer(1, 65535) })
		default:
			d.Unknown()
		}
	}
	return v
}

// MachineSettings: how a workspace's machine is made, as asked for or configured when it was created.
type MachineSettings struct {
	// The image it is made from. Optional; nil leaves it out.
	Image *string `json:"image,omitzero"`

	// The Dockerfile that its image is built from, relative to the worktree. Optional; nil leaves it out.
	Dockerfile *string `json:"dockerfile,omitzero"`

	// Limits by name. Optional; nil leaves it out.
	ResourceClass *string `json:"resource_class,omitzero"`

	// CPUs that it may use at most. Optional; nil leaves it out.
	CPU *float64 `json:"cpu,omitzero"`

	// Memory it may use at most, in bytes. Optional; nil leaves it out.
	Memory *int64 `json:"memory,omitzero"`

	// Processes and threads it may have at most. Optional; nil leaves it out.
	Pids *int64 `json:"pids,omitzero"`

	// Bytes it may write outside of the worktree. Optional; nil leaves it out.
	Storage *int64 `json:"storage,omitzero"`

	// Whether its root filesystem cannot be written.
	ReadOnly bool `json:"read_only"`

	// Whom its processes run as.
	User MachineUser `json:"user"`

	// Whether it reaches other hosts.
	Egress bool `json:"egress"`

	// Port inside by name of an allocated port, where it is not the same number.
	ContainerPorts map[string]int64 `json:"container_ports"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *MachineSettings) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readMachineSettings)
}

func readMachineSettings(d *strict.Decoder) (v MachineSettings) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "image":
			v.Image = strict.Pointer(d.String())
		case "dockerfile":
			v.Dockerfile = strict.Pointer(d.String())
		case "resource_class":
			v.ResourceClass = strict.Pointer(d.String())
		case "cpu":
			v.CPU = strict.Pointer(d.Number(math.Inf(-1), math.Inf(1)))
		case "memory":
			v.Memory = strict.Pointer(d.Integer(0, 9007199254740991))
		case "pids":
			v.Pids = strict.Pointer(d.Integer(0, 9007199254740991))
		case "storage":
			v.Storage = strict.Pointer(d.Integer(0, 9007199254740991))
		case "read_only":
			v.ReadOnly = d.Bool()
			seen |= 1 << 0
		case "user":
			v.User = readMachineUser(d)
			seen |= 1 << 1
		case "egress":
			v.Egress = d.Bool()
			seen |= 1 << 2
		case "container_ports":
			v.ContainerPorts = strict.Map(d, -1, -1, func(d *strict.Decoder) int64 { return d.Integer(1, 65535) })
			seen |= 1 << 3
		default:
			d.Skip()
		}
	}
	d.Require(seen, "read_only", "user", "egress", "container_ports")
	return v
}

// OptionData: which option.
type OptionData struct {
	// The backend.
	Backend string `json:"backend"`

	// The option, as in `options`.
	Option string `json:"option"`

	// Why it cannot be done.
	Reason string `json:"reason"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *OptionData) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readOptionData)
}

func readOptionData(d *strict.Decoder) (v OptionData) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "backend":
			v.Backend = d.String()
			seen |= 1 << 0
		case "option":
			v.Option = d.String()
			seen |= 1 << 1
		case "reason":
			v.Reason = d.String()
			seen |= 1 << 2
		default:
			d.Skip()
		}
	}
	d.Require(seen, "backend", "option", "reason")
	return v
}

// ImageData: which image.
type ImageData struct {
	// The image as it was asked for.
	Image string `json:"image"`

	// What the engine said.
	Reason string `json:"reason"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *ImageData) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readImageData)
}

func readImageData(d *strict.Decoder) (v ImageData) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "image":
			v.Image = d.String()
			seen |= 1 << 0
		case "reason":
			v.Reason = d.String()
			seen |= 1 << 1
		default:
			d.Skip()
		}
	}
	d.Require(seen, "image", "reason")
	return v
}

// BuildData: what failed in a build.
type BuildData struct {
	// The Dockerfile, relative to the worktree.
	Dockerfile string `json:"dockerfile"`

	// The last step that began.
	Step string `json:"step"`

	// What the engine said.
	Reason string `json:"reason"`

	// The end of the build's output, at most 4 KiB.
	Output string `json:"output"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *BuildData) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readBuildData)
}

func readBuildData(d *strict.Decoder) (v BuildData) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "dockerfile":
			v.Dockerfile = d.String()
			seen |= 1 << 0
		case "step":
			v.Step = d.String()
			seen |= 1 << 1
		case "reason":
			v.Reason = d.String()
			seen |= 1 << 2
		case "output":
			v.Output = d.String()
			seen |= 1 << 3
		default:
			d.Skip()
		}
	}
	d.Require(seen, "dockerfile", "step", "reason", "output")
	return v
}

// MachineConflict: what is in the way.
type MachineConflict struct {
	// The backend.
	Backend string `json:"backend"`

	// The name that both have.
	Name string `json:"name"`

	// The backend's id of what is in the way.
	ID string `json:"id"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *MachineConflict) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readMachineConflict)
}

func readMachineConflict(d *strict.Decoder) (v MachineConflict) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "backend":
			v.Backend = d.String()
			seen |= 1 << 0
		case "name":
			v.Name = d.String()
			seen |= 1 << 1
		case "id":
			v.ID = d.String()
			seen |= 1 << 2
		default:
			d.Skip()
		}
	}
	d.Require(seen, "backend", "name", "id")
	return v
}

// PortTaken: which port.
type PortTaken struct {
	// The port on this node.
	Port int64 `json:"port"`

	// What it is for.
	Name string `json:"name"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *PortTaken) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readPortTaken)
}

func readPortTaken(d *strict.Decoder) (v PortTaken) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "port":
			v.Port = d.Integer(1, 65535)
			seen |= 1 << 0
		case "name":
			v.Name = d.String()
			seen |= 1 << 1
		default:
			d.Skip()
		}
	}
	d.Require(seen, "port", "name")
	return v
}

// WorkspaceCreateParams: a new workspace.
type WorkspaceCreateParams struct {
	// Its name: lower-case letters, digits, inner hyphens.
	Name string `json:"name"`

	// Where its code comes from.
	Repository RepositorySource `json:"repository"`

	// The backend; default: the configured one. Optional; nil leaves it out.
	Backend *string `json:"backend,omitzero"`

	// A name for people. Optional; nil leaves it out.
	DisplayName *string `json:"display_name,omitzero"`

	// Environment of every process in it.
	Env map[string]string `json:"env,omitzero"`

	// Labels.
	Labels map[string]string `json:"labels,omitzero"`

	// Names of ports to allocate now, besides the standard ones.
	Ports []string `json:"ports,omitzero"`

	// How its machine is made; default: as the backend and the configuration say. Optional; nil leaves it out.
	Options *MachineOptions `json:"options,omitzero"`

	// Start it too. Optional; nil stands for the default, true.
	Start *bool `json:"start,omitzero"`

	// Answer when done; otherwise at once, with the operation. Optional; nil stands for the default, true.
	Wait *bool `json:"wait,omitzero"`

	// Send $/progress.
	Progress bool `json:"progress,omitzero"`

	// Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`.
	// Optional; the zero value leaves it out.
	Key string `json:"key,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *WorkspaceCreateParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readWorkspaceCreateParams)
}

func readWorkspaceCreateParams(d *strict.Decoder) (v WorkspaceCreateParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "name":
			v.Name = d.Text(-1, -1, pattern09bbae25)
			seen |= 1 << 0
		case "repository":
			v.Repository = readRepositorySource(d)
			seen |= 1 << 1
		case "backend":
			v.Backend = strict.Pointer(d.String())
		case "display_name":
			v.DisplayName = strict.Pointer(d.Text(-1, 200, nil))
		case "env":
			v.Env = strict.Map(d, -1, -1, (*strict.Decoder).String)
		case "labels":
			v.Labels = strict.Map(d, -1, -1, (*strict.Decoder).String)
		case "ports":
			v.Ports = strict.List(d, -1, -1, (*strict.Decoder).String)
		case "options":
			v.Options = strict.Pointer(readMachineOptions(d))
		case "start":
			v.Start = strict.Pointer(d.Bool())
		case "wait":
			v.Wait = strict.Pointer(d.Bool())
		case "progress":
			v.Progress = d.Bool()
		case "key":
			v.Key = d.Text(1, 128, nil)
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "name", "repository")
	return v
}

// LifecycleResult: what a lifecycle call did.
type LifecycleResult struct {
	// The workspace now.
	Workspace Workspace `json:"workspace"`

	// The operation that did it.
	Operation Operation `json:"operation"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *LifecycleResult) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readLifecycleResult)
}

func readLifecycleResult(d *strict.Decoder) (v LifecycleResult) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "workspace":
			v.Workspace = readWorkspace(d)
			seen |= 1 << 0
		case "operation":
			v.Operation = readOperation(d)
			seen |= 1 << 1
		default:
			d.Skip()
		}
	}
	d.Require(seen, "workspace", "operation")
	return v
}

// WorkspaceGetParams: which workspace.
type WorkspaceGetParams struct {
	// Workspace id, or its name.
	Workspace string `json:"workspace"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *WorkspaceGetParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readWorkspaceGetParams)
}

func readWorkspaceGetParams(d *strict.Decoder) (v WorkspaceGetParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "workspace":
			v.Workspace = d.Text(1, 128, nil)
			seen |= 1 << 0
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "workspace")
	return v
}

// WorkspaceListParams: which workspaces.
type WorkspaceListParams struct {
	// Only those of this repository (path or URL). Optional; nil leaves it out.
	Repository *string `json:"repository,omitzero"`

	// Only those in this state. Optional; the zero value leaves it out.
	State WorkspaceState `json:"state,omitzero"`

	// Only those that have all of these labels.
	Labels map[string]string `json:"labels,omitzero"`

	// Include destroyed ones.
	Destroyed bool `json:"destroyed,omitzero"`

	// At most so many. Optional; the zero value stands for the default, 100.
	Limit int64 `json:"limit,omitzero"`

	// Continue a list, from `next_cursor`. Optional; nil leaves it out.
	Cursor *string `json:"cursor,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *WorkspaceListParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readWorkspaceListParams)
}

func readWorkspaceListParams(d *strict.Decoder) (v WorkspaceListParams) {
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "repository":
			v.Repository = strict.Pointer(d.String())
		case "state":
			v.State = readWorkspaceState(d)
		case "labels":
			v.Labels = strict.Map(d, -1, -1, (*strict.Decoder).String)
		case "destroyed":
			v.Destroyed = d.Bool()
		case "limit":
			v.Limit = d.Integer(1, 1000)
		case "cursor":
			v.Cursor = strict.Pointer(d.String())
		default:
			d.Unknown()
		}
	}
	return v
}

// WorkspaceList: workspaces, newest first.
type WorkspaceList struct {
	// The workspaces.
	Workspaces []Workspace `json:"workspaces"`

	// There are more; pass this as `cursor`. Optional; nil leaves it out.
	NextCursor *string `json:"next_cursor,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *WorkspaceList) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readWorkspaceList)
}

func readWorkspaceList(d *strict.Decoder) (v WorkspaceList) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "workspaces":
			v.Workspaces = strict.List(d, -1, -1, readWorkspace)
			seen |= 1 << 0
		case "next_cursor":
			v.NextCursor = strict.Pointer(d.String())
		default:
			d.Skip()
		}
	}
	d.Require(seen, "workspaces")
	return v
}

// WorkspaceChangeParams: a lifecycle change of one workspace.
type WorkspaceChangeParams struct {
	// Workspace id, or its name.
	Workspace string `json:"workspace"`

	// Answer when done; otherwise at once, with the operation. Optional; nil stands for the default, true.
	Wait *bool `json:"wait,omitzero"`

	// Send $/progress.
	Progress bool `json:"progress,omitzero"`

	// How long processes may take to end by themselves before they are killed. Optional; nil stands for the default,
	// 10000.
	TimeoutMS *int64 `json:"timeout_ms,omitzero"`

	// Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`.
	// Optional; the zero value leaves it out.
	Key string `json:"key,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *WorkspaceChangeParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readWorkspaceChangeParams)
}

func readWorkspaceChangeParams(d *strict.Decoder) (v WorkspaceChangeParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "workspace":
			v.Workspace = d.Text(1, 128, nil)
			seen |= 1 << 0
		case "wait":
			v.Wait = strict.Pointer(d.Bool())
		case "progress":
			v.Progress = d.Bool()
		case "timeout_ms":
			v.TimeoutMS = strict.Pointer(d.Integer(0, 9007199254740991))
		case "key":
			v.Key = d.Text(1, 128, nil)
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "workspace")
	return v
}

// WorkspaceSwitchParams: make a workspace the current one.
type WorkspaceSwitchParams struct {
	// Workspace id, or its name.
	Workspace string `json:"workspace"`

	// What to do with the one left; default: pause where the backend can, else keep. Optional; the zero value leaves it
	// out.
	Leave LeaveMode `json:"leave,omitzero"`

	// Answer when done. Optional; nil stands for the default, true.
	Wait *bool `json:"wait,omitzero"`

	// Send $/progress.
	Progress bool `json:"progress,omitzero"`

	// Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`.
	// Optional; the zero value leaves it out.
	Key string `json:"key,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *WorkspaceSwitchParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readWorkspaceSwitchParams)
}

func readWorkspaceSwitchParams(d *strict.Decoder) (v WorkspaceSwitchParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "workspace":
			v.Workspace = d.Text(1, 128, nil)
			seen |= 1 << 0
		case "leave":
			v.Leave = readLeaveMode(d)
		case "wait":
			v.Wait = strict.Pointer(d.Bool())
		case "progress":
			v.Progress = d.Bool()
		case "key":
			v.Key = d.Text(1, 128, nil)
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "workspace")
	return v
}

// LeaveMode: what to do with the workspace that is left.
type LeaveMode string

// Values of LeaveMode.
const (
	// Let it run.
	LeaveModeKeep LeaveMode = "keep"

	// Freeze its processes.
	LeaveModePause LeaveMode = "pause"

	// Stop it.
	LeaveModeStop LeaveMode = "stop"
)

func readLeaveMode(d *strict.Decoder) LeaveMode {
	return LeaveMode(d.Enum("keep", "pause", "stop"))
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *LeaveMode) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readLeaveMode)
}

// WorkspaceUpdateParams: changes to a workspace's record. Absent fields stay.
type WorkspaceUpdateParams struct {
	// Workspace id, or its name.
	Workspace string `json:"workspace"`

	// A name for people. Optional; nil leaves it out.
	DisplayName *string `json:"display_name,omitzero"`

	// Replaces the environment; running processes keep theirs. Optional; nil leaves it out.
	Env map[string]string `json:"env,omitzero"`

	// Replaces the labels. Optional; nil leaves it out.
	Labels map[string]string `json:"labels,omitzero"`

	// Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`.
	// Optional; the zero value leaves it out.
	Key string `json:"key,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *WorkspaceUpdateParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readWorkspaceUpdateParams)
}

func readWorkspaceUpdateParams(d *strict.Decoder) (v WorkspaceUpdateParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "workspace":
			v.Workspace = d.Text(1, 128, nil)
			seen |= 1 << 0
		case "display_name":
			v.DisplayName = strict.Pointer(d.Text(-1, 200, nil))
		case "env":
			v.Env = strict.Map(d, -1, -1, (*strict.Decoder).String)
		case "labels":
			v.Labels = strict.Map(d, -1, -1, (*strict.Decoder).String)
		case "key":
			v.Key = d.Text(1, 128, nil)
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "workspace")
	return v
}

// WorkspaceDestroyParams: take a workspace down.
type WorkspaceDestroyParams struct {
	// Workspace id, or its name.
	Workspace string `json:"workspace"`

	// Lose uncommitted and unpushed work.
	Force bool `json:"force,omitzero"`

	// Keep the branch if it has commits of its own; ignored with force. Optional; nil stands for the default, true.
	KeepBranch *bool `json:"keep_branch,omitzero"`

	// How long processes may take to end by themselves before they are killed. Optional; nil stands for the default,
	// 10000.
	TimeoutMS *int64 `json:"timeout_ms,omitzero"`

	// Answer when done. Optional; nil stands for the default, true.
	Wait *bool `json:"wait,omitzero"`

	// Send $/progress.
	Progress bool `json:"progress,omitzero"`

	// Caller-chosen key: the same key with the same params returns the first outcome, other params are `key_reused`.
	// Optional; the zero value leaves it out.
	Key string `json:"key,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *WorkspaceDestroyParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readWorkspaceDestroyParams)
}

func readWorkspaceDestroyParams(d *strict.Decoder) (v WorkspaceDestroyParams) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "workspace":
			v.Workspace = d.Text(1, 128, nil)
			seen |= 1 << 0
		case "force":
			v.Force = d.Bool()
		case "keep_branch":
			v.KeepBranch = strict.Pointer(d.Bool())
		case "timeout_ms":
			v.TimeoutMS = strict.Pointer(d.Integer(0, 9007199254740991))
		case "wait":
			v.Wait = strict.Pointer(d.Bool())
		case "progress":
			v.Progress = d.Bool()
		case "key":
			v.Key = d.Text(1, 128, nil)
		default:
			d.Unknown()
		}
	}
	d.Require(seen, "workspace")
	return v
}

// WorkspaceDestroyed: what destroying did.
type WorkspaceDestroyed struct {
	// The workspace now.
	Workspace Workspace `json:"workspace"`

	// The operation that did it.
	Operation Operation `json:"operation"`

	// Work that was kept, and where it is. Optional; nil leaves it out.
	Kept *WorkspaceKept `json:"kept,omitzero"`

	// How many checkpoints of it went with it; absent: none. Optional; nil leaves it out.
	Checkpoints *int64 `json:"checkpoints,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *WorkspaceDestroyed) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readWorkspaceDestroyed)
}

func readWorkspaceDestroyed(d *strict.Decoder) (v WorkspaceDestroyed) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "workspace":
			v.Workspace = readWorkspace(d)
			seen |= 1 << 0
		case "operation":
			v.Operation = readOperation(d)
			seen |= 1 << 1
		case "kept":
			v.Kept = strict.Pointer(readWorkspaceKept(d))
		case "checkpoints":
			v.Checkpoints = strict.Pointer(d.Integer(0, 9007199254740991))
		default:
			d.Skip()
		}
	}
	d.Require(seen, "workspace", "operation")
	return v
}

// WorkspaceStatsResult: what a workspace uses.
type WorkspaceStatsResult struct {
	// The figures.
	Stats ResourceStats `json:"stats"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *WorkspaceStatsResult) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readWorkspaceStatsResult)
}

func readWorkspaceStatsResult(d *strict.Decoder) (v WorkspaceStatsResult) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "stats":
			v.Stats = readResourceStats(d)
			seen |= 1 << 0
		default:
			d.Skip()
		}
	}
	d.Require(seen, "stats")
	return v
}

// WorkspaceWatchParams: which workspaces to follow.
type WorkspaceWatchParams struct {
	// Only this one; default: all that the identity can see. Optional; the zero value leaves it out.
	Workspace string `json:"workspace,omitzero"`

	// Continue after this cursor. Optional; nil leaves it out.
	Cursor *string `json:"cursor,omitzero"`

	// Initial credit, in events. Optional; the zero value stands for the default, 256.
	Window int64 `json:"window,omitzero"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *WorkspaceWatchParams) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readWorkspaceWatchParams)
}

func readWorkspaceWatchParams(d *strict.Decoder) (v WorkspaceWatchParams) {
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "workspace":
			v.Workspace = d.Text(1, 128, nil)
		case "cursor":
			v.Cursor = strict.Pointer(d.String())
		case "window":
			v.Window = d.Integer(1, 65536)
		default:
			d.Unknown()
		}
	}
	return v
}

// WorkspaceChanged: a workspace's record changed.
type WorkspaceChanged struct {
	// The workspace now.
	Workspace Workspace `json:"workspace"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *WorkspaceChanged) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readWorkspaceChanged)
}

// MarshalJSON writes the value with its tag.
func (v WorkspaceChanged) MarshalJSON() ([]byte, error) {
	type fields WorkspaceChanged
	return json.Marshal(struct {
		Tag string `json:"kind"`
		fields
	}{"changed", fields(v)})
}

func readWorkspaceChanged(d *strict.Decoder) (v WorkspaceChanged) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "workspace":
			v.Workspace = readWorkspace(d)
			seen |= 1 << 0
		case "kind":
			d.Enum("changed")
		default:
			d.Skip()
		}
	}
	d.Require(seen, "workspace")
	return v
}

// WorkspaceOverflow: changes were missed; list again.
type WorkspaceOverflow struct {
	// How many at least; 0 where unknown.
	Missed int64 `json:"missed"`
}

// UnmarshalJSON decodes and checks a value. Errors are of type *DecodeError.
func (v *WorkspaceOverflow) UnmarshalJSON(data []byte) error {
	return strict.Decode(data, v, readWorkspaceOverflow)
}

// MarshalJSON writes the value with its tag.
func (v WorkspaceOverflow) MarshalJSON() ([]byte, error) {
	type fields WorkspaceOverflow
	return json.Marshal(struct {
		Tag string `json:"kind"`
		fields
	}{"overflow", fields(v)})
}

func readWorkspaceOverflow(d *strict.Decoder) (v WorkspaceOverflow) {
	var seen uint64
	for m := d.Object(); m.Next(); {
		switch string(m.Name()) {
		case "missed":
			v.Missed = d.Integer(0, 9007199254740991)
			seen |= 1 << 0
		case "kind":
			d.Enum("overflow")
		default:
			d.Skip()
		}
	}
	d.Require(seen, "missed")
	return v
}

// WorkspaceEvent: a change of a workspace. It is one of WorkspaceChanged, WorkspaceOverflow.
type WorkspaceEvent interface{ isWorkspaceEvent() }

func (WorkspaceChanged) isWorkspaceEvent() {}

func (WorkspaceOverflow) isWorkspaceEvent() {}

// DecodeWorkspaceEvent decodes a WorkspaceEvent by its tag. Errors are of type *DecodeError.
func DecodeWorkspaceEvent(data []byte) (v WorkspaceEvent, err error) {
	err = strict.Decode(data, &v, readWorkspaceEvent)
	return v, err
}

func readWorkspaceEvent(d *strict.Decoder) WorkspaceEvent {
	switch d.Tag("kind", "changed", "overflow") {
	case "changed":
		return readWorkspaceChanged(d)
	case "overflow":
		return readWorkspaceOverflow(d)
	}
	return nil
}
