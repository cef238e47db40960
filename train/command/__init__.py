"""The commands of `python -m train`: one module each, imported only when it is chosen.

As in `cxr_core.command`: `add(parser)` says which arguments a command takes, `run(arguments)` does
it and returns 0, and what cannot be done is raised as a `CxrError`. `arguments.command` holds what
was typed, without folders, for the record of what was made.
"""
