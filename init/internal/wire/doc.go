// Package wire is the lowest layer of the protocol between nexusd and nexus-init: messages on a Unix stream socket, the
// file descriptors that travel with them, binary frames, and JSON-RPC objects. It knows no method.
package wire
