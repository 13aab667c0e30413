package nexus_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net/http"
	"os"
	"strings"

	"github.com/nexus-workspaces/nexus/sdk-go"
	"github.com/nexus-workspaces/nexus/sdk-go/protocol"
)

// exampleWorkspace makes a workspace, and returns a function that takes it down.
func exampleWorkspace(name string) (*nexus.Workspace, func()) {
	ctx := context.Background()
	client, err := nexus.Connect(ctx, nexus.Options{})
	if err != nil {
		log.Panic(err)
	}
	ws, err := client.Workspaces().Create(ctx, nexus.CreateOptions{Name: "go-" + name, Repository: world.repository})
	if err != nil {
		log.Panic(err)
	}
	return ws, func() {
		if _, err := ws.Destroy(ctx, nexus.DestroyOptions{Force: true, DeleteBranch: true}); err != nil {
			log.Panic(err)
		}
		_ = client.Close()
	}
}

func ExampleConnect() {
	ctx := context.Background()
	// Finds the daemon by NEXUS_URL and NEXUS_TOKEN, or by its Unix socket.
	client, err := nexus.Connect(ctx, nexus.Options{})
	if err != nil {
		log.Panic(err)
	}
	defer client.Close()

	ws, err := client.Workspaces().Create(ctx, nexus.CreateOptions{
		Name:       "go-example",
		Repository: world.repository, // a path, or a URL that git can fetch
	})
	if err != nil {
		log.Panic(err)
	}
	fmt.Println(ws.Name(), ws.State())

	_, err = ws.Destroy(ctx, nexus.DestroyOptions{Force: true, DeleteBranch: true})
	fmt.Println(ws.State(), err)
	// Output:
	// go-example running
	// destroyed <nil>
}

func ExampleWorkspace_CommandContext() {
	ws, done := exampleWorkspace("command")
	defer done()

	// The command is killed when the context ends.
	cmd := ws.CommandContext(context.Background(), "sh", "-c", "tr a-z A-Z; exit 3")
	cmd.Stdin = strings.NewReader("hello\n")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	err := cmd.Run()

	var exit *nexus.ExitError
	if errors.As(err, &exit) {
		fmt.Println("it ended with", exit.ExitCode())
	}
	// Output:
	// HELLO
	// it ended with 3
}

func ExampleCmd_Output() {
	ws, done := exampleWorkspace("output")
	defer done()

	output, err := ws.Command("git", "log", "-1", "--format=%s").Output()
	fmt.Printf("%s%v\n", output, err)
	// Output:
	// first
	// <nil>
}

func ExampleWorkspace_Attach() {
	ws, done := exampleWorkspace("attach")
	defer done()
	ctx := context.Background()
	cmd := ws.Command("sh", "-c", "echo one; echo two")
	if err := cmd.Run(); err != nil {
		log.Panic(err)
	}

	// Follow it from its fifth byte, here and later, in this program or another one.
	attachment, err := ws.Attach(ctx, cmd.Process.ID, 4)
	if err != nil {
		log.Panic(err)
	}
	state, err := attachment.Copy(os.Stdout, os.Stderr)
	fmt.Println(state, err)
	// Output:
	// two
	// exit status 0 <nil>
}

func ExampleWorkspace_FS() {
	ws, done := exampleWorkspace("files")
	defer done()
	files := ws.FS()

	if err := files.WriteFile("notes/today.md", []byte("# Today\n"), 0o644); err != nil {
		fmt.Println("there is no directory:", errors.Is(err, fs.ErrNotExist))
	}
	if err := files.MkdirAll("notes", 0o755); err != nil {
		log.Panic(err)
	}
	if err := files.WriteFile("notes/today.md", []byte("# Today\n"), 0o644); err != nil {
		log.Panic(err)
	}
	err := fs.WalkDir(files, "notes", func(path string, entry fs.DirEntry, err error) error {
		fmt.Println(path, entry.IsDir())
		return err
	})
	fmt.Println(err)
	// Output:
	// there is no directory: true
	// notes true
	// notes/today.md false
	// <nil>
}

func ExampleFS_Edit() {
	ws, done := exampleWorkspace("edit")
	defer done()

	edited, err := ws.FS().Edit("README.md", nexus.EditParams{
		Edits: []protocol.FsEdit{{Old: "Example", New: "Changed"}},
	})
	fmt.Println(edited.Replacements, err)
	// Output: 1 <nil>
}

func ExampleWorkspace_DialContext() {
	ws, done := exampleWorkspace("dial")
	defer done()
	port := startWebServer(ws)

	client := &http.Client{Transport: &http.Transport{DialContext: ws.DialContext, DisableKeepAlives: true}}
	response, err := client.Get(fmt.Sprintf("http://localhost:%d/README.md", port))
	if err != nil {
		log.Panic(err)
	}
	defer response.Body.Close()
	_, err = io.Copy(os.Stdout, response.Body)
	fmt.Println(response.StatusCode, err)
	// Output:
	// # Example
	// 200 <nil>
}

// startWebServer serves the workspace's files from inside it, and returns the port.
func startWebServer(ws *nexus.Workspace) (port int) {
	cmd := ws.Command("python3", "-uc", web)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		log.Panic(err)
	}
	if err := cmd.Start(); err != nil {
		log.Panic(err)
	}
	if _, err := fmt.Fscan(stdout, &port); err != nil {
		log.Panic(err)
	}
	return port
}

func ExampleWorkspace_OpenWatch() {
	ws, done := exampleWorkspace("watch")
	defer done()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()

	watch, err := ws.OpenWatch(ctx, nexus.WatchOptions{Path: "src"})
	if err != nil {
		log.Panic(err)
	}
	defer watch.Close()
	if err := ws.FS().WriteFile("src/new.py", nil, 0o644); err != nil {
		log.Panic(err)
	}
	for event, err := range watch.Events() {
		if err != nil {
			log.Panic(err)
		}
		if event.Overflow {
			fmt.Println("list again")
		} else if event.Path == "src/new.py" {
			fmt.Println(event.Path)
			break
		}
	}
	// Output: src/new.py
}

func ExampleWorkspaces_List() {
	_, done := exampleWorkspace("list")
	defer done()
	ctx := context.Background()
	client, err := nexus.Connect(ctx, nexus.Options{})
	if err != nil {
		log.Panic(err)
	}
	defer client.Close()

	for ws, err := range client.Workspaces().List(ctx, nexus.ListOptions{Repository: world.repository}) {
		if err != nil {
			log.Panic(err)
		}
		if ws.Name() == "go-list" {
			fmt.Println(ws.Name(), ws.State())
		}
	}
	// Output: go-list running
}

func ExampleRemoteError() {
	ctx := context.Background()
	client, err := nexus.Connect(ctx, nexus.Options{})
	if err != nil {
		log.Panic(err)
	}
	defer client.Close()

	_, err = client.Workspaces().Get(ctx, "missing")
	var remote *nexus.RemoteError
	if errors.As(err, &remote) && errors.Is(err, nexus.ErrWorkspaceNotFound) {
		fmt.Println(remote.Name, remote.Details.(*protocol.WorkspaceRef).Workspace)
	}
	// Output: workspace_not_found missing
}
