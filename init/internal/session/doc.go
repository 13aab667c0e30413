// Package session is the socket's side: it lets one daemon at a time in, answers what it asks, and tells it what happens.
package session
