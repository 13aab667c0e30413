package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"

	"github.com/nexus-workspaces/nexus/init/internal/process"
	"github.com/nexus-workspaces/nexus/init/internal/publish"
	"github.com/nexus-workspaces/nexus/init/internal/seal"
	"github.com/nexus-workspaces/nexus/init/internal/session"
	"github.com/nexus-workspaces/nexus/init/internal/upgrade"
	"github.com/nexus-workspaces/nexus/init/internal/wire"
)

const (
	secretSize = 32
	bootSize   = 16
	// signalGrace is between TERM and KILL when a signal tells us to end.
	signalGrace = 10 * time.Second
	// atOnce is on how many processors Go code runs. What we do is short, and most of it is one goroutine waking another:
	// with more, the other is woken on another processor, which takes longer than it does. System calls that take long are
	// not counted.
	atOnce = 1
	// collectAt is how much garbage, in percent of what is in use, is left to lie: we are small and want to stay so.
	collectAt = 40
)

// run starts afresh. It returns only with an error.
func run(arguments []string) error {
	identity, argv, secretFile, err := parse(arguments)
	if err != nil {
		return err
	}
	if err := settle(identity.Keep); err != nil {
		return err
	}
	if identity.Secret, err = readSecret(secretFile); err != nil {
		return err
	}
	boot := make([]byte, bootSize)
	rand.Read(boot)
	identity.Boot, identity.Generation = hex.EncodeToString(boot), 1
	server := newServer(identity)
	go server.Table.Run()
	if err := server.Listen(); err != nil {
		return err
	}
	if len(argv) > 0 {
		if failure := server.Table.SpawnMain(argv); failure != nil {
			return fmt.Errorf("unable to start the main process: %w", failure)
		}
	}
	return server.Serve()
}

// resume goes on where an earlier program in this process left off.
func resume(text string) error {
	exposed := seal.Open()
	fd, err := strconv.Atoi(text)
	if err != nil {
		return fmt.Errorf("unable to resume: %w", err)
	}
	if err := seal.Close(); err != nil {
		return err
	}
	if exposed {
		fmt.Fprintln(os.Stderr, "nexus-init: during the upgrade other processes could look into this one")
	}
	state, err := upgrade.Read(fd)
	if err != nil {
		return err
	}
	if err := settle(state.Keep); err != nil {
		return err
	}
	table, ports, listener := state.Table, state.Ports, state.ListenFD
	state.Table, state.Ports = process.SavedTable{}, publish.Saved{}
	server := newServer(*state)
	if err := server.Resume(listener); err != nil {
		return err
	}
	server.Table.Load(table)
	server.Ports.Load(ports)
	go server.Table.Run()
	return server.Serve()
}

func parse(arguments []string) (identity upgrade.State, argv []string, secretFile string, err error) {
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	flags.StringVar(&identity.Socket, "socket", "", "where to listen")
	flags.StringVar(&secretFile, "secret-file", "", "file with the secret, 32 bytes; it is removed")
	flags.StringVar(&identity.Name, "name", "", "the workspace's id")
	idle := flags.Duration("idle", 0, "with --keep: end when for so long there is neither a daemon nor a process")
	flags.BoolVar(&identity.Keep, "keep", false, "keep one workspace's processes on a host, not as PID 1")
	if err = flags.Parse(arguments); err != nil {
		return
	}
	if identity.Socket == "" || secretFile == "" {
		err = errors.New("--socket and --secret-file are needed")
		return
	}
	identity.IdleMS = idle.Milliseconds()
	if identity.Socket, err = filepath.Abs(identity.Socket); err != nil {
		return
	}
	if !identity.Keep && os.Getpid() != 1 {
		err = errors.New("without --keep this must be PID 1")
	}
	return identity, flags.Args(), secretFile, err
}

// settle makes this process the parent of its descendants, and hides it from them.
func settle(keep bool) error {
	runtime.GOMAXPROCS(atOnce)
	debug.SetGCPercent(collectAt)
	process.ResetThreadSignals()
	if err := seal.Close(); err != nil {
		return err
	}
	if !keep {
		return nil
	}
	session, _, _ := syscall.RawSyscall(syscall.SYS_GETSID, 0, 0, 0)
	if int(session) != os.Getpid() {
		if _, err := syscall.Setsid(); err != nil {
			return fmt.Errorf("unable to begin a session: %w (start nexus-init in a new session, or not as a group's leader)", err)
		}
	}
	return seal.Subreap()
}

// readSecret reads the secret, and removes the file that it was in.
func readSecret(path string) ([]byte, error) {
	secret, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("unable to read the secret: %w", err)
	}
	if err := os.Remove(path); err != nil {
		return nil, fmt.Errorf("unable to remove the secret's file: %w", err)
	}
	if len(secret) != secretSize {
		return nil, fmt.Errorf("the secret has %d bytes, not %d", len(secret), secretSize)
	}
	return secret, nil
}

func newServer(identity upgrade.State) *session.Server {
	ends, others := make(chan os.Signal, 1), make(chan os.Signal, 1)
	server := &session.Server{
		Table:    process.NewTable(),
		Ports:    publish.New(),
		Identity: identity,
		Exit:     os.Exit,
		Resignal: func() {
			signal.Notify(ends, syscall.SIGTERM, syscall.SIGINT)
			// These we want for nobody. Being asked for, they have their usual meaning again in the programs that we
			// start, even if whoever started us ignored them.
			signal.Notify(others, syscall.SIGHUP, syscall.SIGPIPE, syscall.SIGXFSZ, syscall.SIGQUIT, syscall.SIGUSR1,
				syscall.SIGUSR2, syscall.SIGALRM, syscall.SIGTTIN, syscall.SIGTTOU, syscall.SIGTSTP)
		},
	}
	server.Resignal()
	go func() {
		for range ends {
			server.Shutdown(signalGrace, func(failure *wire.Error) {
				if failure != nil {
					fmt.Fprintf(os.Stderr, "nexus-init: %v\n", failure)
					os.Exit(1)
				}
			})
		}
	}()
	return server
}
