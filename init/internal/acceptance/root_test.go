package acceptance

import (
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

func TestTheRootIsThatOfItsOwnMounts(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make a mount namespace")
	}
	// Something that is at a place in there and not out here.
	setUp := `mount -t tmpfs none /mnt && mkdir /mnt/only && echo inside > /mnt/only/here && exec "$0" "$@"`
	m := keeper(t, "unshare", "--mount", "sh", "-c", setUp)
	d := m.connect()
	first, second := d.root(), d.root()
	if first == second {
		t.Error("the same descriptor came twice")
	}
	syscall.Close(second)
	defer syscall.Close(first)
	if _, err := os.Stat("/mnt/only"); !os.IsNotExist(err) {
		t.Fatalf("the mount is seen outside: %v", err)
	}
	found, err := os.ReadFile(filepath.Join("/proc/self/fd", strconv.Itoa(first), "mnt/only/here"))
	if string(found) != "inside\n" || err != nil {
		t.Errorf("%q, %v", found, err)
	}
	// It leads to files, and is good for nothing by itself.
	if _, err := syscall.ReadDirent(first, make([]byte, 4096)); err != syscall.EBADF {
		t.Errorf("it can be read: %v", err)
	}
	if name := d.call("root", object{"path": "/etc"}); name != "invalid_params" {
		t.Error(name)
	}
}

// root asks for the root directory.
func (d *daemon) root() int {
	d.m.t.Helper()
	id, err := d.request("root", object{})
	if err == nil {
		_, err = d.answer(id)
	}
	if err != nil {
		d.m.t.Fatal(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.files[id]
}
