package nexus

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// address is where the daemon is.
type address struct {
	url    string // WebSocket URL of the endpoint, without credentials
	socket string // path of the Unix socket; empty for TCP
}

func (a address) String() string {
	if a.socket != "" {
		return "unix:" + a.socket
	}
	return a.url
}

// loopback reports whether the connection stays on this machine.
func (a address) loopback() bool {
	if a.socket != "" {
		return true
	}
	parsed, err := url.Parse(a.url)
	if err != nil {
		return false
	}
	ip := net.ParseIP(parsed.Hostname())
	return parsed.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// unixURL is what the handshake over a Unix socket names; its host is one that every daemon accepts.
const unixURL = "ws://localhost/rpc"

// discover decides where the daemon is and which token to present: what is given, then NEXUS_URL and NEXUS_TOKEN, then
// the Unix socket below NEXUS_HOME, where the operating system vouches for the user and no token is needed.
func discover(options Options) (address, func(context.Context) (string, error), error) {
	given := options.URL
	if given == "" {
		given = os.Getenv("NEXUS_URL")
	}
	token := options.TokenSource
	if token == nil && options.Token != "" {
		token = fixedToken(options.Token)
	}
	if given == "" {
		home, err := homeDirectory()
		if err != nil {
			return address{}, nil, err
		}
		socket := filepath.Join(home, "run", "nexusd.sock")
		if _, err := os.Stat(socket); err != nil {
			return address{}, nil, &ConnectError{
				Address: "unix:" + socket,
				Hint:    "start a daemon with `boulder daemon start`, or set NEXUS_URL and NEXUS_TOKEN",
				Err:     fmt.Errorf("%w: NEXUS_URL is not set and there is no socket", ErrDaemonNotFound),
			}
		}
		return address{url: unixURL, socket: socket}, token, nil
	}
	if rest, ok := strings.CutPrefix(given, "unix:"); ok {
		path := strings.TrimPrefix(rest, "//")
		if !filepath.IsAbs(path) {
			return address{}, nil, &ConnectError{
				Address: given, Hint: "write unix:/run/user/1000/nexusd.sock",
				Err: errors.New("the URL names no absolute socket path"),
			}
		}
		return address{url: unixURL, socket: path}, token, nil
	}
	endpoint, err := endpointOf(given)
	if err != nil {
		return address{}, nil, err
	}
	if token == nil && os.Getenv("NEXUS_TOKEN") != "" {
		token = fixedToken(os.Getenv("NEXUS_TOKEN"))
	}
	return address{url: endpoint}, token, nil
}

func fixedToken(token string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return token, nil }
}

func homeDirectory() (string, error) {
	home := os.Getenv("NEXUS_HOME")
	if home != "" && !strings.HasPrefix(home, "~/") {
		return home, nil
	}
	user, err := os.UserHomeDir()
	if err != nil {
		return "", &ConnectError{Address: "unix:", Err: err, Hint: "set NEXUS_HOME or NEXUS_URL"}
	}
	if home != "" {
		return filepath.Join(user, home[2:]), nil
	}
	return filepath.Join(user, ".nexus"), nil
}

var schemes = map[string]string{"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}

func endpointOf(given string) (string, error) {
	parsed, err := url.Parse(given)
	// The message must not repeat what may be a credential.
	if err == nil && (parsed.User != nil || parsed.RawQuery != "" || parsed.Fragment != "") {
		return "", &ConnectError{
			Address: "the given URL", Hint: "pass the token as Options.Token or NEXUS_TOKEN",
			Err: errors.New("it holds credentials, a query or a fragment"),
		}
	}
	if err != nil || schemes[parsed.Scheme] == "" || parsed.Hostname() == "" {
		return "", &ConnectError{
			Address: "the given URL", Hint: "write http://host:port, wss://host/rpc or unix:/path",
			Err: errors.New("it is not the URL of a daemon"),
		}
	}
	path := parsed.Path
	if path == "" || path == "/" {
		path = "/rpc"
	}
	return schemes[parsed.Scheme] + "://" + parsed.Host + path, nil
}
