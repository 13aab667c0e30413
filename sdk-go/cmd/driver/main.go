// Driver lets a program in another language use this SDK: it reads cases from standard input, one JSON object per line,
// and answers each on standard output. The protocol is in tests/driver/README.md.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/nexus-workspaces/nexus/sdk-go"
)

const (
	defaultDeadline = time.Minute
	longestLine     = 16 << 20
)

// testCase is one line of input.
type testCase struct {
	ID                 json.RawMessage   `json:"id"`
	Do                 string            `json:"do"`
	TimeoutMS          *int64            `json:"timeout_ms"`
	URL                string            `json:"url"`
	Token              string            `json:"token"`
	ReconnectTimeoutMS *int64            `json:"reconnect_timeout_ms"`
	Method             string            `json:"method"`
	Params             json.RawMessage   `json:"params"`
	Workspace          string            `json:"workspace"`
	Argv               []string          `json:"argv"`
	Stdin              *[]byte           `json:"stdin"`
	Process            string            `json:"process"`
	Offset             int64             `json:"offset"`
	Limit              *int              `json:"limit"`
	Digest             bool              `json:"digest"`
	Source             string            `json:"source"`
	Path               string            `json:"path"`
	Target             string            `json:"target"`
	Pattern            string            `json:"pattern"`
	Touch              []string          `json:"touch"`
	Count              int               `json:"count"`
	Labels             map[string]string `json:"labels"`
	Port               int               `json:"port"`
	Send               []byte            `json:"send"`
}

// answer is one line of output.
type answer struct {
	ID     json.RawMessage `json:"id"`
	OK     bool            `json:"ok"`
	Result any             `json:"result,omitzero"`
	Error  *told           `json:"error,omitzero"`
}

// told is an error as the runner compares it.
type told struct {
	Name       string `json:"name"`
	Code       *int   `json:"code"`
	Message    string `json:"message"`
	MayHaveRun bool   `json:"may_have_run"`
}

func tell(err error) *told {
	t := &told{Name: nexus.ErrorName(err), Message: err.Error(), MayHaveRun: nexus.MayHaveRun(err)}
	var remote *nexus.RemoteError
	if errors.As(err, &remote) {
		t.Code = &remote.Code
	}
	if t.Name == "" {
		t.Name, t.MayHaveRun = "internal", true
	}
	return t
}

// driver works on cases as they come, several at a time.
type driver struct {
	out   sync.Mutex
	lines *json.Encoder
	under sync.WaitGroup

	mu     sync.Mutex
	client *nexus.Client
}

func main() {
	d := &driver{lines: json.NewEncoder(os.Stdout)}
	if err := d.run(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func (d *driver) run(in io.Reader) error {
	scanner := bufio.NewScanner(in)
	scanner.Buffer(nil, longestLine)
	for scanner.Scan() {
		if len(scanner.Bytes()) == 0 {
			continue
		}
		var one testCase
		if err := json.Unmarshal(scanner.Bytes(), &one); err != nil {
			return err
		}
		switch one.Do {
		case "connect":
			d.handle(one)
		case "close":
			d.under.Wait()
			d.handle(one)
		default:
			d.under.Add(1)
			go func() {
				defer d.under.Done()
				d.handle(one)
			}()
		}
	}
	d.under.Wait()
	return errors.Join(scanner.Err(), d.close())
}

func (d *driver) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.client == nil {
		return nil
	}
	err := d.client.Close()
	d.client = nil
	return err
}

func limitOf(one testCase) time.Duration {
	if one.TimeoutMS == nil {
		return defaultDeadline
	}
	return time.Duration(*one.TimeoutMS) * time.Millisecond
}

func (d *driver) handle(one testCase) {
	limit := limitOf(one)
	if one.Do == "connect" {
		limit += time.Second // it knows its own deadline
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	result, err := d.do(ctx, one)
	out := answer{ID: one.ID, OK: err == nil, Result: result}
	if err != nil {
		out.Result, out.Error = nil, tell(err)
		if late := ctx.Err() != nil && out.Error.Name == "call_timeout"; late && one.Do != "call" {
			out.Error.MayHaveRun = true // what was done before the deadline is not told
		}
	}
	d.out.Lock()
	defer d.out.Unlock()
	if err := d.lines.Encode(out); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

func (d *driver) do(ctx context.Context, one testCase) (any, error) {
	switch one.Do {
	case "connect":
		return d.connect(ctx, one)
	case "close":
		return struct{}{}, d.close()
	}
	d.mu.Lock()
	client := d.client
	d.mu.Unlock()
	if client == nil {
		return nil, &nexus.ConnectError{Err: errors.New("connect first")}
	}
	run, known := cases[one.Do]
	if !known {
		return nil, fmt.Errorf("no case is called %s", one.Do)
	}
	return run(ctx, client, one)
}

func (d *driver) connect(ctx context.Context, one testCase) (any, error) {
	if err := d.close(); err != nil {
		return nil, err
	}
	options := nexus.Options{URL: one.URL, Token: one.Token, OpenTimeout: limitOf(one)}
	if one.ReconnectTimeoutMS != nil {
		options.ReconnectTimeout = time.Duration(*one.ReconnectTimeoutMS) * time.Millisecond
		if options.ReconnectTimeout == 0 {
			options.ReconnectTimeout = -1
		}
	}
	client, err := nexus.Connect(ctx, options)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.client = client
	session := client.Session()
	return map[string]any{"level": session.Level, "subject": session.Identity.Subject}, nil
}
