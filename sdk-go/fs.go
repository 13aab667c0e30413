package nexus

import (
	"context"
	"encoding/base64"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nexus-workspaces/nexus/sdk-go/protocol"
)

// inlineLimit is up to how many bytes content travels in one message, where it fits base64 into 1 MiB with room to spare.
const inlineLimit = 384 << 10

// FS is the files of a workspace. It implements fs.FS, fs.ReadDirFS, fs.StatFS, fs.ReadFileFS, fs.GlobFS, fs.SubFS and
// fs.ReadLinkFS, and has the functions of package os that change files.
//
// Names are as package io/fs wants them: relative to the root, with slashes, "." for the root itself. Errors are of type
// *fs.PathError; they match fs.ErrNotExist and its like, and the Err values of this package.
type FS struct {
	workspace *Workspace
	ctx       context.Context
	root      string // "." or a directory below the workspace's root
}

var (
	_ fs.ReadDirFS  = (*FS)(nil)
	_ fs.StatFS     = (*FS)(nil)
	_ fs.ReadFileFS = (*FS)(nil)
	_ fs.GlobFS     = (*FS)(nil)
	_ fs.SubFS      = (*FS)(nil)
)

// FS returns the files of the workspace. Calls have the deadlines of the schema; WithContext adds a context.
func (w *Workspace) FS() *FS { return &FS{workspace: w, ctx: context.Background(), root: "."} }

// WithContext returns the same files, with calls that are given up when ctx ends.
func (f *FS) WithContext(ctx context.Context) *FS {
	return &FS{workspace: f.workspace, ctx: ctx, root: f.root}
}

// Sub returns the files below a directory.
func (f *FS) Sub(dir string) (fs.FS, error) {
	full, err := f.resolve("sub", dir)
	if err != nil {
		return nil, err
	}
	return &FS{workspace: f.workspace, ctx: f.ctx, root: full}, nil
}

// resolve returns the path for the daemon.
func (f *FS) resolve(op, name string) (string, error) {
	if !fs.ValidPath(name) {
		return "", &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	return path.Join(f.root, name), nil
}

// pathError wraps what a call answered; nil stays nil.
func pathError(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}

// ask makes a call about one path and wraps its error.
func ask[T any](f *FS, op, name, method string, params func(full string) any) (result T, err error) {
	full, err := f.resolve(op, name)
	if err != nil {
		return result, err
	}
	result, err = call[T](f.ctx, f.workspace.conn, method, params(full), nil)
	return result, pathError(op, name, err)
}

func (f *FS) stat(op, name string, follow bool) (fileInfo, error) {
	found, err := ask[protocol.FileInfo](f, op, name, "fs.stat", func(full string) any {
		return &protocol.FsStatParams{Workspace: f.workspace.id, Path: full, Follow: falseIf(!follow)}
	})
	return fileInfo{found, path.Base(name)}, err
}

// Stat returns what is known of an entry, following links. Its Sys is a protocol.FileInfo.
func (f *FS) Stat(name string) (fs.FileInfo, error) { return orNil(f.stat("stat", name, true)) }

// Lstat returns what is known of an entry; a link is not followed.
func (f *FS) Lstat(name string) (fs.FileInfo, error) { return orNil(f.stat("lstat", name, false)) }

func orNil(info fileInfo, err error) (fs.FileInfo, error) {
	if err != nil {
		return nil, err
	}
	return info, nil
}

// ReadLink returns where a link points, as written.
func (f *FS) ReadLink(name string) (string, error) {
	info, err := f.stat("readlink", name, false)
	if err != nil {
		return "", err
	}
	if info.Mode().Type() != fs.ModeSymlink || info.of.Target == nil {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	return *info.of.Target, nil
}

// Open opens a file or directory for reading. A file also implements io.Seeker and io.ReaderAt; it reads the file as it
// was when it was opened, or fails with ErrFileChanged.
func (f *FS) Open(name string) (fs.File, error) {
	info, err := f.stat("open", name, true)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return &directory{fs: f, name: name, info: info}, nil
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: ErrNotAFile}
	}
	return &file{fs: f, name: name, info: info}, nil
}

// ReadFile returns the whole content of a file.
func (f *FS) ReadFile(name string) ([]byte, error) {
	content, err := ask[protocol.FileContent](f, "read", name, "fs.read", func(full string) any {
		return &protocol.FsReadParams{Workspace: f.workspace.id, Path: full, Encoding: protocol.EncodingBase64}
	})
	switch {
	case errors.Is(err, ErrFileTooLarge) || errors.Is(err, ErrMessageTooLarge) || err == nil && content.Truncated:
		return f.readStream(name)
	case err != nil:
		return nil, err
	}
	data, err := base64.StdEncoding.DecodeString(content.Content)
	return data, pathError("read", name, err)
}

// ReadDir returns the entries of a directory by name.
func (f *FS) ReadDir(name string) ([]fs.DirEntry, error) {
	full, err := f.resolve("readdir", name)
	if err != nil {
		return nil, err
	}
	entries := []fs.DirEntry{}
	for found, err := range f.list(full, 1, false) {
		if err != nil {
			return entries, pathError("readdir", name, err)
		}
		entries = append(entries, fs.FileInfoToDirEntry(fileInfo{found, found.Name}))
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, nil
}

// Glob returns the names that match a pattern of package path, in order. See Find for patterns with "**".
func (f *FS) Glob(pattern string) ([]string, error) {
	// Without the method, fs.Glob walks by ReadDir, with exactly the meaning that package io/fs gives a pattern.
	return fs.Glob(struct{ fs.ReadDirFS }{f}, pattern)
}

// Find returns paths that match *, ?, [...] and **, in order, at most 10,000, without what .gitignore excludes.
func (f *FS) Find(pattern string) ([]string, error) {
	found, err := call[protocol.FsGlobbed](f.ctx, f.workspace.conn, "fs.glob", &protocol.FsGlobParams{
		Workspace: f.workspace.id, Pattern: pattern, Path: f.root, Limit: 10000,
	}, nil)
	if err != nil {
		return nil, &fs.PathError{Op: "find", Path: pattern, Err: err}
	}
	for i, name := range found.Paths {
		if f.root != "." {
			found.Paths[i] = strings.TrimPrefix(name, f.root+"/")
		}
	}
	return found.Paths, nil
}

// fileInfo is an entry as package io/fs sees it.
type fileInfo struct {
	of   protocol.FileInfo
	name string
}

func (i fileInfo) Name() string       { return i.name }
func (i fileInfo) Size() int64        { return i.of.Size }
func (i fileInfo) ModTime() time.Time { return i.of.Mtime }
func (i fileInfo) IsDir() bool        { return i.of.Type == protocol.EntryTypeDirectory }
func (i fileInfo) Sys() any           { return i.of }

// Mode returns type and permission bits.
func (i fileInfo) Mode() fs.FileMode {
	bits, err := strconv.ParseUint(i.of.Mode, 8, 32)
	if err != nil {
		bits = 0 // the decoder accepts octal digits only
	}
	mode := fs.FileMode(bits & 0o777)
	for bit, meaning := range map[uint64]fs.FileMode{
		0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky,
	} {
		if bits&bit != 0 {
			mode |= meaning
		}
	}
	switch i.of.Type {
	case protocol.EntryTypeFile:
		return mode
	case protocol.EntryTypeDirectory:
		return mode | fs.ModeDir
	case protocol.EntryTypeSymlink:
		return mode | fs.ModeSymlink
	}
	return mode | fs.ModeIrregular
}

func octal(mode fs.FileMode) string {
	bits := uint64(mode.Perm())
	for bit, meaning := range map[uint64]fs.FileMode{
		0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky,
	} {
		if mode&meaning != 0 {
			bits |= bit
		}
	}
	text := strconv.FormatUint(bits, 8)
	return strings.Repeat("0", max(0, 3-len(text))) + text
}
