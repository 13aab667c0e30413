package nexus

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"

	"github.com/nexus-workspaces/nexus/sdk-go/protocol"
)

// uploadBlock is how much of a source is read at a time.
const uploadBlock = 1 << 20

// UploadOptions says how to upload a file.
type UploadOptions struct {
	WriteOptions

	// Checksum announces a SHA-256, which the daemon checks; the source is read twice then.
	Checksum bool

	// ID is 8 to 64 letters, digits, _ or -. The same one continues an upload that another process began with the same
	// source; use it with Checksum. Empty makes a random one.
	ID string

	// OnProgress is called in bytes that have arrived, from the goroutine that called Upload.
	OnProgress func(Progress)
}

// source is what can be uploaded: bytes that can be read again after a break.
type source struct {
	io.ReaderAt
	size int64
}

func bytesSource(data []byte) source { return source{bytes.NewReader(data), int64(len(data))} }

// upload is a file on its way to the workspace.
type upload struct {
	stream
	noBytes
	noEvents

	sender  sender
	request protocol.FsUploadParams
	result  protocol.FsUploaded
}

// Upload sends a local file to the workspace. It appears at its name as a whole, when all of it has come. It fails with
// ErrUploadMismatch when what came is not what was announced; nothing was changed then.
func (f *FS) Upload(localPath, name string, options UploadOptions) (protocol.FileInfo, error) {
	local, err := os.Open(localPath)
	if err != nil {
		return protocol.FileInfo{}, err
	}
	defer local.Close()
	info, err := local.Stat()
	if err != nil {
		return protocol.FileInfo{}, err
	}
	return f.upload("upload", name, source{local, info.Size()}, options)
}

// UploadFrom sends size bytes to the workspace. The source is read again from where the daemon stands after a break.
func (f *FS) UploadFrom(from io.ReaderAt, size int64, name string, options UploadOptions) (protocol.FileInfo, error) {
	return f.upload("upload", name, source{from, size}, options)
}

func (f *FS) upload(op, name string, from source, options UploadOptions) (protocol.FileInfo, error) {
	full, err := f.resolve(op, name)
	if err != nil {
		return protocol.FileInfo{}, err
	}
	u := &upload{request: protocol.FsUploadParams{
		Workspace: f.workspace.id, Path: full, Upload: options.ID, Size: &from.size, Mode: options.mode(),
		IfMatch: options.IfMatch, Parents: options.Parents,
	}}
	if options.ID == "" {
		u.request.Upload = newID()
	}
	if options.Checksum {
		sum := sha256.New()
		if _, err := io.Copy(sum, io.NewSectionReader(from, 0, from.size)); err != nil {
			return protocol.FileInfo{}, pathError(op, name, err)
		}
		u.request.SHA256 = hex.EncodeToString(sum.Sum(nil))
	}
	u.stream.init(f.workspace.conn, "fs.upload", u, true)
	u.sender.init(&u.stream, true)
	err = u.send(f.ctx, from, options.OnProgress)
	return u.result.Info, pathError(op, name, err)
}

func (u *upload) send(ctx context.Context, from source, onProgress func(Progress)) error {
	if err := u.start(ctx); err != nil {
		return err
	}
	defer u.stop()
	gaveUp := func() error { return &InterruptedError{Method: "fs.upload", MayHaveRun: true, Err: ctx.Err()} }
	block := make([]byte, min(uploadBlock, from.size))
	for {
		u.mu.Lock()
		offset, arrived := u.sender.end, u.sender.acknowledged
		u.mu.Unlock()
		if onProgress != nil {
			onProgress(Progress{Done: arrived, Total: from.size})
		}
		if offset < from.size {
			n, err := from.ReadAt(block[:min(int64(len(block)), from.size-offset)], offset)
			if n == 0 {
				return errors.Join(errors.New("the source ended early"), err)
			}
			if _, err := u.sender.write(block[:n], offset, ctx.Done(), gaveUp); err != nil {
				return err
			}
			continue
		}
		u.sender.closeInput()
		over, err := u.sender.settle(ctx.Done(), gaveUp)
		if err != nil {
			return err
		}
		if over {
			if onProgress != nil {
				onProgress(Progress{Done: from.size, Total: from.size})
			}
			return nil
		}
	}
}

func (u *upload) params() any { return &u.request }

func (u *upload) onOpen(info json.RawMessage, _ bool) error {
	var open protocol.FsUploadOpen
	if err := open.UnmarshalJSON(info); err != nil {
		return err
	}
	if open.Offset > *u.request.Size {
		return violation("it continues the upload at %d of %d bytes", open.Offset, *u.request.Size)
	}
	return u.sender.attach(open.Offset, open.Window)
}

func (u *upload) onLost() { u.sender.detach() }

func (u *upload) refused(err error) error { return err }

func (u *upload) credit(limit int64) error { return u.sender.credit(limit) }

func (u *upload) ended(result json.RawMessage, err error) {
	if err == nil {
		if wrong := u.result.UnmarshalJSON(result); wrong != nil {
			err = violation("the result of fs.upload: %w", wrong)
		}
	}
	if err != nil {
		u.sender.fail(err)
	} else {
		u.sender.finish()
	}
}
