package nexus

import (
	"encoding/base64"
	"errors"
	"io"
	"io/fs"
	"sync"

	"github.com/nexus-workspaces/nexus/sdk-go/protocol"
)

// file is an open file. It is read by stream from where it stands, and at any offset by single calls.
type file struct {
	fs   *FS
	name string
	info fileInfo

	mu     sync.Mutex
	offset int64
	stream *Download // reads on from offset; nil until something is read, and after Seek
	closed bool
}

// Stat returns the file as it was when it was opened.
func (f *file) Stat() (fs.FileInfo, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, f.failed("stat", fs.ErrClosed)
	}
	return f.info, nil
}

func (f *file) failed(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return &fs.PathError{Op: op, Path: f.name, Err: err}
}

// Read reads on from the current offset.
func (f *file) Read(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.closed:
		return 0, f.failed("read", fs.ErrClosed)
	case len(p) == 0:
		return 0, nil
	case f.offset >= f.info.of.Size:
		return 0, io.EOF
	}
	if f.stream == nil {
		stream, err := f.fs.open(f.name, f.offset, f.info.of.Etag)
		if err != nil {
			return 0, f.failed("read", err)
		}
		f.stream = stream
	}
	n, err := f.stream.Read(p)
	f.offset += int64(n)
	return n, f.failed("read", err)
}

// Seek moves the offset of the next Read.
func (f *file) Seek(offset int64, whence int) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return 0, f.failed("seek", fs.ErrClosed)
	}
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += f.offset
	case io.SeekEnd:
		offset += f.info.of.Size
	default:
		return 0, f.failed("seek", fs.ErrInvalid)
	}
	if offset < 0 {
		return 0, f.failed("seek", fs.ErrInvalid)
	}
	if offset != f.offset && f.stream != nil {
		_ = f.stream.Close() // leaving a download cannot fail
		f.stream = nil
	}
	f.offset = offset
	return offset, nil
}

// ReadAt reads at an offset, whatever Read and Seek do. It may be called from several goroutines.
func (f *file) ReadAt(p []byte, offset int64) (int, error) {
	f.mu.Lock()
	closed := f.closed
	f.mu.Unlock()
	if closed {
		return 0, f.failed("read", fs.ErrClosed)
	}
	if offset < 0 {
		return 0, f.failed("read", fs.ErrInvalid)
	}
	total := 0
	for total < len(p) {
		part, err := f.window(offset+int64(total), min(len(p)-total, inlineLimit))
		if err != nil {
			return total, f.failed("read", err)
		}
		if len(part) == 0 {
			return total, io.EOF
		}
		total += copy(p[total:], part)
	}
	return total, nil
}

func (f *file) window(offset int64, size int) ([]byte, error) {
	content, err := ask[protocol.FileContent](f.fs, "read", f.name, "fs.read", func(full string) any {
		return &protocol.FsReadParams{
			Workspace: f.fs.workspace.id, Path: full, Encoding: protocol.EncodingBase64, Offset: &offset,
			Length: protocol.Ptr(int64(size)),
		}
	})
	switch {
	case err != nil:
		return nil, errors.Unwrap(err)
	case content.Etag != f.info.of.Etag:
		return nil, protocol.NewRemoteError(protocol.ErrFileChanged.Code, "the file changed while it was open", nil)
	}
	return base64.StdEncoding.DecodeString(content.Content)
}

// Close ends reading.
func (f *file) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return f.failed("close", fs.ErrClosed)
	}
	f.closed = true
	if f.stream != nil {
		return f.stream.Close()
	}
	return nil
}

// directory is an open directory.
type directory struct {
	fs   *FS
	name string
	info fileInfo

	mu      sync.Mutex
	entries []fs.DirEntry // those not handed out yet; read at the first ReadDir
	listed  bool
	closed  bool
}

// Stat returns the directory as it was when it was opened.
func (d *directory) Stat() (fs.FileInfo, error) { return d.info, nil }

// Read fails: a directory has no bytes.
func (d *directory) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.name, Err: ErrNotAFile}
}

// Close ends reading.
func (d *directory) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	return nil
}

// ReadDir returns the next entries; see fs.ReadDirFile.
func (d *directory) ReadDir(n int) ([]fs.DirEntry, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, &fs.PathError{Op: "readdir", Path: d.name, Err: fs.ErrClosed}
	}
	if !d.listed {
		entries, err := d.fs.ReadDir(d.name)
		if err != nil {
			return nil, err
		}
		d.entries, d.listed = entries, true
	}
	if n <= 0 {
		n = len(d.entries)
	} else if len(d.entries) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(d.entries))
	taken := d.entries[:n:n]
	d.entries = d.entries[n:]
	return taken, nil
}
