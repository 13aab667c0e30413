package nexus

import (
	"encoding/base64"
	"errors"
	"io/fs"
	"iter"
	"unicode/utf8"

	"github.com/nexus-workspaces/nexus/sdk-go/protocol"
)

// list yields the entries below a directory, page after page.
func (f *FS) list(full string, depth int64, gitignore bool) iter.Seq2[protocol.FileInfo, error] {
	return listPages(func(cursor *string) ([]protocol.FileInfo, *string, error) {
		page, err := call[protocol.FsListing](f.ctx, f.workspace.conn, "fs.list", &protocol.FsListParams{
			Workspace: f.workspace.id, Path: full, Depth: depth, Gitignore: gitignore, Limit: 1000, Cursor: cursor,
		}, nil)
		return page.Entries, page.NextCursor, err
	})
}

// Entries yields what is below a directory, up to a depth (1 for its own entries, at most 64), ordered by path, in pages
// that are asked for as they are taken. With gitignore it leaves out what .gitignore excludes, and .git.
func (f *FS) Entries(dir string, depth int, gitignore bool) iter.Seq2[protocol.FileInfo, error] {
	full, err := f.resolve("list", dir)
	if err != nil {
		return func(yield func(protocol.FileInfo, error) bool) { yield(protocol.FileInfo{}, err) }
	}
	return f.list(full, int64(depth), gitignore)
}

// WriteOptions says how a file is written.
type WriteOptions struct {
	// Mode holds the permission bits; 0 keeps those of the file that is replaced, else 0644.
	Mode fs.FileMode

	// IfMatch writes only if the file's etag is this; a pointer to the empty string only if there is no file. nil writes
	// in any case.
	IfMatch *string

	// Parents makes missing directories.
	Parents bool

	// Key makes repeating the call safe; empty makes a random one.
	Key string
}

func (o WriteOptions) mode() string {
	if o.Mode == 0 {
		return ""
	}
	return octal(o.Mode)
}

// WriteFile replaces a file atomically, or makes one. A link is followed.
func (f *FS) WriteFile(name string, data []byte, perm fs.FileMode) error {
	_, err := f.Write(name, data, WriteOptions{Mode: perm})
	return err
}

// Write replaces a file atomically, or makes one, and returns what is then known of it. It fails with ErrEtagMismatch when
// the file is not the one that was read.
func (f *FS) Write(name string, data []byte, options WriteOptions) (protocol.FileInfo, error) {
	if len(data) > inlineLimit {
		return f.upload("write", name, bytesSource(data), UploadOptions{WriteOptions: options, Checksum: true})
	}
	params := &protocol.FsWriteParams{
		Workspace: f.workspace.id, Mode: options.mode(), IfMatch: options.IfMatch, Parents: options.Parents,
		Key: options.Key,
	}
	if utf8.Valid(data) {
		params.Content = string(data)
	} else {
		params.Content, params.Encoding = base64.StdEncoding.EncodeToString(data), protocol.EncodingBase64
	}
	info, err := ask[protocol.FileInfo](f, "write", name, "fs.write", func(full string) any {
		params.Path = full
		return params
	})
	if errors.Is(err, ErrMessageTooLarge) {
		return f.upload("write", name, bytesSource(data), UploadOptions{WriteOptions: options, Checksum: true})
	}
	return info, err
}

// EditParams says how to edit a file; Workspace and Path are filled in.
type EditParams = protocol.FsEditParams

// Edit changes a text file, all or nothing, by exact replacements or a unified diff. It fails with ErrEditFailed when one
// of them did not apply; nothing was changed then.
func (f *FS) Edit(name string, params EditParams) (protocol.FsEdited, error) {
	return ask[protocol.FsEdited](f, "edit", name, "fs.edit", func(full string) any {
		params.Workspace, params.Path = f.workspace.id, full
		return &params
	})
}

// Mkdir makes a directory. It fails with fs.ErrExist when there is something.
func (f *FS) Mkdir(name string, perm fs.FileMode) error { return f.mkdir(name, perm, false) }

// MkdirAll makes a directory and missing ones above it. One that exists is success.
func (f *FS) MkdirAll(name string, perm fs.FileMode) error { return f.mkdir(name, perm, true) }

func (f *FS) mkdir(name string, perm fs.FileMode, parents bool) error {
	_, err := ask[protocol.FileInfo](f, "mkdir", name, "fs.mkdir", func(full string) any {
		return &protocol.FsMkdirParams{Workspace: f.workspace.id, Path: full, Parents: parents, Mode: octal(perm)}
	})
	return err
}

// Remove removes a file, a link (which is not followed) or an empty directory. It fails with ErrDirectoryNotEmpty.
func (f *FS) Remove(name string) error { return f.remove(name, false) }

// RemoveAll removes an entry with all it holds. Nothing there is success.
func (f *FS) RemoveAll(name string) error { return f.remove(name, true) }

func (f *FS) remove(name string, all bool) error {
	_, err := ask[protocol.FsRemoved](f, "remove", name, "fs.remove", func(full string) any {
		return &protocol.FsRemoveParams{Workspace: f.workspace.id, Path: full, Recursive: all, MissingOK: all}
	})
	return err
}

// Rename renames or moves an entry, replacing a file that is there.
func (f *FS) Rename(oldName, newName string) error {
	target, err := f.resolve("rename", newName)
	if err != nil {
		return err
	}
	_, err = ask[protocol.FileInfo](f, "rename", oldName, "fs.rename", func(full string) any {
		return &protocol.FsRenameParams{Workspace: f.workspace.id, Source: full, Target: target, Overwrite: true}
	})
	return err
}

// Symlink makes newName a link to oldName, which is relative to the link's directory, as written into it. It must stay
// inside the workspace.
func (f *FS) Symlink(oldName, newName string) error {
	_, err := ask[protocol.FileInfo](f, "symlink", newName, "fs.symlink", func(full string) any {
		return &protocol.FsSymlinkParams{Workspace: f.workspace.id, Path: full, Target: oldName}
	})
	return err
}

// Chmod sets the permission bits; links are followed.
func (f *FS) Chmod(name string, mode fs.FileMode) error {
	_, err := ask[protocol.FileInfo](f, "chmod", name, "fs.chmod", func(full string) any {
		return &protocol.FsChmodParams{Workspace: f.workspace.id, Path: full, Mode: octal(mode)}
	})
	return err
}

// CopyOptions says how to copy.
type CopyOptions struct {
	// Recursive copies a directory with all it holds; links are copied as links.
	Recursive bool

	// Overwrite replaces files that are there.
	Overwrite bool

	// Parents makes missing directories.
	Parents bool

	// OnProgress is called with how much is done, from the goroutine that called Copy.
	OnProgress func(Progress)
}

// Copy copies a file or a directory within the workspace, and returns what is known of the copy.
func (f *FS) Copy(source, target string, options CopyOptions) (protocol.FileInfo, error) {
	from, err := f.resolve("copy", source)
	if err != nil {
		return protocol.FileInfo{}, err
	}
	to, err := f.resolve("copy", target)
	if err != nil {
		return protocol.FileInfo{}, err
	}
	params := &protocol.FsCopyParams{
		Workspace: f.workspace.id, Source: from, Target: to, Recursive: options.Recursive,
		Overwrite: options.Overwrite, Parents: options.Parents,
	}
	info, err := call[protocol.FileInfo](f.ctx, f.workspace.conn, "fs.copy", params, options.OnProgress)
	return info, pathError("copy", source, err)
}
