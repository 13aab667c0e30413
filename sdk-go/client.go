package nexus

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"time"

	"github.com/nexus-workspaces/nexus/sdk-go/protocol"
)

// Options says where the daemon is and how a connection behaves. The zero value finds the daemon by NEXUS_URL and
// NEXUS_TOKEN, then by its Unix socket below NEXUS_HOME (~/.nexus).
type Options struct {
	// URL is http://, https://, ws:// or wss:// with the path /rpc unless it has one, or unix:<path>. Empty looks
	// further.
	URL string

	// Token is presented to the daemon. Empty takes NEXUS_TOKEN, which is never sent to a Unix socket.
	Token string

	// TokenSource returns a fresh token each time a connection is made; it takes precedence over Token.
	TokenSource func(context.Context) (string, error)

	// OpenTimeout is for connecting, handshake and the daemon's first message; 0 stands for 10 seconds.
	OpenTimeout time.Duration

	// ReconnectTimeout is how long to go on trying after a connection broke; 0 stands for a minute, and a negative one
	// never reconnects.
	ReconnectTimeout time.Duration

	// PingInterval is the time between pings, and until a missing pong ends the connection; 0 stands for 20 seconds,
	// and a negative one sends none.
	PingInterval time.Duration

	// IsTransient decides what is worth another attempt; nil stands for the function IsTransient.
	IsTransient func(error) bool

	// NoAutoKey leaves keyed calls without a key as they are. Otherwise they are given a random one, so that they can
	// be repeated safely after a break.
	NoAutoKey bool

	// TLSConfig is used for https:// and wss://; nil verifies against the system's certificates.
	TLSConfig *tls.Config
}

// Client is a connection to a daemon that outlives breaks: calls and streams survive them as far as the schema allows.
// Make one with Connect. It is safe for concurrent use.
type Client struct {
	conn *connection
}

// Connect connects to a daemon. ctx bounds connecting alone; the client lives until Close. Errors are of type
// *ConnectError.
func Connect(ctx context.Context, options Options) (*Client, error) {
	options.OpenTimeout = orDefault(options.OpenTimeout, 10*time.Second)
	options.ReconnectTimeout = orDefault(options.ReconnectTimeout, time.Minute)
	options.PingInterval = orDefault(options.PingInterval, 20*time.Second)
	if options.IsTransient == nil {
		options.IsTransient = IsTransient
	}
	where, token, err := discover(options)
	if err != nil {
		return nil, err
	}
	c := &connection{address: where, options: options, token: token}
	c.closed, c.close = context.WithCancel(context.Background())
	if err := c.open(ctx); err != nil {
		c.close()
		return nil, err
	}
	return &Client{conn: c}, nil
}

func orDefault(given, otherwise time.Duration) time.Duration {
	switch {
	case given == 0:
		return otherwise
	case given < 0:
		return 0
	}
	return given
}

// Close closes the connection. What is under way fails with ErrClosed; processes run on. Closing twice does nothing.
func (c *Client) Close() error {
	c.conn.mu.Lock()
	already := c.conn.closed.Err() != nil
	c.conn.close()
	current := c.conn.current
	c.conn.mu.Unlock()
	if !already {
		current.close(1000, "")
	}
	return nil
}

// Session returns what the daemon announced when the connection was last made: level, limits, identity, expiry.
func (c *Client) Session() protocol.SessionReady { return c.conn.ready() }

// Address returns where the daemon is, without credentials.
func (c *Client) Address() string { return c.conn.address.String() }

// Reconnects returns how often the connection was made anew.
func (c *Client) Reconnects() int {
	c.conn.mu.Lock()
	defer c.conn.mu.Unlock()
	return c.conn.reconnects
}

// Call calls any method of the protocol that is no stream. Params is a pointer to a struct of package protocol, a
// map[string]any, a json.RawMessage or nil; result a pointer to a struct of package protocol, to a json.RawMessage, or
// nil to ignore it.
//
// When ctx ends, Call returns an *InterruptedError at once and tells the daemon to cancel; the connection goes on. After
// a break the call is repeated by itself if the schema calls it idempotent or it carries a key; MayHaveRun says of
// other errors whether the call may have had its effect.
func (c *Client) Call(ctx context.Context, method string, params, result any) error {
	if spec := protocol.Methods[method]; spec != nil && spec.Stream != nil {
		text := method + " is a stream, not a call"
		return protocol.NewRemoteError(protocol.ErrInvalidParams.Code, text, nil)
	}
	raw, err := c.conn.call(ctx, method, params, nil)
	if err != nil || result == nil {
		return err
	}
	return decodeResult(method, raw, result)
}

// Ping asks the daemon for a sign of life and returns its clock.
func (c *Client) Ping(ctx context.Context) (time.Time, error) {
	pong, err := call[protocol.SessionPong](ctx, c.conn, "session.ping", &protocol.NoParams{}, nil)
	return pong.Time, err
}

// Refresh renews the identity of this connection with a new token for the same subject, in place. It is also what later
// connections present, unless Options.TokenSource was set.
func (c *Client) Refresh(ctx context.Context, token string) (protocol.SessionRefreshed, error) {
	params := &protocol.SessionRefreshParams{Token: token}
	renewed, err := call[protocol.SessionRefreshed](ctx, c.conn, "session.refresh", params, nil)
	if err == nil && c.conn.options.TokenSource == nil {
		c.conn.mu.Lock()
		c.conn.token = fixedToken(token)
		c.conn.mu.Unlock()
	}
	return renewed, err
}

// Discover returns the schema of the daemon as an OpenRPC document.
func (c *Client) Discover(ctx context.Context) (json.RawMessage, error) {
	result, err := call[protocol.DiscoverResult](ctx, c.conn, "rpc.discover", &protocol.NoParams{}, nil)
	return result.Document, err
}

// call calls a method and decodes its result.
func call[T any](
	ctx context.Context, c *connection, method string, params any, onProgress func(Progress),
) (result T, err error) {
	raw, err := c.call(ctx, method, params, onProgress)
	if err == nil {
		err = decodeResult(method, raw, &result)
	}
	return result, err
}
