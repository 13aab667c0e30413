"""The daemon's half of JSON-RPC: dispatch, exactly one answer, cancel, streams. Knows no method and no socket.

connection  one per WebSocket: frames in, frames out, the calls in flight
dispatch    the registry of handlers, and one call outside a connection (POST)
call        what a handler is told about the call it serves
stream      what a stream handler sends and receives by
progress    `$/progress`, rate-limited
faults      from an exception to the error that is sent
errors      what may go wrong between a handler and its connection
"""
