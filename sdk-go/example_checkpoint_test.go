package nexus_test

import (
	"context"
	"fmt"
	"log"

	"github.com/nexus-workspaces/nexus/sdk-go"
)

func ExampleCheckpoints_Create() {
	ws, done := exampleWorkspace("checkpoint")
	defer done()
	ctx := context.Background()

	saved, err := ws.Checkpoints().Create(ctx, nexus.CheckpointOptions{Name: "before the upgrade"})
	if err != nil {
		log.Panic(err)
	}
	if err := ws.FS().WriteFile("README.md", []byte("# Upgraded\n"), 0); err != nil {
		log.Panic(err)
	}
	restored, err := ws.Restore(ctx, saved.ID, nexus.LifecycleOptions{})
	if err != nil {
		log.Panic(err)
	}
	text, err := ws.FS().ReadFile("README.md")
	fmt.Printf("%s%v\n", text, err)

	// What it was until then is a checkpoint too, and leads back again.
	if _, err := ws.Restore(ctx, restored.Before.ID, nexus.LifecycleOptions{}); err != nil {
		log.Panic(err)
	}
	text, err = ws.FS().ReadFile("README.md")
	fmt.Printf("%s%v\n", text, err)
	// Output:
	// # Example
	// <nil>
	// # Upgraded
	// <nil>
}

func ExampleCheckpoints_List() {
	ws, done := exampleWorkspace("checkpoints")
	defer done()
	ctx := context.Background()
	for _, name := range []string{"first", "second"} {
		if _, err := ws.Checkpoints().Create(ctx, nexus.CheckpointOptions{Name: name}); err != nil {
			log.Panic(err)
		}
	}

	for checkpoint, err := range ws.Checkpoints().List(ctx) {
		if err != nil {
			log.Panic(err)
		}
		fmt.Println(checkpoint.Name, checkpoint.State)
	}
	// Output:
	// second ready
	// first ready
}

func ExampleWorkspaces_Fork() {
	ws, done := exampleWorkspace("fork")
	defer done()
	ctx := context.Background()
	client, err := nexus.Connect(ctx, nexus.Options{})
	if err != nil {
		log.Panic(err)
	}
	defer client.Close()

	fork, err := client.Workspaces().Fork(ctx, nexus.ForkOptions{Name: "go-fork-2", Workspace: ws.ID()})
	if err != nil {
		log.Panic(err)
	}
	fmt.Println(fork.Name(), fork.State(), fork.Branch())

	_, err = fork.Destroy(ctx, nexus.DestroyOptions{Force: true, DeleteBranch: true})
	fmt.Println(fork.State(), err)
	// Output:
	// go-fork-2 running nexus/go-fork-2
	// destroyed <nil>
}
