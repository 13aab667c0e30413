// Package version says which program this is, and what it speaks.
package version

// Version and Build are set by the linker.
var (
	Version = "0.1.0"
	Build   = "unknown"
)

// Protocol is the version of the protocol that we speak with nexusd.
const Protocol = 1

// Handover is the version of the state that an upgrade hands over. It changes when an older program's state could no
// longer be read.
const Handover = 1

// Info is what `nexus-init version` prints.
type Info struct {
	Version   string `json:"version"`
	Build     string `json:"build"`
	Protocols []int  `json:"protocols"`
	Handovers []int  `json:"handovers"`
}

// Current describes this program.
func Current() Info {
	return Info{Version, Build, []int{Protocol}, []int{Handover}}
}
