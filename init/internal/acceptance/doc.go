// Package acceptance tests the real program over its real socket, as the daemon sees it.
package acceptance
