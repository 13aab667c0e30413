package nexus

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"sync"
	"time"

	"github.com/nexus-workspaces/nexus/sdk-go/protocol"
)

// margin is how long an answer may be overdue beyond the daemon's own deadline.
const margin = 15 * time.Second

// connection makes calls over one link at a time, which is made anew when it breaks. Calls and streams ask for the link
// when they need it; the first to ask after a break starts the attempt that all share. Nothing reconnects while nobody
// asks. It is safe for concurrent use.
type connection struct {
	address address
	options Options

	mu         sync.Mutex
	token      func(context.Context) (string, error)
	current    *link
	attempt    *attempt // the reconnect under way
	backoff    backoff
	reconnects int

	// closed ends with the connection; everything that waits for longer than a call listens to it.
	closed context.Context
	close  context.CancelFunc
}

// attempt is a reconnect that several callers wait for; link and err are set before done is closed.
type attempt struct {
	done chan struct{}
	link *link
	err  error
}

// open connects, once: what fails now is an answer to the caller, not something to sit out.
func (c *connection) open(ctx context.Context) error {
	made, err := c.dial(ctx)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current = made
	return nil
}

func (c *connection) dial(ctx context.Context) (*link, error) {
	c.mu.Lock()
	source := c.token
	c.mu.Unlock()
	token := ""
	if source != nil {
		var err error
		if token, err = source(ctx); err != nil {
			return nil, &ConnectError{Address: c.address.String(), Err: fmt.Errorf("no token: %w", err)}
		}
	}
	return dialLink(ctx, c.address, token, c.options)
}

// ready returns what the daemon announced when the connection was last made.
func (c *connection) ready() protocol.SessionReady {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.current.ready
}

// link returns the live link, waiting for one if it broke. Errors are ErrClosed, ctx's, a *ConnectionLostError, or one
// that says that no link will ever be made.
func (c *connection) link(ctx context.Context) (*link, error) {
	c.mu.Lock()
	if c.closed.Err() != nil {
		c.mu.Unlock()
		return nil, ErrClosed
	}
	if c.attempt == nil {
		if c.current.alive() {
			defer c.mu.Unlock()
			return c.current, nil
		}
		c.attempt = &attempt{done: make(chan struct{})}
		go c.reconnect(c.attempt, c.current)
	}
	shared := c.attempt
	c.mu.Unlock()
	select {
	case <-shared.done:
		return shared.link, shared.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (c *connection) reconnect(shared *attempt, lost *link) {
	made, err := c.untilLinked(lost)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil && c.closed.Err() != nil {
		go made.close(1000, "")
		err = ErrClosed
	}
	if err == nil {
		c.current = made
		c.reconnects++
		shared.link = made
	}
	shared.err = err
	c.attempt = nil
	close(shared.done)
}

func (c *connection) untilLinked(lost *link) (*link, error) {
	down, useful := lost.end()
	if useful {
		c.backoff.reset() // only one attempt at a time touches it
	}
	if !c.options.IsTransient(down.cause) && lost.reportOnce() {
		return nil, brokenOff("", false, down.cause)
	}
	deadline := time.Now().Add(c.options.ReconnectTimeout)
	for attempts := 0; ; attempts++ {
		pause := c.backoff.next()
		if time.Now().Add(pause).After(deadline) {
			return nil, &ConnectionLostError{
				Err: fmt.Errorf("no connection for %v (%d attempts) since: %w", c.options.ReconnectTimeout, attempts, down.cause),
			}
		}
		select {
		case <-time.After(pause):
		case <-c.closed.Done():
			return nil, ErrClosed
		}
		made, err := c.dial(c.closed)
		if err == nil {
			return made, nil
		}
		if c.closed.Err() != nil {
			return nil, ErrClosed
		}
		if !c.options.IsTransient(err) {
			return nil, err
		}
	}
}

// call calls a method and returns its undecoded result. After a break it repeats the call by itself if the schema calls
// it idempotent or it carries a key.
func (c *connection) call(
	ctx context.Context, method string, params any, onProgress func(Progress),
) (json.RawMessage, error) {
	spec := protocol.Methods[method]
	prepared, keyed := prepare(spec, params, c.options.NoAutoKey, onProgress != nil)
	encoded, err := encodeParams(prepared)
	if err != nil {
		text := fmt.Sprintf("%s: %v", method, err)
		return nil, protocol.NewRemoteError(protocol.ErrInvalidParams.Code, text, nil)
	}
	limit := deadlineOf(spec, prepared)
	bounded := ctx
	if limit > 0 {
		var cancel context.CancelFunc
		bounded, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	sent := false
	repeatable := keyed || spec != nil && spec.Idempotent
	for {
		result, err := c.once(bounded, spec, method, encoded, onProgress, &sent)
		var down *linkDown
		var lost *ConnectionLostError
		var broken *ProtocolError
		switch {
		case err == nil:
			return result, nil
		case ctx.Err() != nil && errors.Is(err, ctx.Err()):
			return nil, &InterruptedError{Method: method, MayHaveRun: sent, Err: ctx.Err()}
		case bounded.Err() != nil && errors.Is(err, context.DeadlineExceeded):
			return nil, &CallTimeoutError{Method: method, After: limit, MayHaveRun: sent}
		case errors.As(err, &down) && c.closed.Err() != nil, errors.Is(err, ErrClosed):
			return nil, &InterruptedError{Method: method, MayHaveRun: sent, Err: ErrClosed}
		case errors.As(err, &down) && (repeatable || !down.sent):
			continue
		case errors.As(err, &down):
			return nil, brokenOff(method, true, down.cause)
		case errors.As(err, &lost):
			return nil, &ConnectionLostError{Method: method, MayHaveRun: sent, Err: lost.Err}
		case errors.As(err, &broken):
			return nil, brokenOff(method, sent, broken)
		}
		return nil, err
	}
}

// once makes one attempt on one link.
func (c *connection) once(
	ctx context.Context, spec *protocol.Method, method string, params json.RawMessage, onProgress func(Progress),
	sent *bool,
) (json.RawMessage, error) {
	l, err := c.link(ctx)
	if err != nil {
		return nil, err
	}
	if err := checkLevel(spec, l); err != nil {
		return nil, err
	}
	if err := l.admit(ctx); err != nil {
		return nil, err
	}
	r, err := l.begin(method, params, nil, onProgress != nil)
	if err != nil {
		return nil, err
	}
	for {
		select {
		case progress := <-r.progress:
			onProgress(progress)
		case <-r.done:
			// A step that came before the result is told before it.
			select {
			case progress := <-r.progress:
				onProgress(progress)
			default:
			}
			*sent = *sent || l.wasSent(r)
			return r.result, r.err
		case <-ctx.Done():
			*sent = l.abandon(r) || *sent
			return nil, ctx.Err()
		}
	}
}

// checkLevel refuses a method that the daemon is too old for; nothing is sent then.
func checkLevel(spec *protocol.Method, l *link) error {
	if spec == nil || int64(spec.Since) <= l.ready.Level {
		return nil
	}
	text := fmt.Sprintf("%s exists since level %d; this daemon speaks level %d", spec.Name, spec.Since, l.ready.Level)
	return protocol.NewRemoteError(protocol.ErrMethodNotFound.Code, text, json.RawMessage(`{"hint":"update the daemon"}`))
}

// decodeResult decodes a result into a struct of the schema. One that does not fit is an error of the daemon, after the
// call had its effect.
func decodeResult(method string, raw json.RawMessage, result any) error {
	if into, ok := result.(*json.RawMessage); ok {
		*into = raw
		return nil
	}
	var err error
	if own, ok := result.(json.Unmarshaler); ok {
		err = own.UnmarshalJSON(raw)
	} else {
		err = json.Unmarshal(raw, result)
	}
	if err != nil {
		return &ProtocolError{MayHaveRun: true, Err: fmt.Errorf("the result of %s: %w", method, err)}
	}
	return nil
}

// prepare returns the params with a key where the method takes one and none was given, and with progress asked for. The
// caller's struct is not changed. It also returns whether the params carry a key.
func prepare(spec *protocol.Method, params any, noKey, progress bool) (any, bool) {
	if spec == nil || !spec.Keyed && !(spec.Progress && progress) {
		return params, false
	}
	given := reflect.ValueOf(params)
	if given.Kind() == reflect.Map {
		return prepareMap(spec, given, noKey, progress)
	}
	if given.Kind() != reflect.Pointer || given.Elem().Kind() != reflect.Struct {
		return params, false
	}
	changed := reflect.New(given.Elem().Type())
	changed.Elem().Set(given.Elem())
	keyed := false
	if key := changed.Elem().FieldByName("Key"); spec.Keyed && key.IsValid() {
		if key.String() == "" && !noKey {
			key.SetString(newID())
		}
		keyed = key.String() != ""
	}
	if flag := changed.Elem().FieldByName("Progress"); spec.Progress && progress && flag.IsValid() {
		flag.SetBool(true)
	}
	return changed.Interface(), keyed
}

func prepareMap(spec *protocol.Method, given reflect.Value, noKey, progress bool) (any, bool) {
	changed := map[string]any{}
	for entries := given.MapRange(); entries.Next(); {
		changed[entries.Key().String()] = entries.Value().Interface()
	}
	if _, keyed := changed["key"]; spec.Keyed && !keyed && !noKey {
		changed["key"] = newID()
	}
	if spec.Progress && progress {
		changed["progress"] = true
	}
	_, keyed := changed["key"]
	return changed, spec.Keyed && keyed
}

// newID returns a fresh id for a key, an attachment or an upload.
func newID() string { return rand.Text() }

// deadlineOf returns after how long an answer is overdue: the method's deadline, or the one in its params, and a margin;
// 0 for none.
func deadlineOf(spec *protocol.Method, params any) time.Duration {
	if spec == nil {
		return time.Minute
	}
	if spec.Timeout > 0 {
		return spec.Timeout + margin
	}
	limit := spec.DefaultTimeout
	if given, ok := timeoutOf(params); ok {
		limit = given
	}
	if limit == 0 {
		return 0
	}
	return limit + margin
}

// timeoutOf returns what the params say in timeout_ms.
func timeoutOf(params any) (time.Duration, bool) {
	given := reflect.ValueOf(params)
	switch {
	case given.Kind() == reflect.Map:
		for entries := given.MapRange(); entries.Next(); {
			if entries.Key().String() == "timeout_ms" {
				number, err := strconv.ParseInt(fmt.Sprint(entries.Value().Interface()), 10, 64)
				return time.Duration(number) * time.Millisecond, err == nil
			}
		}
	case given.Kind() == reflect.Pointer && given.Elem().Kind() == reflect.Struct:
		field := given.Elem().FieldByName("TimeoutMS")
		if field.Kind() == reflect.Pointer {
			field = field.Elem()
		}
		if field.IsValid() {
			return time.Duration(field.Int()) * time.Millisecond, true
		}
	}
	return 0, false
}
