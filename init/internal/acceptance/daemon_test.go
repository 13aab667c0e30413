package acceptance

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/nexus-workspaces/nexus/init/internal/wire"
)

type object = map[string]any

// failure is an error answer.
type failure struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    struct {
		Name      string `json:"name"`
		Reason    string `json:"reason"`
		Protocols []int  `json:"protocols"`
	} `json:"data"`
}

func (f *failure) Error() string { return f.Data.Name + ": " + f.Message }

// info is a process as init tells of it.
type info struct {
	Process  string `json:"process"`
	Stream   uint32 `json:"stream"`
	PID      int    `json:"pid"`
	Started  uint64 `json:"started"`
	State    string `json:"state"`
	Exit     *end   `json:"exit"`
	Start    uint64 `json:"start"`
	End      uint64 `json:"end"`
	FirstRun uint64 `json:"first_run"`
	NextRun  uint64 `json:"next_run"`
	Ended    bool   `json:"ended"`
	Complete bool   `json:"complete"`
	PTY      bool   `json:"pty"`
	Stdin    *struct {
		Taken, Received uint64
		Open            bool
	} `json:"stdin"`
}

type end struct {
	Code   *int `json:"code"`
	Signal *int `json:"signal"`
}

func (e *end) String() string {
	switch {
	case e == nil:
		return "running"
	case e.Code != nil:
		return fmt.Sprintf("code %d", *e.Code)
	}
	return fmt.Sprintf("signal %d", *e.Signal)
}

type state struct {
	Proof      []byte `json:"proof"`
	PID        int    `json:"pid"`
	Name       string `json:"name"`
	Boot       string `json:"boot"`
	Generation int    `json:"generation"`
	Published  []struct {
		Address string
		Port    int
	} `json:"published"`
	Processes []info `json:"processes"`
	More      bool   `json:"more"`
}

// news is what one connection was told of a process.
type news struct {
	start, end    uint64
	runs          map[uint64]uint64
	outputs       int
	exits, ends   int
	exit          *end
	complete      bool
	stalled       string
	stalledReason string
	credit        uint64
}

// daemon is our side of a connection. Notifications are gathered while it lasts.
type daemon struct {
	m     *machine
	conn  *wire.Conn
	state state

	mu      sync.Mutex
	woken   *sync.Cond
	next    int
	answers map[int]json.RawMessage
	errors  map[int]*failure
	files   map[int]int
	told    map[string]*news
	streams map[uint32]string
	order   []string
	reason  string
	lost    error
}

type text struct {
	ID     *int            `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *failure        `json:"error"`
}

// connect authenticates.
func (m *machine) connect() *daemon {
	m.t.Helper()
	d, err := m.try()
	if err != nil {
		m.t.Fatalf("unable to connect: %v; it said: %s", err, m.stderr.String())
	}
	m.t.Cleanup(d.close)
	return d
}

func prove(secret []byte, label string, nonces ...[]byte) []byte {
	hash := hmac.New(sha256.New, secret)
	hash.Write([]byte(label))
	for _, nonce := range nonces {
		hash.Write(nonce)
	}
	return hash.Sum(nil)
}

func readText(conn *wire.Conn) (*text, error) {
	message, err := conn.Read(wire.MaxText)
	if err != nil {
		return nil, err
	}
	parsed := &text{}
	return parsed, json.Unmarshal(message.Payload, parsed)
}

func readHello(conn *wire.Conn) ([]byte, error) {
	first, err := readText(conn)
	if err != nil {
		return nil, err
	}
	var hello struct {
		Protocols []int
		Build     string
		Nonce     []byte
	}
	if err := json.Unmarshal(first.Params, &hello); err != nil || first.Method != "hello" || len(hello.Nonce) != 32 {
		return nil, fmt.Errorf("no hello: %v %v", first, err)
	}
	return hello.Nonce, nil
}

func (m *machine) try() (*daemon, error) {
	socket, err := net.Dial("unix", m.socket)
	if err != nil {
		return nil, err
	}
	d := &daemon{
		m: m, conn: wire.NewConn(socket.(*net.UnixConn)), answers: map[int]json.RawMessage{}, errors: map[int]*failure{},
		files: map[int]int{}, told: map[string]*news{}, streams: map[uint32]string{},
	}
	d.woken = sync.NewCond(&d.mu)
	theirs, err := readHello(d.conn)
	if err != nil {
		d.conn.Close()
		return nil, err
	}
	ours := make([]byte, 32)
	rand.Read(ours)
	go d.read()
	answer, err := d.ask("authenticate", object{
		"protocol": 1, "nonce": ours, "proof": prove(m.secret, "nexus-init daemon", theirs, ours),
	})
	if err == nil {
		err = json.Unmarshal(answer, &d.state)
	}
	if err == nil && !hmac.Equal(d.state.Proof, prove(m.secret, "nexus-init machine", ours, theirs)) {
		err = errors.New("it did not prove itself")
	}
	if err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

func (d *daemon) close() { d.conn.Close() }

func (d *daemon) read() {
	for {
		message, err := d.conn.Read(wire.MaxText)
		d.mu.Lock()
		if err != nil {
			d.lost = err
			d.woken.Broadcast()
			d.mu.Unlock()
			return
		}
		d.take(message)
		d.woken.Broadcast()
		d.mu.Unlock()
	}
}

func (d *daemon) of(id string) *news {
	if d.told[id] == nil {
		d.told[id] = &news{runs: map[uint64]uint64{}}
	}
	return d.told[id]
}

// seen notes what a view says, which no notification says again.
func (d *daemon) seen(view info) {
	told := d.of(view.Process)
	told.start, told.end = max(told.start, view.Start), max(told.end, view.End)
	if view.Exit != nil && told.exits == 0 {
		told.exits, told.exit = 1, view.Exit
	}
	if view.Ended && told.ends == 0 {
		told.ends, told.complete = 1, view.Complete
	}
}

func (d *daemon) take(message *wire.Message) {
	if message.Kind == wire.Binary {
		frame, err := wire.ParseFrame(message.Payload)
		if err != nil || frame.Type != wire.Credit {
			d.m.t.Errorf("a frame that makes no sense: %v %v", frame, err)
		}
		d.of(d.streams[frame.Stream]).credit = frame.Offset
		return
	}
	var parsed text
	if err := json.Unmarshal(message.Payload, &parsed); err != nil {
		d.m.t.Errorf("no JSON: %s", message.Payload)
		return
	}
	if parsed.ID != nil {
		d.answers[*parsed.ID], d.errors[*parsed.ID] = parsed.Result, parsed.Error
		d.files[*parsed.ID] = message.Take()
		var views struct {
			info
			Processes []info
		}
		json.Unmarshal(parsed.Result, &views)
		for _, view := range append(views.Processes, views.info) {
			if view.Process != "" {
				d.streams[view.Stream] = view.Process
				d.seen(view)
			}
		}
		return
	}
	var params struct {
		Process  string
		Start    uint64
		End      uint64
		FirstRun uint64 `json:"first_run"`
		At       uint64
		Runs     []uint64
		Exit     *end
		Complete bool
		Why      *string
		Reason   string
	}
	if err := json.Unmarshal(parsed.Params, &params); err != nil {
		d.m.t.Errorf("no params: %s", message.Payload)
	}
	d.order = append(d.order, parsed.Method)
	told := d.of(params.Process)
	switch parsed.Method {
	case "output":
		told.outputs++
		told.start, told.end = params.Start, params.End
		for at, run := range params.Runs {
			told.runs[params.At+uint64(at)] = run
		}
	case "exited":
		told.exits++
		told.exit = params.Exit
	case "ended":
		told.ends++
		told.end, told.complete = params.End, params.Complete
	case "stalled":
		told.stalled, told.stalledReason = "", params.Reason
		if params.Why != nil {
			told.stalled = *params.Why
		}
	case "closing":
		d.reason = params.Reason
	default:
		d.m.t.Errorf("there is no notification %q", parsed.Method)
	}
}

// request sends a request and returns its id.
func (d *daemon) request(method string, params any, files ...int) (int, error) {
	d.mu.Lock()
	d.next++
	id := d.next
	d.mu.Unlock()
	payload, err := json.Marshal(object{"jsonrpc": "2.0", "id": id, "method": method, "params": params})
	if err != nil {
		return 0, err
	}
	file := -1
	if len(files) > 0 {
		file = files[0]
	}
	return id, d.conn.Write(wire.Text, payload, file)
}

func (d *daemon) answer(id int) (json.RawMessage, error) {
	timer := time.AfterFunc(patience, func() {
		d.mu.Lock()
		d.lost = errors.New("no answer in time")
		d.woken.Broadcast()
		d.mu.Unlock()
	})
	defer timer.Stop()
	d.mu.Lock()
	defer d.mu.Unlock()
	for {
		if failed := d.errors[id]; failed != nil {
			return nil, failed
		}
		if result, come := d.answers[id]; come {
			return result, nil
		}
		if d.lost != nil {
			return nil, d.lost
		}
		d.woken.Wait()
	}
}

// ask sends a request and waits for its answer.
func (d *daemon) ask(method string, params any, files ...int) (json.RawMessage, error) {
	id, err := d.request(method, params, files...)
	if err != nil {
		return nil, err
	}
	return d.answer(id)
}

// call is ask where only the error matters; it returns its name.
func (d *daemon) call(method string, params any, files ...int) string {
	_, err := d.ask(method, params, files...)
	var failed *failure
	switch {
	case err == nil:
		return ""
	case errors.As(err, &failed):
		return failed.Data.Name
	}
	return err.Error()
}

func (d *daemon) must(method string, params any, result any, files ...int) {
	d.m.t.Helper()
	answer, err := d.ask(method, params, files...)
	if err == nil && result != nil {
		err = json.Unmarshal(answer, result)
	}
	if err != nil {
		d.m.t.Fatalf("%s: %v; it said: %s", method, err, d.m.stderr.String())
	}
}

func (d *daemon) notify(method string, params object) {
	d.m.t.Helper()
	payload, _ := json.Marshal(object{"jsonrpc": "2.0", "method": method, "params": params})
	if err := d.conn.Write(wire.Text, payload, -1); err != nil {
		d.m.t.Fatal(err)
	}
}

func (m *machine) log(id string) string { return filepath.Join(m.folder, id+".log") }

// spec is a spawn with what most tests want.
func spec(id string, argv ...string) object {
	return object{
		"process": id, "argv": argv, "env": []string{"PATH=" + os.Getenv("PATH"), "HOME=/"}, "cwd": "/", "user": "",
		"groups": nil, "rlimits": object{}, "pty": nil, "stdin": false, "capacity": 1 << 20,
	}
}

func (d *daemon) trySpawn(params object) (*info, error) {
	path := d.m.log(params["process"].(string))
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	answer, err := d.ask("spawn", params, int(file.Fd()))
	if err != nil {
		return nil, err
	}
	view := &info{}
	return view, json.Unmarshal(answer, view)
}

func (d *daemon) spawn(params object) *info {
	d.m.t.Helper()
	view, err := d.trySpawn(params)
	if err != nil {
		d.m.t.Fatalf("spawn: %v; it said: %s", err, d.m.stderr.String())
	}
	return view
}

// sh is a spec that runs a script.
func sh(id, script string) object { return spec(id, "sh", "-c", script) }

// with changes a spec.
func with(params object, key string, value any) object {
	params[key] = value
	return params
}

// wait waits until what is told of a process fulfils something.
func (d *daemon) wait(id, what string, holds func(*news) bool) news {
	d.m.t.Helper()
	timer := time.AfterFunc(patience, func() {
		d.mu.Lock()
		d.lost = errors.New("it did not happen in time")
		d.woken.Broadcast()
		d.mu.Unlock()
	})
	defer timer.Stop()
	d.mu.Lock()
	defer d.mu.Unlock()
	for !holds(d.of(id)) {
		if d.lost != nil {
			d.m.t.Fatalf("in vain: %s: %v %q; told %+v; it said: %s", what, d.lost, d.reason, *d.of(id), d.m.stderr.String())
		}
		d.woken.Wait()
	}
	told := *d.of(id)
	told.runs = maps.Clone(told.runs)
	return told
}

// finished waits until a process was reaped and its output has ended.
func (d *daemon) finished(id string) news {
	d.m.t.Helper()
	return d.wait(id, "the end of "+id, func(n *news) bool { return n.exits > 0 && n.ends > 0 })
}

// closed waits until the connection is closed, and returns why.
func (d *daemon) closed() string {
	d.m.t.Helper()
	timer := time.AfterFunc(patience, func() { d.conn.Close() })
	defer timer.Stop()
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.lost == nil {
		d.woken.Wait()
	}
	return d.reason
}

// input sends a frame of DATA or EOF.
func (d *daemon) input(kind byte, stream uint32, offset uint64, data []byte) {
	d.m.t.Helper()
	frame := wire.Frame{Type: kind, Stream: stream, Offset: offset, Payload: data}
	if err := d.conn.Write(wire.Binary, frame.Append(nil), -1); err != nil {
		d.m.t.Fatal(err)
	}
}

// output reads a log's file: the bytes that are kept, the start of them, and how many are of channel 2.
func output(t *testing.T, path string) (data []byte, start uint64) {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(file) == 0 {
		return nil, 0
	}
	word := func(at int) uint64 { return binary.LittleEndian.Uint64(file[at:]) }
	capacity, slots, start, end := word(8), word(16), word(24), word(32)
	bytesAt := 4096 + (slots*8+4095)/4096*4096
	data = make([]byte, 0, end-start)
	for at := start; at < end; {
		from := at % capacity
		to := min(from+end-at, capacity)
		data = append(data, file[bytesAt+from:bytesAt+to]...)
		at += to - from
	}
	return data, start
}
