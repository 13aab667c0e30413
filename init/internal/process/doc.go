// Package process starts the processes of a workspace, and keeps for each its output, its input and its end, for as long
// as the daemon wants to know.
//
// Locks are taken in this order: the table's gate (for reading), the reaper's, the table's, a process's. The gate is held
// for writing only by an upgrade, which then finds every process at rest: no byte is between a pipe and its log, no child
// between its end and its record.
package process
