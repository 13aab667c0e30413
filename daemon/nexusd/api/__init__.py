"""The methods of the schema, one module per domain: params in, one service call, result out. No logic.

Each module has a `register(dispatcher, services)`; `nexusd.api.register.register_all` calls them and fails at start if
a method of the schema is served by nobody.
"""
