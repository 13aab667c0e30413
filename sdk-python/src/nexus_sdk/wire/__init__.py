"""The wire both ends share, without sockets: frames, messages, credit, stream halves.

Modules here do no I/O, import no event loop and keep no clock. A transport feeds them what arrived and sends what they
encode; the daemon, the Python SDK and the tests all drive the same code.

    frames    binary frames: stream bytes, end of a channel, credit
    messages  text frames: JSON-RPC 2.0 requests, notifications, responses
    credit    how far a sender may go, how far a receiver has allowed
    streams   the two directions of a stream: offsets, gaps, replays, ends
"""
