"""Could a high score on these films come from something other than disease?

Classifiers that must not work (file size, border, thumbnail, corners), the systems on films that
are mostly painted black, what a model's features tell of the source, copies across splits, small
changes that should not matter, and whether films are ones that the models were made from.
"""
