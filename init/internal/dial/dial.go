// Package dial connects to ports on our own loopback.
package dial

import (
	"context"
	"net"
	"strconv"
	"time"

	"github.com/nexus-workspaces/nexus/init/internal/wire"
)

// timeout is for both addresses together. A connection within one machine is made or refused at once, unless a backlog is
// full.
const timeout = 5 * time.Second

// Loopback connects to a TCP port on 127.0.0.1 or else ::1, and returns which it was.
func Loopback(within context.Context, port int) (*net.TCPConn, string, *wire.Error) {
	if port < 1 || port > 65535 {
		return nil, "", wire.Errorf(wire.InvalidParams, nil, "port: %d is none", port)
	}
	deadline, stop := context.WithTimeout(within, timeout)
	defer stop()
	var dialer net.Dialer
	var first error
	for _, host := range [...]string{"127.0.0.1", "::1"} {
		address := net.JoinHostPort(host, strconv.Itoa(port))
		connection, err := dialer.DialContext(deadline, "tcp", address)
		if err == nil {
			return connection.(*net.TCPConn), address, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, "", wire.Errorf(wire.PortRefused, first, "unable to connect to port %d", port)
}
