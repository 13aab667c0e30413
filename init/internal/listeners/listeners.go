// Package listeners finds the TCP ports that processes listen on.
package listeners

import (
	"bufio"
	"encoding/hex"
	"net/netip"
	"os"
	"sort"
	"strconv"
	"strings"

	"github.com/nexus-workspaces/nexus/init/internal/tree"
)

// listen is TCP_LISTEN in /proc/net/tcp.
const listen = "0A"

// Listener is a socket that listens.
type Listener struct {
	Port    int    `json:"port"`
	Address string `json:"address"`
	// PID is a process that holds it open, the one with the lowest number.
	PID     int    `json:"pid"`
	Command string `json:"command"`
	// Process is the started process that it descends from; empty where it descends from none.
	Process string `json:"process"`

	inode string
}

// Find returns what the given processes listen on, by port, each socket once. owners says which started process each
// belongs to.
func Find(processes tree.Found, owners map[int]string) []Listener {
	sockets := map[string]Listener{}
	for _, table := range [...]string{"/proc/net/tcp", "/proc/net/tcp6"} {
		for _, listener := range read(table) {
			sockets[listener.inode] = listener
		}
	}
	found := []Listener{}
	sorted := append(tree.Found(nil), processes...)
	sort.Slice(sorted, func(a, b int) bool { return sorted[a].PID < sorted[b].PID })
	for _, process := range sorted {
		if len(sockets) == 0 {
			break
		}
		for _, inode := range inodes(process.PID) {
			if listener, listens := sockets[inode]; listens {
				delete(sockets, inode)
				listener.PID, listener.Process = process.PID, owners[process.PID]
				listener.Command = command(process.PID)
				found = append(found, listener)
			}
		}
	}
	sort.Slice(found, func(a, b int) bool {
		if found[a].Port != found[b].Port {
			return found[a].Port < found[b].Port
		}
		return found[a].Address < found[b].Address
	})
	return found
}

func read(table string) []Listener {
	file, err := os.Open(table)
	if err != nil {
		// A kernel without IPv6.
		return nil
	}
	defer file.Close()
	var found []Listener
	for lines := bufio.NewScanner(file); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 10 || fields[3] != listen {
			continue
		}
		address, number, _ := strings.Cut(fields[1], ":")
		port, err := strconv.ParseUint(number, 16, 16)
		if err != nil {
			continue
		}
		found = append(found, Listener{Port: int(port), Address: parseAddress(address), inode: fields[9]})
	}
	return found
}

// parseAddress reads words of 32 bits in the machine's byte order, each written as one number (proc(5)). Both of our
// architectures put the low byte first.
func parseAddress(text string) string {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw)%4 != 0 {
		return ""
	}
	for at := 0; at < len(raw); at += 4 {
		raw[at], raw[at+1], raw[at+2], raw[at+3] = raw[at+3], raw[at+2], raw[at+1], raw[at]
	}
	address, ok := netip.AddrFromSlice(raw)
	if !ok {
		return ""
	}
	return address.String()
}

// inodes returns the sockets that a process holds open.
func inodes(pid int) []string {
	folder := "/proc/" + strconv.Itoa(pid) + "/fd"
	var found []string
	// Some kernels let root list the descriptors of others and only refuse to say what they are.
	tree.AsOwner(pid, func() error {
		directory, err := os.Open(folder)
		if err != nil {
			return errno(err)
		}
		defer directory.Close()
		names, _ := directory.Readdirnames(-1)
		for _, name := range names {
			target, err := os.Readlink(folder + "/" + name)
			if os.IsPermission(err) {
				return errno(err)
			}
			if inode, socket := strings.CutPrefix(target, "socket:["); socket {
				found = append(found, strings.TrimSuffix(inode, "]"))
			}
		}
		return nil
	})
	return found
}

func errno(err error) error {
	if failure, ok := err.(*os.PathError); ok {
		return failure.Err
	}
	return err
}

func command(pid int) string {
	name, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm")
	if err != nil {
		return ""
	}
	return strings.ToValidUTF8(strings.TrimSuffix(string(name), "\n"), "�")
}
