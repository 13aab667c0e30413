"""Programs that use a daemon from one language: through its SDK, or with nothing but a WebSocket.

Python's are here, the others are `sdk-go/cmd/bench` and `sdk-typescript/bench`. A program is told by its one argument
which it is, `sdk` or `bare`. It reads commands from standard input, a JSON object on each line, does one after the
other, and answers each with a line::

    {"do": "connect", "url": "ws://...", "token": "..."}                 {}
    {"do": "calls", "count": 20000, "depth": 64}                         {"seconds": 1.2}
    {"do": "runs", "count": 100, "workspace": "ws_..."}                  {"seconds": 0.0016}
    {"do": "download", "workspace": "ws_...", "path": "...", "size": n}  {"seconds": 0.9}
    {"do": "hold", "count": 100}                                         {}

`connect` comes first; calls, runs and downloads use its connection. `calls` are `session.ping` with `depth` of them in
flight, and the seconds of all. `runs` are `exec.run true` one after the other, and the median of their seconds. A
download is read to its end, counted and dropped. `hold` opens so many connections more, that do nothing, and then frees
what memory is not needed. What goes wrong is answered with `{"error": "..."}`, and the program ends.
"""
