package nexus

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/nexus-workspaces/nexus/sdk-go/internal/wire"
	"github.com/nexus-workspaces/nexus/sdk-go/protocol"
)

// downloadWindow is how much of a download may wait here unread.
const downloadWindow = 4 << 20

// Download is a file's bytes, as an io.ReadCloser and io.WriterTo. It goes on at its offset after a break, as long as the
// file is the one it began with; otherwise reading fails with ErrFileChanged.
type Download struct {
	stream
	noInput
	noEvents

	inbox   inbox
	detach  func() bool
	request protocol.FsDownloadParams

	// Guarded by the stream's mutex.
	info protocol.FileInfo
	end  int64
}

// open begins a download; an empty etag takes the file as it is.
func (f *FS) open(name string, offset int64, etag string) (*Download, error) {
	full, err := f.resolve("open", name)
	if err != nil {
		return nil, err
	}
	d := &Download{request: protocol.FsDownloadParams{
		Workspace: f.workspace.id, Path: full, Offset: offset, IfMatch: optional(etag),
	}}
	d.stream.init(f.workspace.conn, "fs.download", d, true)
	d.inbox.init(&d.mu, downloadWindow, d.grant, wire.Down)
	if err := d.start(f.ctx); err != nil {
		if errors.Is(err, ErrEtagMismatch) {
			err = d.changed()
		}
		return nil, err
	}
	d.detach = d.leaveWith(f.ctx)
	return d, nil
}

// OpenStream begins to read a file at an offset. It is what Open does at the first Read, without asking for anything else.
func (f *FS) OpenStream(name string, offset int64) (*Download, error) {
	d, err := f.open(name, offset, "")
	return d, pathError("open", name, err)
}

// Info returns the file as it was when the download began.
func (d *Download) Info() protocol.FileInfo {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.info
}

// Length returns how many bytes come in all.
func (d *Download) Length() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.end - d.request.Offset
}

// Reconnects returns how often it was continued after a break.
func (d *Download) Reconnects() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.reconnects
}

func (d *Download) reader() laneReader { return laneReader{&d.inbox, wire.Down} }

// Read reads on.
func (d *Download) Read(p []byte) (int, error) { return d.reader().Read(p) }

// WriteTo writes to the end.
func (d *Download) WriteTo(w io.Writer) (int64, error) { return d.reader().WriteTo(w) }

// Close stops the download. Closing twice does nothing.
func (d *Download) Close() error {
	if d.detach != nil {
		d.detach()
	}
	d.stop()
	return nil
}

func (d *Download) changed() error {
	text := fmt.Sprintf("%q changed while it was downloaded", d.request.Path)
	return protocol.NewRemoteError(protocol.ErrFileChanged.Code, text, nil)
}

func (d *Download) params() any {
	params := d.request
	params.Window = d.inbox.nextWindow()
	if d.opened {
		params.Offset = d.inbox.next
		params.Length = protocol.Ptr(d.end - d.inbox.next)
		params.IfMatch = &d.info.Etag
	}
	return &params
}

func (d *Download) onOpen(info json.RawMessage, again bool) error {
	var open protocol.FsDownloadOpen
	if err := open.UnmarshalJSON(info); err != nil {
		return err
	}
	if again {
		return d.inbox.attach(d.inbox.next, true)
	}
	d.info, d.end = open.Info, d.request.Offset+open.Length
	return d.inbox.attach(d.request.Offset, false)
}

func (d *Download) onLost() {}

func (d *Download) refused(err error) error {
	if errors.Is(err, ErrEtagMismatch) {
		return d.changed()
	}
	return err
}

func (d *Download) data(channel uint8, offset int64, payload []byte) error {
	return d.inbox.data(channel, offset, payload)
}

// eof holds the end back until the daemon has said that the file did not change meanwhile.
func (d *Download) eof(uint8, int64) error { return nil }

func (d *Download) ended(result json.RawMessage, err error) {
	var done protocol.FsDownloaded
	if err == nil {
		if wrong := done.UnmarshalJSON(result); wrong != nil {
			err = violation("the result of fs.download: %w", wrong)
		}
	}
	switch {
	case err != nil:
	case done.Info.Etag != d.info.Etag:
		err = d.changed()
	case d.inbox.next > d.end:
		err = violation("the download has %d bytes, but %d came", d.end, d.inbox.next)
	case d.inbox.next < d.end:
		err = &OutputGapError{Expected: d.inbox.next, Offset: d.end, Reason: "the download ended early"}
	}
	d.inbox.finish(err)
}

// DownloadOptions says how to download a file.
type DownloadOptions struct {
	// NoResume begins anew, and leaves nothing behind when it fails. Otherwise the bytes that came are kept in a hidden
	// part file beside the target, which the same call continues later, in another process too, unless the file in the
	// workspace has changed.
	NoResume bool

	// OnProgress is called in bytes, from the goroutine that called Download.
	OnProgress func(Progress)
}

// Download writes a file of the workspace to a local path, which is replaced atomically when everything has come. It
// fails with ErrFileChanged when the file changed on the way; nothing was replaced then.
func (f *FS) Download(name, localPath string, options DownloadOptions) (protocol.FileInfo, error) {
	info, err := f.stat("download", name, true)
	if err != nil {
		return protocol.FileInfo{}, err
	}
	// The part is named after the version it belongs to, so one of another version is never continued.
	version := sha256.Sum256([]byte(f.workspace.id + "\x00" + info.of.Path + "\x00" + info.of.Etag))
	directory, base := filepath.Split(localPath)
	part := filepath.Join(directory, "."+base+"."+hex.EncodeToString(version[:8])+".nexus-part")
	err = f.downloadPart(name, info, part, options)
	if err == nil {
		err = finishPart(part, localPath)
	}
	if err != nil && options.NoResume {
		_ = os.Remove(part) // the download has failed already
	}
	return info.of, pathError("download", name, err)
}

func (f *FS) downloadPart(name string, info fileInfo, part string, options DownloadOptions) error {
	flags := os.O_WRONLY | os.O_CREATE
	if options.NoResume {
		flags |= os.O_TRUNC
	}
	if there, err := os.Lstat(part); err == nil && !there.Mode().IsRegular() {
		return &fs.PathError{Op: "open", Path: part, Err: errors.New("not a regular file")}
	}
	local, err := os.OpenFile(part, flags, 0o666)
	if err != nil {
		return err
	}
	done, err := local.Seek(0, io.SeekEnd)
	if err == nil && done > info.of.Size {
		done, err = 0, local.Truncate(0)
	}
	if err == nil {
		err = f.downloadInto(name, info.of.Etag, done, local, options.OnProgress)
	}
	if err == nil {
		err = local.Sync()
	}
	return errors.Join(err, local.Close())
}

func (f *FS) downloadInto(name, etag string, offset int64, local io.Writer, onProgress func(Progress)) error {
	remote, err := f.open(name, offset, etag)
	if err != nil {
		return err
	}
	defer remote.Close()
	if onProgress == nil {
		_, err = remote.WriteTo(local)
		return err
	}
	total := offset + remote.Length()
	_, err = remote.WriteTo(progressWriter{local, func(n int) {
		offset += int64(n)
		onProgress(Progress{Done: offset, Total: total})
	}})
	return err
}

type progressWriter struct {
	to     io.Writer
	report func(n int)
}

func (w progressWriter) Write(p []byte) (int, error) {
	n, err := w.to.Write(p)
	w.report(n)
	return n, err
}

func finishPart(part, target string) error {
	if there, err := os.Stat(target); err == nil {
		if err := os.Chmod(part, there.Mode().Perm()); err != nil {
			return err
		}
	}
	return os.Rename(part, target)
}

func (f *FS) readStream(name string) ([]byte, error) {
	remote, err := f.open(name, 0, "")
	if err != nil {
		return nil, pathError("read", name, err)
	}
	defer remote.Close()
	data, err := io.ReadAll(remote)
	return data, pathError("read", name, err)
}
