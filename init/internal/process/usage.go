package process

import (
	"os"

	"github.com/nexus-workspaces/nexus/init/internal/tree"
)

// Usage is what living processes use now.
type Usage struct {
	// CPUMS is user and system time in milliseconds.
	CPUMS uint64 `json:"cpu_ms"`
	// Memory is resident bytes.
	Memory    uint64 `json:"memory"`
	Processes int    `json:"processes"`
}

// ticksPerSecond is what the kernel counts time in towards programs, on every architecture that we run on.
const ticksPerSecond = 100

func usage(found tree.Found) Usage {
	var sum Usage
	for _, process := range found {
		sum.CPUMS += process.CPU * 1000 / ticksPerSecond
		sum.Memory += process.Memory * uint64(os.Getpagesize())
		sum.Processes++
	}
	return sum
}

// Usage returns what each process and its descendants use, by id, and the sum: as PID 1 of everything but ourselves.
func (t *Table) Usage(everything bool) (Usage, map[string]Usage) {
	now := t.Lookout.Census()
	each := map[string]Usage{}
	var roots []tree.Root
	for _, process := range t.List() {
		root := process.Root()
		roots = append(roots, root)
		each[process.ID] = usage(now.Find(root))
	}
	if everything {
		return usage(now.All()), each
	}
	return usage(now.Find(roots...)), each
}

// Owners returns which process each living process belongs to, by process id.
func (t *Table) Owners(now *tree.Census) map[int]string {
	owners := map[int]string{}
	for _, process := range t.List() {
		for _, member := range now.Find(process.Root()) {
			owners[member.PID] = process.ID
		}
	}
	return owners
}
