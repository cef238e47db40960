"""The commands of `python -m cxr_core`: one module each, imported only when it is chosen.

A module has two functions. `add(parser)` says which arguments the command takes; `run(arguments)`
does it and returns the exit status, 0 or 1 where some film is in error. What stops the whole
command is raised as a `CxrError`: `cxr_core.__main__` says it and exits with 1, or with 2 for a
`WrongUsageError`. `table` lists the commands, `option` has the arguments that several take,
`terminal` what all say and write.
"""
