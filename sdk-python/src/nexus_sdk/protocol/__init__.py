# Generated from schema/nexus; do not edit.
"""The Nexus protocol: types, errors and the method table. Import the module that is needed:
`nexus_sdk.protocol.types`, `nexus_sdk.protocol.errors`, `nexus_sdk.protocol.methods`.
"""
