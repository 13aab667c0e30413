package tree

import "sort"

// Found is the living processes of a tree, descendants before their parents.
type Found []Proc

// Root names a started process.
type Root struct {
	// Process is its id, as in the marker.
	Process string
	// PID is its process id, whether it still lives or not.
	PID int
	// Started is its start time, so that its number is not taken for it when somebody else has got it.
	Started uint64
}

// Find returns the living processes of started processes.
func (c *Census) Find(roots ...Root) Found {
	var seeds []int
	for _, root := range roots {
		seeds = append(seeds, c.marked(root.Process)...)
		leader, alive := c.Processes[root.PID]
		if alive && leader.Started != root.Started {
			continue
		}
		// Nobody else can have got the number as a session's while a member of the session is left.
		for _, pid := range append([]int{root.PID}, c.sessions[root.PID]...) {
			if process, here := c.Processes[pid]; here && process.Started >= root.Started {
				seeds = append(seeds, pid)
			}
		}
	}
	return c.collect(seeds)
}

// All returns every living process that is neither ours nor an ancestor of ours; as PID 1 that is the whole container.
func (c *Census) All() Found {
	seeds := make([]int, 0, len(c.Processes))
	for pid := range c.Processes {
		seeds = append(seeds, pid)
	}
	return c.collect(seeds)
}

// Without returns those of found that are not in kept.
func (f Found) Without(kept Found) Found {
	keep := make(map[int]bool, len(kept))
	for _, process := range kept {
		keep[process.PID] = true
	}
	var rest Found
	for _, process := range f {
		if !keep[process.PID] {
			rest = append(rest, process)
		}
	}
	return rest
}

func (c *Census) collect(seeds []int) Found {
	type step struct{ pid, level int }
	depth := map[int]int{}
	var stack []step
	for _, seed := range seeds {
		stack = append(stack[:0], step{seed, 0})
		for len(stack) > 0 {
			here := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			level, seen := depth[here.pid]
			// A walk is no photograph: parents that were read at different moments could point at each other.
			if c.ancestors[here.pid] || (seen && level >= here.level) || here.level > len(c.Processes) {
				continue
			}
			depth[here.pid] = here.level
			for _, child := range c.children[here.pid] {
				stack = append(stack, step{child, here.level + 1})
			}
		}
	}
	var found Found
	for pid := range depth {
		if process := c.Processes[pid]; !process.Zombie() && !process.Kernel {
			found = append(found, process)
		}
	}
	sort.Slice(found, func(a, b int) bool {
		if depth[found[a].PID] != depth[found[b].PID] {
			return depth[found[a].PID] > depth[found[b].PID]
		}
		return found[a].PID > found[b].PID
	})
	return found
}
