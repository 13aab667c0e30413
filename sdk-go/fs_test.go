package nexus_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/nexus-workspaces/nexus/sdk-go"
	"github.com/nexus-workspaces/nexus/sdk-go/protocol"
)

func TestFSKeepsTheContractOfPackageFS(t *testing.T) {
	ws := makeWorkspace(t, connect(t, nexus.Options{}))
	files := ws.FS()
	check(t, files.MkdirAll("deep/er/still", 0o755))
	check(t, files.WriteFile("deep/er/file.txt", []byte("some text"), 0o640))
	check(t, files.WriteFile("deep/empty", nil, 0o600))
	check(t, files.WriteFile("deep/bytes", pattern(3000), 0))
	check(t, files.Symlink("er/file.txt", "deep/link"))
	if err := fstest.TestFS(files, "README.md", "src/app.py", "deep/er/file.txt", "deep/empty", "deep/bytes"); err != nil {
		t.Fatal(err)
	}
	below := must[fs.FS](t)(files.Sub("deep"))
	if err := fstest.TestFS(below, "er/file.txt", "empty", "bytes"); err != nil {
		t.Fatal(err)
	}
}

func TestReadingFiles(t *testing.T) {
	ws := makeWorkspace(t, connect(t, nexus.Options{}))
	files := ws.FS().WithContext(testContext(t))
	large := pattern(5 << 20)
	info := must[protocol.FileInfo](t)(files.Write("large", large, nexus.WriteOptions{Mode: 0o600}))
	if info.Size != int64(len(large)) || info.Mode != "600" {
		t.Errorf("%+v", info)
	}
	if got := must[[]byte](t)(files.ReadFile("large")); !bytes.Equal(got, large) {
		t.Errorf("%d bytes differ", len(got))
	}
	opened := must[fs.File](t)(files.Open("large"))
	seeker := opened.(io.ReadSeeker)
	if end := must[int64](t)(seeker.Seek(-16, io.SeekEnd)); end != int64(len(large)-16) {
		t.Errorf("seek to %d", end)
	}
	if got := must[[]byte](t)(io.ReadAll(seeker)); !bytes.Equal(got, large[len(large)-16:]) {
		t.Errorf("%q", got)
	}
	window := make([]byte, 1<<20)
	n, err := opened.(io.ReaderAt).ReadAt(window, 1<<20)
	if err != nil || !bytes.Equal(window[:n], large[1<<20:2<<20]) {
		t.Errorf("%d, %v", n, err)
	}
	check(t, files.WriteFile("large", []byte("other"), 0))
	if _, err := opened.(io.ReaderAt).ReadAt(window[:10], 0); !errors.Is(err, nexus.ErrFileChanged) {
		t.Errorf("%v", err)
	}
	if _, err := seeker.Seek(0, io.SeekStart); err != nil {
		t.Error(err)
	}
	if _, err := io.ReadAll(seeker); !errors.Is(err, nexus.ErrFileChanged) {
		t.Errorf("%v", err)
	}
	check(t, opened.Close())
	if _, err := opened.Read(window); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("%v", err)
	}
	if data := must[[]byte](t)(files.ReadFile("README.md")); string(data) != "# Example\n" {
		t.Errorf("%q", data)
	}
	if _, err := files.Open("../outside"); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("%v", err)
	}
}

func TestErrorsOfFiles(t *testing.T) {
	files := makeWorkspace(t, connect(t, nexus.Options{})).FS()
	var wrapped *fs.PathError
	_, err := files.Stat("nothing")
	if !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, nexus.ErrPathNotFound) || !errors.As(err, &wrapped) {
		t.Errorf("%v", err)
	}
	if err := files.Mkdir("src", 0o755); !errors.Is(err, fs.ErrExist) {
		t.Errorf("%v", err)
	}
	if err := files.Remove("src"); !errors.Is(err, nexus.ErrDirectoryNotEmpty) {
		t.Errorf("%v", err)
	}
	empty := ""
	_, err = files.Write("README.md", nil, nexus.WriteOptions{IfMatch: &empty})
	if !errors.Is(err, nexus.ErrEtagMismatch) {
		t.Errorf("%v", err)
	}
	if err := files.Symlink("/etc/passwd", "escape"); err == nil {
		if _, err = files.ReadFile("escape"); err == nil {
			t.Error("a link led outside")
		}
	}
	if _, err := files.ReadLink("README.md"); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("%v", err)
	}
	if err := files.WriteFile("bad\xffname", nil, 0); err == nil {
		t.Error("a name that is not UTF-8 was written under another one")
	}
}

func TestChangingFiles(t *testing.T) {
	files := makeWorkspace(t, connect(t, nexus.Options{})).FS()
	check(t, files.WriteFile("a", []byte("\x00\xff binary"), 0o644))
	check(t, files.Chmod("a", 0o755))
	if info := must[fs.FileInfo](t)(files.Stat("a")); info.Mode() != 0o755 {
		t.Errorf("%v", info.Mode())
	}
	check(t, files.Rename("a", "b"))
	must[protocol.FileInfo](t)(files.Copy("b", "sub/c", nexus.CopyOptions{Parents: true}))
	if data := must[[]byte](t)(files.ReadFile("sub/c")); string(data) != "\x00\xff binary" {
		t.Errorf("%q", data)
	}
	check(t, files.Symlink("c", "sub/l"))
	if target := must[string](t)(files.ReadLink("sub/l")); target != "c" {
		t.Errorf("%q", target)
	}
	if info := must[fs.FileInfo](t)(files.Lstat("sub/l")); info.Mode().Type() != fs.ModeSymlink {
		t.Errorf("%v", info.Mode())
	}
	edited := must[protocol.FsEdited](t)(files.Edit("README.md", nexus.EditParams{
		Edits: []protocol.FsEdit{{Old: "Example", New: "Changed"}},
	}))
	if edited.Replacements != 1 || string(must[[]byte](t)(files.ReadFile("README.md"))) != "# Changed\n" {
		t.Errorf("%+v", edited)
	}
	_, err := files.Edit("README.md", nexus.EditParams{Edits: []protocol.FsEdit{{Old: "nowhere", New: ""}}})
	if !errors.Is(err, nexus.ErrEditFailed) {
		t.Errorf("%v", err)
	}
	var remote *nexus.RemoteError
	if !errors.As(err, &remote) || remote.Details.(*protocol.EditData).Path != "README.md" {
		t.Errorf("%+v", remote)
	}
	check(t, files.Remove("b"))
	check(t, files.RemoveAll("sub"))
	check(t, files.RemoveAll("sub"))
	found := must[[]string](t)(files.Find("**/*.py"))
	if !slices.Equal(found, []string{"src/app.py"}) {
		t.Errorf("%q", found)
	}
	var paths []string
	for entry, err := range files.Entries(".", 5, true) {
		check(t, err)
		paths = append(paths, entry.Path)
	}
	if !slices.Equal(paths, []string{"README.md", "src", "src/app.py"}) {
		t.Errorf("%q", paths)
	}
}

func TestUploadAndDownload(t *testing.T) {
	files := makeWorkspace(t, connect(t, nexus.Options{})).FS()
	directory := t.TempDir()
	source, target := filepath.Join(directory, "source"), filepath.Join(directory, "target")
	data := pattern(9<<20 + 7)
	check(t, os.WriteFile(source, data, 0o600))
	var last nexus.Progress
	options := nexus.UploadOptions{Checksum: true, OnProgress: func(p nexus.Progress) {
		if p.Done < last.Done {
			t.Errorf("progress went back from %d to %d", last.Done, p.Done)
		}
		last = p
	}}
	options.Parents = true
	info := must[protocol.FileInfo](t)(files.Upload(source, "up/loaded", options))
	if info.Size != int64(len(data)) || last.Done != info.Size || last.Total != info.Size {
		t.Errorf("%+v after %+v", info, last)
	}
	last = nexus.Progress{}
	must[protocol.FileInfo](t)(files.Download("up/loaded", target, nexus.DownloadOptions{
		OnProgress: func(p nexus.Progress) { last = p },
	}))
	if got := must[[]byte](t)(os.ReadFile(target)); !bytes.Equal(got, data) || last.Done != info.Size {
		t.Errorf("%d bytes differ, %+v", len(got), last)
	}
	if left := must[[]string](t)(filepath.Glob(filepath.Join(directory, ".*"))); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	if _, err := files.Download("nothing", target, nexus.DownloadOptions{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	must[protocol.FileInfo](t)(files.UploadFrom(bytes.NewReader(nil), 0, "empty", nexus.UploadOptions{}))
	must[protocol.FileInfo](t)(files.Download("empty", target, nexus.DownloadOptions{}))
	if got := must[[]byte](t)(os.ReadFile(target)); len(got) != 0 {
		t.Errorf("%d bytes in an empty file", len(got))
	}
	short := bytes.NewReader(data[:10])
	if _, err := files.UploadFrom(short, 11, "short", nexus.UploadOptions{}); err == nil {
		t.Error("a source that ended early was uploaded")
	}
}

func TestDownloadContinuesAPart(t *testing.T) {
	files := makeWorkspace(t, connect(t, nexus.Options{})).FS()
	data := pattern(2 << 20)
	must[protocol.FileInfo](t)(files.Write("f", data, nexus.WriteOptions{}))
	target := filepath.Join(t.TempDir(), "f")
	stop := errors.New("stop here")
	func() {
		defer func() {
			if recovered := recover(); recovered != stop {
				t.Errorf("%v", recovered)
			}
		}()
		_, _ = files.Download("f", target, nexus.DownloadOptions{OnProgress: func(nexus.Progress) { panic(stop) }})
	}()
	if _, err := os.Stat(target); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("half a file is in place: %v", err)
	}
	first := int64(-1)
	must[protocol.FileInfo](t)(files.Download("f", target, nexus.DownloadOptions{OnProgress: func(p nexus.Progress) {
		if first < 0 {
			first = p.Done
		}
	}}))
	if got := must[[]byte](t)(os.ReadFile(target)); !bytes.Equal(got, data) || first <= 65536 {
		t.Errorf("%d bytes differ, begun at %d", len(got), first)
	}
}
