// Command nexus-init runs the processes of one workspace: as PID 1 of its container, or as their keeper on the host.
//
//	nexus-init run --socket PATH --secret-file PATH [--name ID] [--keep] [-- argv…]
//	nexus-init version
//
// PROTOCOL.md says what it and nexusd say to each other. The commands `stage` and `resume` are its own.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/nexus-workspaces/nexus/init/internal/process"
	"github.com/nexus-workspaces/nexus/init/internal/version"
)

const usage = `usage:
  nexus-init run --socket PATH --secret-file PATH [--name ID] [--keep] [-- argv...]
  nexus-init version
`

func main() {
	os.Exit(command(os.Args[1:]))
}

func command(arguments []string) int {
	if len(arguments) == 0 {
		fmt.Fprint(os.Stderr, usage)
		return 2
	}
	var err error
	switch name, rest := arguments[0], arguments[1:]; {
	case name == "run":
		err = run(rest)
	case name == "version" && len(rest) == 0:
		err = json.NewEncoder(os.Stdout).Encode(version.Current())
	case name == "stage" && len(rest) == 1:
		return process.RunStage(rest[0])
	case name == "resume" && len(rest) == 1:
		err = resume(rest[0])
	default:
		fmt.Fprint(os.Stderr, usage)
		return 2
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "nexus-init: %v\n", err)
		return 1
	}
	return 0
}
